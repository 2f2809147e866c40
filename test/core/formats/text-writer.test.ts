// Pieces put together are the texts put together, whatever their signs and lengths.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { encodeItems, type TextWriter } from "../../../core/formats/text-writer.ts";

function joined(texts: readonly string[], head?: string): Buffer {
  const between = Buffer.from("|é");
  const pieces: Uint8Array[] = [];
  const write = (text: string, to: TextWriter) => {
    to.text(text);
    to.bytes(between);
  };
  for (const piece of encodeItems(texts, write, head)) pieces.push(new Uint8Array(piece));
  return Buffer.concat(pieces);
}

test("encodeItems() gives the same bytes as encoding everything at once", () => {
  const text = fc.record({ unit: fc.string({ unit: "grapheme" }), times: fc.constantFrom(1, 2, 5_000, 200_000) });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), fc.string(), (parts, head) => {
      const texts = parts.map(({ unit, times }) => unit.repeat(times));
      assert.ok(joined(texts, head).equals(Buffer.from(head + texts.map((each) => `${each}|é`).join(""))));
    }),
    { numRuns: 30 },
  );
});

test("encodeItems() gives pieces of even size, and none that is empty", () => {
  const items = Array.from({ length: 3_000 }, () => "ü".repeat(100));
  const sizes = [...encodeItems(items, (text, to) => to.text(text))].map((piece) => piece.length);
  assert.ok(sizes.length > 1);
  assert.ok(sizes.every((size) => size > 0 && size <= (1 << 16) + 200));
  assert.deepEqual([...encodeItems([], () => {})], []);
});
