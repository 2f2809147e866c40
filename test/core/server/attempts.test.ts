// Wrong guesses: who has to wait, for how long, and what is remembered of whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAttempts } from "../../../core/server/attempts.ts";
import { createTestClock } from "../../support/clock.ts";

function setUp() {
  const clock = createTestClock();
  const attempts = createAttempts(clock);
  const isFree = (client: string) => {
    try {
      attempts.expect(client);
      return true;
    } catch {
      return false;
    }
  };
  const fail = (client: string, times: number) => {
    for (let time = 0; time < times; time++) attempts.failed(client);
  };
  return { clock, attempts, isFree, fail };
}

test("the tenth wrong guess has to wait, others do not", () => {
  const { attempts, isFree, fail } = setUp();
  fail("10.0.0.1", 9);
  assert.ok(isFree("10.0.0.1"));
  fail("10.0.0.1", 1);
  assert.deepEqual([isFree("10.0.0.1"), isFree("10.0.0.2")], [false, true]);
  assert.throws(() => attempts.expect("10.0.0.1"), { code: "access.limited", status: 429, seconds: 10 });
});

test("a right one, or an hour, makes all good again", async () => {
  const { clock, attempts, isFree, fail } = setUp();
  fail("a", 9);
  attempts.succeeded("a");
  fail("a", 9);
  assert.ok(isFree("a"));
  await clock.advance(3_600_000);
  fail("a", 9);
  assert.ok(isFree("a"));
});

test("the wait grows to a quarter of an hour and no further", async () => {
  const { clock, attempts, isFree, fail } = setUp();
  fail("a", 60);
  assert.throws(() => attempts.expect("a"), { seconds: 900 });
  await clock.advance(15 * 60_000);
  assert.ok(isFree("a"));
});

test("an IPv6 network is one client, however it is written", () => {
  const { isFree, fail } = setUp();
  fail("2001:db8:0:1::1", 5);
  fail("2001:DB8::1:a:b:c:d", 5);
  assert.deepEqual(["2001:db8:0000:0001:ffff::", "2001:db8::1:0:0:0:9", "2001:db8:0:2::1", "::1"].map(isFree), [
    false,
    false,
    true,
    true,
  ]);
});

test("when many guess from everywhere, each has fewer; who has not guessed yet is let try", () => {
  const { isFree, fail } = setUp();
  for (let client = 0; client < 100; client++) fail(`10.1.${client}.1`, 2);
  fail("10.9.9.9", 3);
  assert.deepEqual([isFree("10.9.9.9"), isFree("10.1.5.1"), isFree("10.8.8.8")], [false, true, true]);
});

test("very many clients take little memory, and who guessed last is not forgotten", () => {
  const { isFree, fail } = setUp();
  for (let client = 0; client < 30_000; client++) fail(`10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`, 1);
  fail("192.0.2.1", 3);
  for (let client = 0; client < 5000; client++) fail(`172.16.${client >> 8}.${client & 255}`, 1);
  assert.ok(!isFree("192.0.2.1"));
});
