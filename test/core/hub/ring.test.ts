// What is kept of a stream: enough for those who are a little late, and never more than it may.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createRing, type Joint } from "../../../core/hub/ring.ts";

const joint = (batch: number, offset = 0): Joint => ({ batch, offset, tables: new Uint8Array(), counters: [] });
const batch = (length: number) => new Uint8Array(length);

describe("createRing()", () => {
  test("keeps what it must, and gives each batch by reference, in order", () => {
    const ring = createRing(100, 200);
    const batches = [40, 40, 40, 40].map(batch);
    for (const each of batches) ring.push(each);
    assert.deepEqual([ring.first, ring.next, ring.bytes], [1, 4, 120]);
    const cursor = { batch: 1, offset: 10 };
    assert.equal(ring.take(cursor)?.length, 30);
    assert.equal(ring.take(cursor), batches[2]);
    assert.equal(ring.take(cursor), batches[3]);
    assert.equal(ring.take(cursor), undefined);
    assert.deepEqual(cursor, { batch: 4, offset: 0 });
  });

  test("keeps more for the sake of the newest joint, up to the most", () => {
    const ring = createRing(50, 200);
    ring.mark(joint(0));
    for (let count = 0; count < 5; count++) ring.push(batch(40));
    assert.deepEqual([ring.first, ring.joint?.batch], [0, 0]);
    ring.push(batch(40));
    assert.equal(ring.joint, undefined, "beyond the most it is given up");
    assert.ok(ring.first > 0 && ring.bytes <= 200);
  });

  test("has a joint that is yet to come", () => {
    const ring = createRing(50, 200);
    ring.push(batch(10));
    ring.mark(joint(1));
    assert.equal(ring.joint?.batch, 1);
    assert.equal(ring.take({ batch: 1, offset: 0 }), undefined);
  });

  test("clear() keeps nothing, and numbers go on", () => {
    const ring = createRing(50, 200);
    ring.push(batch(10));
    ring.mark(joint(0));
    ring.clear();
    assert.deepEqual([ring.first, ring.next, ring.bytes, ring.joint], [1, 1, 0, undefined]);
    ring.push(batch(7));
    assert.equal(ring.behind({ batch: 0, offset: 0 }), 7, "who was before has all of it yet to come");
    assert.equal(ring.take({ batch: 1, offset: 0 })?.length, 7);
  });

  test("behind() is what is there from the cursor on, and bytes stay bounded, whatever is pushed", () => {
    const steps = fc.array(fc.record({ size: fc.integer({ min: 1, max: 60 }), marks: fc.boolean() }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(steps, fc.nat(90), (all, at) => {
        const ring = createRing(100, 300);
        const sizes: number[] = [];
        for (const { size, marks } of all) {
          if (marks) ring.mark(joint(ring.next));
          ring.push(batch(size));
          sizes.push(size);
          assert.ok(ring.bytes <= 300 + 60);
          assert.ok(
            ring.bytes >=
              Math.min(
                100,
                sizes.reduce((sum, each) => sum + each, 0),
              ),
          );
          assert.equal(
            ring.bytes,
            sizes.slice(ring.first).reduce((sum, each) => sum + each, 0),
          );
        }
        const start = Math.max(at, ring.first);
        const offset = Math.min(3, sizes[start] ?? 0);
        const expected = sizes.slice(start).reduce((sum, each) => sum + each, 0) - offset;
        assert.equal(ring.behind({ batch: start, offset }), start < ring.next ? expected : 0);
        assert.equal(ring.behind({ batch: ring.first - 1, offset: 0 }), ring.bytes);
      }),
      { seed: 8 },
    );
  });
});
