// The origin limiter: few at once, first come first served, no place is ever lost.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { createOriginLimiter } from "../../../core/fetch/index.ts";

const never = new AbortController().signal;

describe("createOriginLimiter()", () => {
  it("lets in as many as the limit and then one for each that leaves, in the order in which they came", async () => {
    const limiter = createOriginLimiter(2);
    const entered: string[] = [];
    const enter = async (who: string) => {
      const leave = await limiter.enter("http://a", never);
      entered.push(who);
      return leave;
    };
    const places = ["one", "two", "three", "four", "five"].map(enter);
    const elsewhere = await limiter.enter("http://b", never);
    await setImmediate();
    assert.deepEqual(entered, ["one", "two"]);
    const leaveTwo = await places[1];
    leaveTwo?.();
    leaveTwo?.();
    await setImmediate();
    assert.deepEqual(entered, ["one", "two", "three"]);
    (await places[0])?.();
    (await places[2])?.();
    await setImmediate();
    assert.deepEqual(entered, ["one", "two", "three", "four", "five"]);
    elsewhere();
  });

  it("forgets who gave up waiting", async () => {
    const limiter = createOriginLimiter(1);
    const leave = await limiter.enter("o", never);
    const control = new AbortController();
    const impatient = limiter.enter("o", control.signal);
    const patient = limiter.enter("o", never);
    control.abort(new Error("had enough"));
    await assert.rejects(impatient, /had enough/);
    await assert.rejects(limiter.enter("o", control.signal), /had enough/);
    leave();
    (await patient)();
    (await limiter.enter("o", never))();
  });

  it("never has more inside than the limit and loses no place, whatever the order of events", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("enter"), abort: fc.boolean() }),
      fc.record({ kind: fc.constant("leave"), which: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const limiter = createOriginLimiter(3);
        const inside: (() => void)[] = [];
        const waiting: Promise<void>[] = [];
        for (const one of steps) {
          if ("which" in one) inside.splice(one.which % (inside.length || 1), 1)[0]?.();
          else {
            const control = new AbortController();
            waiting.push(
              limiter.enter("o", control.signal).then(
                (leave) => void inside.push(leave),
                () => {},
              ),
            );
            if (one.abort) control.abort();
          }
          await setImmediate();
          assert.ok(inside.length <= 3);
        }
        while (inside.length > 0) {
          inside.shift()?.();
          await setImmediate();
        }
        await Promise.all(waiting);
      }),
      { numRuns: 100 },
    );
  });
});
