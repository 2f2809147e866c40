// Running instances that are given other options: what they take, and what makes core start them anew.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { InstanceConfig } from "../../core/config/index.ts";
import type { InstanceHost } from "../../core/host.ts";
import { createInstance, type Instance } from "../../core/instance.ts";
import type { LineupKeeper, UpdateOptions } from "../../core/lineup/index.ts";
import type { Contribution, Plugin } from "../../core/plugin.ts";
import { reconfigure } from "../../core/reconfiguring.ts";
import { createTestClock } from "../support/clock.ts";

const configOf = (fingerprint: string, more: object = {}) =>
  ({
    ...{ name: "x", use: "x", mount: "/x", refresh: 3_600_000, rules: {}, streams: { timeshift: {} } },
    ...{ options: { fingerprint }, fingerprint, ...more },
  }) as unknown as InstanceConfig;

async function start(contribution: Contribution) {
  const clock = createTestClock();
  const controller = new AbortController();
  const warnings: string[] = [];
  const versions: (string | undefined)[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (sentence: string) => void warnings.push(sentence) };
  const lineup = {
    dismiss() {},
    channels: () => [],
    async update(_: string, __: unknown, options: UpdateOptions) {
      versions.push(await options.version?.(options.signal));
      return { channels: 0, excluded: 0, changed: false };
    },
  };
  const instance = createInstance({
    config: configOf("before"),
    plugin: { name: "x", api: 1, setup: () => contribution } as unknown as Plugin,
    options: {},
    host: { name: "x", clock, signal: controller.signal, log, received: () => 0 } as unknown as InstanceHost,
    controller,
    lineup: lineup as unknown as LineupKeeper,
    rules: () => ({}),
    range: () => undefined,
    span: () => ({ from: 0, to: 1 }),
    createApp: () => assert.fail("nothing has routes"),
    listen: async () => assert.fail("it has no port"),
    refreshed() {},
  });
  await instance.start(false);
  return { instance, clock, warnings, versions };
}

const listing = {
  async *channels() {},
  version: async () => "same",
};

describe("Instance.reconfigure()", () => {
  it("hands over the options, and reads the channels under the new config", async () => {
    const given: unknown[] = [];
    const { instance, versions } = await start({ ...listing, reconfigure: (options) => given.push(options) > 0 });
    await instance.refresh(false);
    assert.equal(await instance.reconfigure(configOf("after"), { a: 1 }), true);
    await instance.refresh(false);
    assert.deepEqual(given, [{ a: 1 }]);
    assert.deepEqual(versions, ["before same", "after same"]);
    assert.equal(instance.config.fingerprint, "after");
  });

  it("is refused by a plugin that cannot, will not, fails, or has stopped", async () => {
    const fails = () => {
      throw new Error("not today");
    };
    for (const more of [{}, { reconfigure: () => false }, { reconfigure: async () => false }, { reconfigure: fails }]) {
      const { instance, warnings } = await start({ ...listing, ...more });
      assert.equal(await instance.reconfigure(configOf("after"), {}), false);
      assert.equal(instance.config.fingerprint, "before");
      assert.deepEqual(warnings, more.reconfigure === fails ? ["it is restarted: not today"] : []);
    }
    const { instance } = await start({ ...listing, reconfigure: () => true });
    await instance.stop();
    assert.equal(await instance.reconfigure(configOf("after"), {}), false);
  });

  it("is given up after five seconds", async () => {
    const { instance, clock, warnings } = await start({
      ...listing,
      reconfigure: () => new Promise<boolean>(() => {}),
    });
    const reconfigured = instance.reconfigure(configOf("after"), {});
    await clock.advance(5000);
    assert.equal(await reconfigured, false);
    assert.match(warnings.join(), /did not finish within 5s/);
  });
});

describe("reconfigure()", () => {
  it("asks those whose own keys changed, and nobody whose keys of core's did", async () => {
    const asked: string[] = [];
    const instances = new Map(
      ["a", "b", "c", "d"].map((name) => [
        name,
        { reconfigure: async () => asked.push(name) > 0 } as unknown as Instance,
      ]),
    );
    const named = (name: string, fingerprint: string, more: object = {}) => configOf(fingerprint, { name, ...more });
    const took = await reconfigure(
      {
        instances,
        load: async () => ({}) as Plugin,
        checkOptions(config) {
          if (config.name === "d") throw new Error("wrong");
          return {};
        },
      },
      ["a", "b", "c", "d"].map((name) => named(name, "before")),
      [
        named("a", "after"),
        named("b", "after", { mount: "/y" }),
        named("c", "before"),
        named("d", "after"),
        named("e", "new"),
      ],
    );
    assert.deepEqual([took, asked], [["a"], ["a"]]);
  });
});
