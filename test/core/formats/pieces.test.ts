// Pieces put together are the texts put together.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { encodePieces } from "../../../core/formats/pieces.ts";

function joined(texts: readonly string[]): Buffer {
  const pieces: Uint8Array[] = [];
  for (const piece of encodePieces(texts)) pieces.push(new Uint8Array(piece));
  return Buffer.concat(pieces);
}

test("encodePieces() gives the same bytes as encoding everything at once", () => {
  const text = fc.record({ unit: fc.string({ unit: "grapheme" }), times: fc.constantFrom(1, 2, 5_000, 200_000) });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), (parts) => {
      const texts = parts.map(({ unit, times }) => unit.repeat(times));
      assert.ok(joined(texts).equals(Buffer.from(texts.join(""))));
    }),
    { numRuns: 30 },
  );
});

test("encodePieces() gives pieces of even size, and none that is empty", () => {
  const sizes = [...encodePieces(Array.from({ length: 3_000 }, () => "ü".repeat(100)))].map((piece) => piece.length);
  assert.ok(sizes.length > 1);
  assert.ok(sizes.every((size) => size > 0 && size <= 1 << 16));
  assert.deepEqual([...encodePieces(["", ""])], []);
});
