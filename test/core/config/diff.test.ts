// diffConfig(): only what changed is touched.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of the config file.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { diffConfig, type RunnableConfig } from "../../../core/config/diff.ts";
import { readConfig } from "../../../core/config/index.ts";

describe("diffConfig()", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-diff-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function read(text: string, env: Record<string, string> = {}): Promise<RunnableConfig> {
    await writeFile(join(folder, "headend.yaml"), text);
    const defaults = { always: {}, unconfigured: {} };
    const { settings, instances } = await readConfig({ flags: {}, env: { HOME: "/h", ...env }, cwd: folder, defaults });
    assert.ok(settings);
    return { settings, instances };
  }

  it("finds what starts, stops and restarts", async () => {
    const old = await read('instances: { a: { use: x, k: "${K}" }, b: { use: x }, c: { use: x } }', { K: "1" });
    const next = await read('# moved\ninstances:\n  d: { use: x }\n  c: { use: x }\n  a: { use: x, k: "${K}" }\n', {
      K: "2",
    });
    const { start, stop, restart, settings, later } = diffConfig(old, next);
    assert.deepEqual(
      start.map(({ name }) => name),
      ["d"],
    );
    assert.deepEqual(stop, ["b"]);
    assert.deepEqual(
      restart.map(({ name }) => name),
      ["a"],
    );
    assert.deepEqual([settings, later], [[], []]);
  });

  it("tells settings that can change now from those that wait for a new start", async () => {
    const old = await read("listen: 1\npublicUrl: http://a\n");
    const next = await read("listen: 2\ndata: d\nlog: { level: debug }\n");
    const { settings, later } = diffConfig(old, next);
    assert.deepEqual([...settings].sort(), ["log", "publicUrl"]);
    assert.deepEqual([...later].sort(), ["data", "listen"]);
  });

  it("finds nothing between a config and itself", async () => {
    const config = await read("instances: { a: { use: x } }");
    assert.deepEqual(diffConfig(config, config), { start: [], stop: [], restart: [], settings: [], later: [] });
  });
});
