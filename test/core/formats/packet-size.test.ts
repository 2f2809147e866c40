// Packets with something around them come out plain, however the bytes are cut and whatever lies between.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PacketSize, recognise } from "../../../core/formats/content.ts";
import { createUnwrap } from "../../../core/formats/packet-size.ts";

function wrapped(count: number, size: PacketSize): { plain: Uint8Array[]; bytes: Uint8Array } {
  const lead = size === 192 ? 4 : 0;
  const plain: Uint8Array[] = [];
  const bytes = new Uint8Array(count * size).fill(0x47);
  for (let index = 0; index < count; index++) {
    const packet = new Uint8Array(188).fill(index);
    packet[0] = 0x47;
    plain.push(packet);
    bytes.fill(0xee, index * size, index * size + size);
    bytes.set(packet, index * size + lead);
  }
  return { plain, bytes };
}

for (const size of [192, 204] as const)
  test(`createUnwrap() leaves the packets of units of ${size} bytes, however they are cut`, () => {
    const { plain, bytes } = wrapped(30, size);
    const content = recognise(bytes, true);
    assert.equal(content.kind === "ts" && content.size, size);
    if (content.kind !== "ts") return;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 60, maxLength: 200 }), (cuts) => {
        const unwrap = createUnwrap(content);
        const got: number[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          got.push(...unwrap(bytes.subarray(at, at + cut)));
          at += cut;
        }
        // The last has no next that would confirm it.
        assert.deepEqual(
          got,
          plain.slice(0, 29).flatMap((packet) => [...packet]),
        );
      }),
      { numRuns: 20 },
    );
  });

test("createUnwrap() finds the grid again after a hole", () => {
  const { plain, bytes } = wrapped(20, 204);
  const unwrap = createUnwrap({ kind: "ts", offset: 0, size: 204 });
  const got = unwrap(Uint8Array.from([...bytes.subarray(0, 5 * 204 + 50), ...bytes.subarray(6 * 204)]));
  const kept = [...plain.slice(0, 5), ...plain.slice(6, 19)];
  assert.deepEqual(
    [...got],
    kept.flatMap((packet) => [...packet]),
  );
});
