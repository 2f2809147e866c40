// Environment forms that plugins declare, and defaults that their schemas set for core's keys.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { adoptDefaults } from "../../../core/config/adopt.ts";
import { formatProblem, readConfig } from "../../../core/config/index.ts";
import type { EnvironmentForm } from "../../../core/plugin.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-forms-"));
});
after(() => rm(folder, { recursive: true, force: true }));

type Reader = (env: Readonly<Record<string, string | undefined>>) => EnvironmentForm | undefined;

const read = (env: Record<string, string>, ...environments: Reader[]) =>
  readConfig({
    ...{ flags: {}, env: { HOME: folder, ...env }, cwd: folder, environments },
    defaults: { always: {}, unconfigured: { testcard: { use: "testcard" } } },
  });

const acme: Reader = ({ ACME }) =>
  ACME === undefined
    ? undefined
    : {
        config: { listen: ":9000", instances: { acme: { use: "acme", list: ACME } } },
        problems: ACME === "" ? [{ variable: "ACME", reason: "expected an address" }] : [],
      };
const other: Reader = ({ OTHER }) =>
  OTHER ? { config: { instances: { other: { use: OTHER } } }, problems: [] } : undefined;

test("the first form whose variables are set is the config; without one nothing changes", async () => {
  const one = await read({ ACME: "http://list.example", OTHER: "m3u" }, acme, other);
  assert.deepEqual(one.problems, []);
  assert.equal(one.settings?.listen.port, 9000);
  assert.deepEqual(
    one.instances.map(({ name, options }) => [name, options]),
    [["acme", { list: "http://list.example" }]],
  );
  const second = await read({ OTHER: "m3u" }, acme, other);
  assert.deepEqual(
    second.instances.map(({ name }) => name),
    ["other"],
  );
  const none = await read({}, acme, other);
  assert.deepEqual(
    none.instances.map(({ name }) => name),
    ["testcard"],
  );
});

test("what is wrong goes by the variable's name, and the form of ten variables comes first", async () => {
  const wrong = await read({ ACME: "" }, acme);
  assert.deepEqual(wrong.problems.map(formatProblem), ["environment ACME: expected an address"]);
  assert.equal(wrong.settings, undefined);
  const relay = await read({ ACME: "", PZ8_RELAY_TARGET_URL: "http://up.example" }, acme);
  assert.ok(relay.problems.every(({ key }) => key.startsWith("PZ8_")));
});

test("what a plugin's schema fills in for a key of core's is the instance's, and nothing else of it is", async () => {
  const { instances } = await read({ OTHER: "m3u" }, other);
  const [instance] = instances;
  assert.ok(instance);
  const adopted = adoptDefaults(instance, { refresh: "1h", bandwidth: "85M", tuners: 3, use: "x" });
  assert.deepEqual(
    [adopted.refresh, adopted.streams.bandwidth, adopted.streams.tuners, adopted.use],
    [3_600_000, 85e6, undefined, "m3u"],
  );
  for (const options of [undefined, null, {}, { refresh: 7, bandwidth: "much" }, Object.create({ refresh: "1s" })]) {
    const same = adoptDefaults(instance, options);
    assert.deepEqual([same.refresh, same.streams], [instance.refresh, instance.streams]);
  }
});
