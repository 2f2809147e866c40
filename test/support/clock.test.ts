// The test clock itself: order of sleeps, abort, and that nothing moves by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestClock } from "./clock.ts";

test("advance() ends due sleeps in order and leaves the others", async () => {
  const clock = createTestClock(1000);
  const ended: string[] = [];
  const sleep = (ms: number) => void clock.sleep(ms).then(() => ended.push(`${ms} at ${clock.now()}`));
  for (const ms of [300, 100, 200]) sleep(ms);
  await clock.advance(250);
  assert.deepEqual(ended, ["100 at 1100", "200 at 1200"]);
  assert.equal(clock.sleeping, 1);
  assert.equal(clock.now(), 1250);
  assert.equal(clock.monotonic(), 250);
});

test("advance() also ends sleeps that began while it moved", async () => {
  const clock = createTestClock(0);
  let rounds = 0;
  void (async () => {
    for (;;) {
      await clock.sleep(10);
      rounds++;
    }
  })();
  await clock.advance(100);
  assert.equal(rounds, 10);
});

test("sleep() rejects with the signal's reason and is forgotten", async () => {
  const clock = createTestClock();
  const controller = new AbortController();
  const sleeping = clock.sleep(1000, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  await assert.rejects(clock.sleep(1, controller.signal), /enough/);
  assert.equal(clock.sleeping, 0);
});

test("jump() moves the wall clock and no sleep", async () => {
  const clock = createTestClock(0);
  let woke = false;
  void clock.sleep(100).then(() => {
    woke = true;
  });
  clock.jump(5000);
  await clock.advance(99);
  assert.equal(woke, false);
  assert.equal(clock.now(), 5099);
  await clock.advance(1);
  assert.equal(woke, true);
});
