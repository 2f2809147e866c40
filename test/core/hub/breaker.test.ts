// Which upstream is tried first, and which is left in peace.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createBreaker } from "../../../core/hub/breaker.ts";

const candidates = ["a", "b", "c"].map((key) => ({ key }));

describe("createBreaker()", () => {
  test("lets a failed upstream rest for a second, then twice as long each time, a minute at most", () => {
    const breaker = createBreaker();
    const rests = Array.from({ length: 9 }, () => {
      breaker.failed("a", 0);
      return breaker.rest("a", 0);
    });
    assert.deepEqual(rests, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    assert.deepEqual([breaker.rest("a", 59_999), breaker.rest("a", 60_000), breaker.rest("b", 0)], [1, 0, 0]);
  });

  test("forgets failures once it worked, or when they are long ago", () => {
    const breaker = createBreaker();
    for (let count = 0; count < 5; count++) breaker.failed("a", 0);
    breaker.worked("a");
    breaker.failed("a", 0);
    assert.equal(breaker.rest("a", 0), 1000);
    for (let count = 0; count < 5; count++) breaker.failed("a", 0);
    breaker.failed("a", 700_000);
    assert.equal(breaker.rest("a", 700_000), 1000);
  });

  test("order() keeps the given order of those that work, then takes those that failed longest ago", () => {
    const breaker = createBreaker();
    const order = (now: number) => breaker.order(candidates, now).map(({ key }) => key);
    assert.deepEqual(order(0), ["a", "b", "c"]);
    breaker.failed("a", 0);
    assert.deepEqual(order(0), ["b", "c", "a"]);
    assert.deepEqual(order(5000), ["b", "c", "a"], "it has rested, but others have not failed");
    breaker.failed("b", 5000);
    assert.deepEqual(order(5000), ["c", "a", "b"]);
    assert.deepEqual(order(60_000), ["a", "c", "b"]);
    breaker.worked("b");
    assert.deepEqual(order(60_000), ["a", "b", "c"]);
  });

  test("order() neither loses nor invents a candidate, and puts none that rests before one that never failed", () => {
    const events = fc.array(fc.record({ key: fc.constantFrom("a", "b", "c"), at: fc.nat(100_000), ok: fc.boolean() }));
    fc.assert(
      fc.property(events, fc.nat(200_000), (all, now) => {
        const breaker = createBreaker();
        for (const { key, at, ok } of all.toSorted((one, other) => one.at - other.at))
          if (ok) breaker.worked(key);
          else breaker.failed(key, at);
        const ordered = breaker.order(candidates, now);
        assert.deepEqual(new Set(ordered), new Set(candidates));
        const failed = ordered.map(({ key }) => all.some((each) => each.key === key && !each.ok));
        const rests = ordered.map(({ key }) => breaker.rest(key, now));
        const first = rests.findIndex((rest) => rest > 0);
        if (first >= 0) assert.ok(failed.slice(first).every(Boolean));
        assert.ok(rests.every((rest) => rest >= 0));
      }),
      { seed: 4 },
    );
  });

  test("holds no more entries than it may, and forgets the oldest", () => {
    const breaker = createBreaker(2);
    for (const key of ["a", "b", "a", "c"]) breaker.failed(key, 0);
    assert.deepEqual([breaker.rest("a", 0), breaker.rest("b", 0), breaker.rest("c", 0)], [2000, 0, 1000]);
  });
});
