// So many answers to one address and to all, whatever addresses are claimed.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAllowance } from "../../../../core/transport/udp/allowance.ts";
import { createTestClock } from "../../../support/clock.ts";

const takeAll = (take: () => boolean) => {
  let taken = 0;
  while (take()) taken++;
  return taken;
};

test("createAllowance() gives each address two seconds of its rate at once, and then its rate", async () => {
  const clock = createTestClock();
  const allowance = createAllowance({ clock, each: 5, all: 100 });
  assert.equal(
    takeAll(() => allowance.take("a")),
    10,
  );
  assert.ok(!allowance.take("a"));
  await clock.advance(1000);
  assert.equal(
    takeAll(() => allowance.take("a")),
    5,
  );
  assert.equal(
    takeAll(() => allowance.take("b")),
    10,
  );
  await clock.advance(60_000);
  assert.equal(
    takeAll(() => allowance.take("a")),
    10,
  );
});

test("createAllowance() never gives more than the rate for all, over any time and to any addresses", async () => {
  const steps = fc.array(fc.record({ ms: fc.nat(500), address: fc.nat(3000), wishes: fc.nat(60) }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const clock = createTestClock();
      const allowance = createAllowance({ clock, each: 5, all: 20 });
      let taken = 0;
      let passed = 0;
      for (const { ms, address, wishes } of all) {
        await clock.advance(ms);
        passed += ms;
        for (let wish = 0; wish < wishes; wish++) if (allowance.take(String(address))) taken++;
      }
      assert.ok(taken <= 40 + (20 * passed) / 1000);
    }),
    { numRuns: 20 },
  );
});
