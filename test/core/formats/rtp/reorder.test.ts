// The reorder window: order is restored within its bounds, nothing is delivered twice, and new beginnings are believed.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createReorder, type ReorderOptions } from "../../../../core/formats/rtp.ts";

/** Pushes sequence numbers, one a millisecond, and says what came out. */
function run(sequences: readonly number[], options?: ReorderOptions) {
  const out: number[] = [];
  const reorder = createReorder<number>((item) => out.push(item), options);
  for (const [now, sequence] of sequences.entries()) reorder.push(sequence & 0xffff, 1, sequence & 0xffff, now);
  return { out, reorder, counts: reorder.counts };
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => (from + index) & 0xffff);

test("createReorder() passes what is in order at once, over the wrap", () => {
  const { out, counts } = run(range(65_500, 100));
  assert.deepEqual(out, range(65_500, 100));
  assert.deepEqual(counts, { received: 100, lost: 0, duplicates: 0, late: 0, early: 0, restarts: 0 });
});

test("createReorder() restores any order within its window, drops every duplicate, and loses nothing", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 0xffff }),
      fc.array(fc.tuple(fc.nat({ max: 15 }), fc.boolean()), { minLength: 1, maxLength: 300 }),
      (start, moves) => {
        // Each packet is delayed by up to 15 places; some come twice.
        const sent = moves
          .flatMap(([delay, twice], index) => [
            { index, at: index + delay },
            ...(twice ? [{ index, at: index + 15 }] : []),
          ])
          .sort((a, b) => a.at - b.at);
        // The first one is where counting begins.
        const ordered = [{ index: -1 }, ...sent].map(({ index }) => (start + 1 + index) & 0xffff);
        const { out, counts, reorder } = run(ordered, { packets: 64, time: 1e9 });
        assert.deepEqual(out, range(start, moves.length + 1));
        assert.equal(counts.duplicates, ordered.length - moves.length - 1);
        assert.equal(counts.lost + counts.late + counts.restarts + reorder.held, 0);
      },
    ),
  );
});

test("createReorder() delivers in order and each at most once, whatever comes", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.nat({ max: 200 }), { maxLength: 200 }),
      fc.integer({ min: 0, max: 60 }),
      (packets, offsets, time) => {
        const { out, reorder, counts } = run(
          offsets.map((offset) => offset + 65_400),
          { packets, time },
        );
        reorder.flush();
        const steps = out.map((sequence) => (sequence - 65_400) & 0xffff);
        assert.deepEqual(
          steps,
          [...new Set(steps)].sort((a, b) => a - b),
        );
        assert.equal(counts.received, out.length + counts.duplicates + counts.late);
      },
    ),
  );
});

test("createReorder() never holds more than its window and survives any numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 0xffff }), fc.nat({ max: 2 })), { maxLength: 300 }), (pushes) => {
      let out = 0;
      const reorder = createReorder<number>(() => out++, { packets: 8, time: 1e9 });
      for (const [sequence, ssrc] of pushes) {
        reorder.push(sequence, ssrc, sequence, 0);
        assert.ok(reorder.held <= 8);
      }
      reorder.flush();
      assert.equal(reorder.held, 0);
      assert.ok(out <= pushes.length);
    }),
  );
});

test("createReorder() gives up what is missing when the window is full, and counts it", () => {
  const { out, counts, reorder } = run([10, ...range(12, 8)], { packets: 8, time: 1e9 });
  assert.deepEqual(out, [10, ...range(12, 8)]);
  assert.equal(counts.lost, 1);
  assert.equal(reorder.held, 0);
});

test("createReorder() gives up what is missing after its time, when told the time or with the next packet", () => {
  const out: number[] = [];
  const reorder = createReorder<number>((item) => out.push(item), { time: 50 });
  const push = (sequence: number, now: number) => reorder.push(sequence, 1, sequence, now);
  push(1, 0);
  push(3, 10);
  reorder.expire(59);
  assert.deepEqual(out, [1]);
  reorder.expire(60);
  assert.deepEqual(out, [1, 3]);
  push(6, 70);
  push(8, 100);
  push(9, 121);
  assert.deepEqual(out, [1, 3, 6]);
  assert.equal(reorder.counts.lost, 3);
  push(2, 122);
  assert.equal(reorder.counts.late, 1);
  push(3, 123);
  assert.equal(reorder.counts.duplicates, 1);
});

test("createReorder() takes a new sender at once, after what the old one had sent", () => {
  const out: string[] = [];
  const reorder = createReorder<string>((item) => out.push(item));
  reorder.push(100, 1, "a", 0);
  reorder.push(102, 1, "c", 0);
  reorder.push(7, 2, "x", 0);
  reorder.push(8, 2, "y", 0);
  assert.deepEqual(out, ["a", "c", "x", "y"]);
  assert.equal(reorder.counts.restarts, 1);
  assert.equal(reorder.counts.lost, 1);
});

test("createReorder() believes a jump when a second packet follows it, and drops a stray", () => {
  assert.deepEqual(run([1, 2, 30_000, 30_001, 30_002]).out, [1, 2, 30_000, 30_001, 30_002]);
  assert.equal(run([1, 2, 30_000, 30_001]).counts.restarts, 1);
  const stray = run([1, 2, 30_000, 3, 4]);
  assert.deepEqual(stray.out, [1, 2, 3, 4]);
  assert.equal(stray.counts.restarts, 0);
});

test("createReorder() takes a long gap forward as loss", () => {
  const { out, counts } = run([1, 2, 1002, 1003], { packets: 16, time: 50 });
  assert.deepEqual(out.slice(0, 2), [1, 2]);
  assert.ok(counts.lost > 900);
});
