// A follower of a config file with plugins that take a changed config or do not; for the tests of what changes it.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "node:test";
import { z } from "zod";
import { type Assembly, assemble, readWanted, type Setting } from "../../core/assembly.ts";
import { createFollower, type Follower } from "../../core/follower.ts";
import { definePlugin, type Host } from "../../core/plugin.ts";
import { until } from "../support/host.ts";

/** The hosts of the instances that were set up, in order: a restart adds one. */
export let hosts: { readonly name: string; readonly use: string; readonly host: Host }[] = [];
export let folder = "";
export let file = "";
export let assembly: Assembly;
export let follower: Follower;

export const channelsOf = (items: Readonly<Record<string, string>>) =>
  Object.entries(items).map(([id, url]) => ({ id, name: id, url }));

/** Channels from its config; `shelf` takes another one as it runs, `crate` does not. */
export const plugin = (use: string, takes: boolean) =>
  definePlugin({
    name: use,
    api: 1,
    config: z.strictObject({ items: z.record(z.string(), z.url()).default({}), stubborn: z.boolean().optional() }),
    setup(host, config) {
      hosts.push({ name: host.name, use, host });
      let { items } = config;
      return {
        mayBeEmpty: true,
        async *channels() {
          yield channelsOf(items);
        },
        ...(takes && {
          reconfigure(next) {
            if (next.stubborn) return false;
            items = next.items;
            return true;
          },
        }),
      };
    },
  });

export const relay = definePlugin({
  name: "m3u",
  api: 1,
  config: z.looseObject({}),
  setup(host) {
    hosts.push({ name: host.name, use: "m3u", host });
    return {};
  },
});

export async function start(text: string | undefined, env: Record<string, string> = {}): Promise<void> {
  if (text !== undefined) await writeFile(file, text);
  const setting: Setting = {
    flags: { data: join(folder, "data"), logLevel: "error", ...(text === undefined ? {} : { config: file }) },
    env: { HOME: join(folder, "home"), ...env },
    cwd: folder,
    builtins: [plugin("shelf", true), ...["crate", "testcard", "playlist"].map((name) => plugin(name, false)), relay],
    worker: new URL("../../core/guide/worker.ts", import.meta.url),
  };
  const first = await readWanted(setting);
  follower = createFollower({ setting, first, assembly: () => assembly });
  assembly = await assemble(setting, first, { schedule: true, door: follower, writeLog() {} });
  follower.start();
  await until(() => assembly.isReady() || assembly.supervisor.instances.size > 0, "it has started");
}

export const hostOf = (name: string) => hosts.findLast((each) => each.name === name)?.host ?? assert.fail(`no ${name}`);
export const setUps = (name: string) => hosts.filter((each) => each.name === name).length;
export const listed = (name: string) =>
  hostOf(name)
    .lineup.channels(name)
    .map(({ ownId }) => ownId);
export const onDisk = () => readFile(file, "utf8");

export const text = `# my headend
instances:
  one:   # the first
    use: shelf
    items:
      # the door
      door: http://up.example/door
      yard: http://up.example/yard   # windy
  two: { use: crate, items: { gate: "http://up.example/gate" } }
# the end
`;

/** Each test has a folder of its own. */
export function prepare(): void {
  beforeEach(async () => {
    hosts = [];
    folder = await mkdtemp(join(tmpdir(), "headend-follower-"));
    file = join(folder, "headend.yaml");
  });

  afterEach(async () => {
    await assembly.close();
    await rm(folder, { recursive: true, force: true });
  });
}
