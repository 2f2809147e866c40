// The variables of movistar-u7d, where there is no config file.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readWanted } from "../../../core/assembly.ts";
import { checkOptions, formatProblem } from "../../../core/config/index.ts";
import { plugins } from "../../../plugins/index.ts";
import { providers } from "../../../providers/index.ts";
import movistar from "../../../providers/movistar/index.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-environment-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const read = (env: Record<string, string>, flags = {}) =>
  readWanted({
    flags,
    env: { HOME: folder, ...env },
    cwd: folder,
    builtins: [...providers, ...plugins],
    worker: undefined,
  });

async function optionsOf(env: Record<string, string>) {
  const { settings, instances, problems } = await read(env);
  assert.deepEqual(problems, []);
  const instance = instances.find(({ use }) => use === "movistar");
  assert.ok(instance && settings);
  const checked = checkOptions(instance, movistar);
  assert.ok("config" in checked, JSON.stringify(checked));
  return {
    options: checked.config as Record<string, unknown>,
    instance,
    listen: settings.listen,
    names: instances.map(({ name }) => name),
  };
}

test("a headend that is told like movistar-u7d listens where it did and answers at the root", async () => {
  const { options, instance, listen, names } = await optionsOf({
    ...{
      LAN_IP: "192.168.1.2",
      SANIC_PORT: "8889",
      IPTV_BW: "85000",
      IPTV_IFACE: "eth0.2",
      EXTRA_CHANNELS: "2543 4455",
    },
    ...{ SANIC_THREADS: "4", EPG_THREADS: "8", RECORDINGS: "/rec", U7D_UID: "1000" },
  });
  assert.deepEqual(listen, { host: "192.168.1.2", port: 8889 });
  assert.equal(instance.mount, "/");
  assert.equal(instance.streams.bandwidth, 85_000_000);
  assert.deepEqual([options.interface, options.extra], ["eth0.2", [2543, 4455]]);
  assert.ok(!names.includes("playlist") && !names.includes("testcard"), names.join());
});

test("the limits of the line are those of movistar-u7d", async () => {
  for (const [env, bandwidth] of [
    [{ IPTV_BW: "0" }, "100000k"],
    [{ IPTV_BW: "95000" }, "85000k"],
    [{ IPTV_BW: "60000" }, "60000k"],
    [{ IPTV_BW_HARD: "98000", IPTV_BW: "60000" }, "98000k"],
    [{ SANIC_PORT: "8888" }, "85M"],
  ] as const)
    assert.equal((await optionsOf(env)).options.bandwidth, bandwidth, JSON.stringify(env));
});

test("what is wrong is said by the variable's name, all of it at once", async () => {
  const { problems, settings } = await read({
    SANIC_PORT: "web",
    LAN_IP: "here",
    IPTV_BW: "85M",
    EXTRA_CHANNELS: "La 1",
  });
  assert.equal(settings, undefined);
  assert.deepEqual(problems.map(formatProblem).sort(), [
    "environment EXTRA_CHANNELS: expected ids of channels, with spaces between them",
    "environment IPTV_BW: expected kilobits a second",
    "environment LAN_IP: expected an address such as 192.168.1.2",
    "environment SANIC_PORT: expected a port",
  ]);
});

test("an address that none can be is no address", async () => {
  const { problems } = await read({ SANIC_PORT: "8888", LAN_IP: "192.168.1.300" });
  assert.deepEqual(problems.map(formatProblem), ["environment LAN_IP: expected an address such as 192.168.1.2"]);
});

test("a file counts alone, and variables that others have as well say nothing", async () => {
  const usual = await read({ LAN_IP: "192.168.1.2", RECORDINGS: "/rec", DEBUG: "1" });
  assert.deepEqual(usual.problems, []);
  assert.ok(!usual.instances.some(({ use }) => use === "movistar"));
  const file = join(folder, "own.yaml");
  await writeFile(file, "instances:\n  one: { use: testcard }\n");
  const own = await read({ SANIC_PORT: "8889" }, { config: file });
  assert.equal(own.settings?.listen.port, 8888);
  assert.ok(!own.instances.some(({ use }) => use === "movistar"));
});
