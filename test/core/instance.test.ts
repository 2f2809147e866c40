// Instances whose plugin does not behave, on a clock that is moved by hand.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { InstanceConfig } from "../../core/config/index.ts";
import { HeadendError } from "../../core/errors.ts";
import type { InstanceHost } from "../../core/host.ts";
import { createInstance, type Instance, type RefreshResult } from "../../core/instance.ts";
import type { LineupKeeper } from "../../core/lineup/index.ts";
import type { Channel, Contribution } from "../../core/plugin.ts";
import { createTestClock, type TestClock } from "../support/clock.ts";

const minute = 60_000;
const hour = 60 * minute;
let controller = new AbortController();

afterEach(() => {
  controller.abort();
  controller = new AbortController();
});

/** An instance that refreshes every twelve hours, with a lineup that takes what it is given. */
function create(
  clock: TestClock,
  setup: () => Contribution | Promise<Contribution>,
): { instance: Instance; results: RefreshResult[]; warnings: string[] } {
  const results: RefreshResult[] = [];
  const warnings: string[] = [];
  const quiet = () => {};
  const host = {
    name: "x",
    clock,
    signal: controller.signal,
    log: {
      debug: quiet,
      info: quiet,
      warn: (...said: unknown[]) => void warnings.push(JSON.stringify(said)),
      error: quiet,
    },
    received: () => 0,
    fetch: { clean: async () => {} },
  };
  const lineup = {
    dismiss() {},
    channels: () => [],
    async update(_: string, source: AsyncIterable<Channel>) {
      let channels = 0;
      for await (const _channel of source) channels++;
      return { channels, excluded: 0, changed: true };
    },
  };
  const instance = createInstance({
    config: { name: "x", refresh: 12 * hour, streams: { timeshift: {} } } as unknown as InstanceConfig,
    plugin: { name: "x", api: 1, setup } as never,
    options: {},
    host: host as unknown as InstanceHost,
    controller,
    lineup: lineup as unknown as LineupKeeper,
    rules: () => ({}),
    range: () => undefined,
    span: () => ({ from: 0, to: 1 }),
    createApp: () => assert.fail("nothing has routes"),
    listen: async () => assert.fail("it has no port"),
    refreshed: (result) => void results.push(result),
  });
  return { instance, results, warnings };
}

const one = {
  async *channels() {
    yield { name: "One" };
  },
};

describe("createInstance()", () => {
  it("says when it tries again, unless it does not by itself", async () => {
    for (const schedule of [true, false]) {
      const clock = createTestClock();
      const channels = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("no luck")) }) });
      const { instance, warnings } = create(clock, () => ({ channels }));
      await instance.start(schedule);
      if (!schedule) await instance.refresh(false);
      await clock.advance(0);
      assert.deepEqual(warnings, [JSON.stringify(["refresh failed: no luck", schedule ? { again: "30s" } : {}])]);
    }
  });

  it("forgets before a refresh that begins from nothing, and only then; a fault of that is no fault of the refresh", async () => {
    const clock = createTestClock();
    const did: string[] = [];
    const { instance, warnings } = create(clock, () => ({
      forget() {
        did.push("forget");
        throw new Error("no luck");
      },
      async *channels() {
        did.push("channels");
        yield { name: "One" };
      },
    }));
    await instance.start(false);
    await instance.refresh(false);
    await instance.refresh(true);
    assert.deepEqual(did, ["channels", "forget", "channels"]);
    assert.deepEqual([warnings, instance.state], [[JSON.stringify(["forget() failed: no luck"])], "ok"]);
  });

  it("gives up a setup that never ends after 30 s", async () => {
    const clock = createTestClock();
    const { instance } = create(clock, () => new Promise(() => {}));
    const started = instance.start(true);
    const refused = assert.rejects(started, { message: "setup did not finish within 30s" });
    await clock.advance(30_000);
    await refused;
  });

  it("ends a setup at once when it is stopped", async () => {
    const clock = createTestClock();
    const { instance } = create(clock, () => new Promise(() => {}));
    const started = instance.start(true);
    controller.abort(new HeadendError("instance.stopped", { instance: "x" }));
    await assert.rejects(started, { code: "instance.stopped" });
  });

  it("gives up channels that never come, or come one an hour, after 15 minutes, and tries again soon", async () => {
    const clock = createTestClock();
    const slow = async function* () {
      for (;;) {
        yield { name: "One" };
        await clock.sleep(hour);
      }
    };
    for (const channels of [
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }),
      slow,
    ]) {
      const { instance, results } = create(clock, () => ({ channels }));
      await instance.start(true);
      await clock.advance(15 * minute);
      assert.equal(instance.state, "degraded");
      assert.match(instance.sentence, /the refresh of the channels did not finish within 15m/);
      await clock.advance(34_000);
      await clock.advance(15 * minute);
      assert.equal(results.length, 2);
      controller.abort();
      controller = new AbortController();
    }
  });

  it("waits five seconds for a stop that hangs, and none for one that throws", async () => {
    const clock = createTestClock();
    const hangs = create(clock, () => ({ stop: () => new Promise(() => {}) })).instance;
    await hangs.start(true);
    let stopped = false;
    const stopping = hangs.stop().then(() => {
      stopped = true;
    });
    await clock.advance(4_999);
    assert.equal(stopped, false);
    await clock.advance(1);
    await stopping;
    controller = new AbortController();
    const throws = create(clock, () => ({ stop: () => assert.fail("no") })).instance;
    await throws.start(true);
    await throws.stop();
    assert.equal(throws.state, "stopped");
  });

  it("shows a health() that throws as degraded, and refreshes on", async () => {
    const clock = createTestClock();
    const { instance, results } = create(clock, () => ({ ...one, health: () => assert.fail("not well") }));
    await instance.start(true);
    await clock.advance(14 * hour);
    assert.equal(results.length, 2);
    assert.equal(instance.state, "degraded");
    assert.equal(instance.sentence, "health() failed: not well");
  });

  it("refreshes once after the wall clock has jumped, forwards or back, and goes on as before", async () => {
    const clock = createTestClock();
    const { instance, results } = create(clock, () => one);
    await instance.start(true);
    await clock.advance(minute);
    assert.equal(results.length, 1);
    for (const jump of [56 * 365 * 24 * hour, -56 * 365 * 24 * hour]) {
      const before: number = results.length;
      clock.jump(jump);
      await clock.advance(2 * minute);
      assert.equal(results.length, before + 1);
      assert.ok(Math.abs((instance.nextRefresh ?? 0) - clock.now() - 12 * hour) < 1.3 * hour);
      await clock.advance(10 * hour);
      assert.equal(results.length, before + 1);
      await clock.advance(4 * hour);
      assert.equal(results.length, before + 2);
    }
    clock.jump(-10 * minute);
    const before: number = results.length;
    await clock.advance(2 * minute);
    assert.equal(results.length, before);
  });
});
