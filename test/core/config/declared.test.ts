// Keys that core and a plugin both have: what the file says of them goes to both.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { z } from "zod";
import { checkOptions, formatProblem, readConfig } from "../../../core/config/index.ts";
import { definePlugin } from "../../../core/plugin.ts";

const device = definePlugin({
  name: "device",
  api: 1,
  config: z.strictObject({ tuners: z.int().max(255).default(4), model: z.string().optional() }),
  setup: () => ({}),
});

async function instanceOf(t: TestContext, keys: string) {
  const folder = await mkdtemp(join(tmpdir(), "headend-declared-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "headend.yaml");
  await writeFile(file, `instances:\n  den: { use: device, ${keys} }\n`);
  const { instances, problems } = await readConfig({
    flags: { config: file },
    env: {},
    cwd: folder,
    defaults: { always: {}, unconfigured: {} },
  });
  assert.deepEqual(problems, []);
  return instances[0] ?? assert.fail();
}

test("a key that the plugin declares reaches it, and core reads it as well", async (t) => {
  const instance = await instanceOf(t, "tuners: 2, linger: 1s, refresh: 6h, model: X");
  assert.deepEqual(checkOptions(instance, device), { config: { tuners: 2, model: "X" } });
  assert.equal(instance.streams.tuners, 2);
});

test("a key of core's that the plugin does not declare stays core's, and the plugin's default counts where it is not said", async (t) => {
  const instance = await instanceOf(t, "numbers: 1-9, exclude: [{ name: x }]");
  assert.deepEqual(checkOptions(instance, device), { config: { tuners: 4 } });
  assert.equal(instance.streams.tuners, undefined);
});

test("what core takes and the plugin does not is a problem with its place", async (t) => {
  const checked = checkOptions(await instanceOf(t, "tuners: 999"), device);
  assert.match(
    "problems" in checked ? checked.problems.map(formatProblem).join() : "",
    /:2:\d+ instances\.den\.tuners: /,
  );
});
