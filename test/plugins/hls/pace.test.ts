// Plans of a past: segments without a gap, never one without anything in it.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pastPace, planPast, promptPace } from "../../../plugins/hls/pace.ts";

test("planPast() covers its span without gaps, short segments first", () => {
  const plan = planPast(1000, 21_000);
  const begins = Array.from({ length: plan.count + 1 }, (_, index) => plan.begins(index) - 1000);
  assert.deepEqual(begins, [0, 2000, 4000, 6000, 12_000, 18_000, 20_000]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50_000_000 }), (length) => {
      const { count, begins } = planPast(0, length);
      assert.equal(begins(0), 0);
      assert.equal(begins(count), length);
      for (let index = 0; index < count; index += 1 + Math.floor(count / 50)) {
        const segment = begins(index + 1) - begins(index);
        assert.ok(segment > 0 && segment <= 6000);
      }
    }),
  );
});

test("pastPace() leaves something for every segment, whatever the distance of key frames", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1000, max: 60_000 }),
      fc.nat(5),
      (gop, length, from) => {
        const plan = planPast(0, length);
        const first = Math.min(from, plan.count - 1);
        const mayCut = pastPace(plan, first);
        let began = 0;
        let count = 0;
        const drifts: number[] = [];
        // A second more than there is to be.
        for (
          let picture = 1;
          picture * 40 <= length - plan.begins(first) + 1000 && first + count < plan.count;
          picture++
        ) {
          const total = picture * 40;
          const key = picture % gop === 0;
          if (
            !mayCut({
              elapsed: total - began,
              total,
              count,
              key,
              independent: true,
              interval: picture >= gop ? gop * 40 : 0,
            })
          )
            continue;
          assert.ok(total > began);
          count++;
          drifts.push(Math.abs(total - (plan.begins(first + count) - plan.begins(first))));
          began = total;
        }
        assert.equal(first + count, plan.count);
        assert.ok(Math.max(0, ...drifts) <= 3040);
      },
    ),
  );
});

test("promptPace() ends the first segment after a few pictures, and the others of the first group before it is over", () => {
  const gop = 100;
  const mayCut = promptPace(1000, 12_000);
  const ends: number[] = [];
  let began = 0;
  let independent = true;
  for (let picture = 1; picture <= 4 * gop; picture++) {
    const total = picture * 40;
    const key = picture % gop === 0;
    const interval = picture > gop ? gop * 40 : 0;
    if (!mayCut({ elapsed: total - began, total, count: ends.length, key, independent, interval })) continue;
    ends.push(total);
    began = total;
    independent = key;
  }
  assert.deepEqual(ends, [320, 1320, 2320, 3320, 4000, 8000, 12_000, 16_000]);
});
