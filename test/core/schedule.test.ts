// Loops on a clock that is moved by hand.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backoff, jitter, startLoop } from "../../core/schedule.ts";
import { createTestClock } from "../support/clock.ts";

describe("backoff()", () => {
  it("doubles from half a minute up to the normal interval", () => {
    assert.deepEqual(
      [1, 2, 3, 4, 50].map((n) => backoff(n, 200_000)),
      [30_000, 60_000, 120_000, 200_000, 200_000],
    );
  });
});

describe("jitter()", () => {
  it("moves a pause by at most a tenth", () => {
    assert.deepEqual(
      [0, 0.5, 1].map((random) => Math.round(jitter(1000, () => random))),
      [900, 1000, 1100],
    );
  });
});

describe("startLoop()", () => {
  it("runs at once, then after each pause, never twice at a time", async () => {
    const clock = createTestClock();
    const stop = new AbortController();
    let running = 0;
    let runs = 0;
    startLoop(clock, stop.signal, async () => {
      assert.equal(++running, 1);
      runs++;
      await clock.sleep(5_000);
      running--;
      return 10_000;
    });
    await clock.advance(0);
    assert.equal(runs, 1);
    await clock.advance(14_999);
    assert.equal(runs, 1);
    await clock.advance(1);
    assert.equal(runs, 2);
    stop.abort();
    await clock.advance(100_000);
    assert.equal(runs, 2);
  });

  it("tells when the next run is due, and nothing while one runs", async () => {
    const clock = createTestClock();
    const stop = new AbortController();
    const loop = startLoop(clock, stop.signal, async () => {
      await clock.sleep(1000);
      return 4000;
    });
    await clock.advance(500);
    assert.equal(loop.next, undefined);
    await clock.advance(500);
    assert.equal(loop.next, clock.now() + 4000);
    stop.abort();
  });

  it("wakes early, and follows a run in progress with another", async () => {
    const clock = createTestClock();
    const stop = new AbortController();
    let runs = 0;
    const loop = startLoop(clock, stop.signal, async () => {
      runs++;
      await clock.sleep(1000);
      return 60_000;
    });
    await clock.advance(1000);
    const woken = loop.wake();
    await clock.advance(500);
    assert.equal(runs, 2);
    const again = loop.wake();
    await clock.advance(1500);
    await Promise.all([woken, again]);
    assert.equal(runs, 3);
    stop.abort();
  });

  it("lets go of those who wait when it is stopped", async () => {
    const clock = createTestClock();
    const stop = new AbortController();
    const loop = startLoop(clock, stop.signal, async () => 1000);
    await clock.advance(0);
    stop.abort();
    await loop.wake();
  });
});
