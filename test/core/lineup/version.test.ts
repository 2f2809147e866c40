// A lineup that upstream calls by the same name is not read again: not now, and not after a restart.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { artefactOf } from "../../../core/cache.ts";
import { documentOf } from "../../../core/fetch/document.ts";
import { createLineup, type LineupKeeper, type UpdateOptions } from "../../../core/lineup/index.ts";
import { createStore } from "../../../core/lineup/store.ts";
import type { Logger } from "../../../core/plugin.ts";
import type { Artefact, Channel } from "../../../core/types.ts";
import { createTestClock } from "../../support/clock.ts";

const clock = createTestClock();
let folder = "";
let lineup: LineupKeeper;
let read = 0;
let warnings: string[] = [];
const warn = (text: string) => void warnings.push(text);
const log: Logger = { debug() {}, info() {}, warn, error: warn };

async function open(): Promise<void> {
  lineup = createLineup({ store: createStore(folder), log, clock });
  await lineup.restore(["one"]);
  await lineup.arrange(["one"], { duplicates: "keep", shrinkGuard: 3, deliver: { one: "direct" } });
}

const list: readonly Channel[] = Array.from({ length: 20 }, (_, i) => ({
  name: `C${i}`,
  url: `http://u.example/${i}`,
}));

/** Whether the channels were read. */
async function update(
  version: string | undefined,
  more: Partial<UpdateOptions> = {},
  channels = list,
): Promise<boolean> {
  const before = read;
  async function* give() {
    read++;
    yield channels;
  }
  const { signal } = new AbortController();
  const options = { rules: [], range: undefined, original: undefined, signal, version: async () => version };
  const result = await lineup.update("one", give(), { ...options, ...more });
  assert.equal(result.channels + result.excluded, channels.length);
  return read > before;
}

const times = async () =>
  (await Promise.all((await readdir(folder)).map(async (n) => `${n} ${(await stat(join(folder, n))).mtimeMs}`))).sort();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "version-"));
  warnings = [];
  await open();
});
afterEach(() => rm(folder, { recursive: true }));

describe("a version of the channels", () => {
  it("spares reading them while it stays, writes nothing, and counts as a success", async () => {
    assert.equal(await update("a"), true);
    const [before, written] = [lineup.channels(), await times()];
    const confirmed = lineup.confirmed("one") ?? 0;
    await clock.advance(60_000);
    assert.equal(await update("a"), false);
    assert.equal(lineup.channels(), before);
    assert.deepEqual(await times(), written);
    assert.equal(lineup.confirmed("one"), confirmed + 60_000);
    assert.equal(await update("b"), true);
    assert.equal(await update(undefined), true);
  });

  it("outlasts a restart, also when only the version changed before it", async () => {
    await update("a");
    assert.equal(await update("b"), true);
    await open();
    assert.equal(await update("b"), false);
    assert.equal(await update("a"), true);
  });

  it("says nothing under other rules or another range, nor once the config has changed", async () => {
    await update("a");
    assert.equal(await update("a", { rules: [{ exclude: [{ name: "C1" }] }] }), true);
    assert.equal(await update("a", { rules: [{ exclude: [{ name: "C1" }] }] }), false);
    assert.equal(await update("a", { range: { from: 100, to: 200 } }), true);
    lineup.trust("one");
    assert.equal(await update("a", { range: { from: 100, to: 200 } }), true);
  });

  it("says nothing of channels that were refused, broken on disk, or kept without their playlist", async () => {
    await update("a");
    await assert.rejects(update("b", {}, list.slice(0, 3)), /2 more/);
    await assert.rejects(update("b", {}, list.slice(0, 3)));
    assert.equal(await update("a"), false);
    await rm(join(folder, "one.version.json"));
    await open();
    assert.equal(await update("a"), true);

    const upstream = join(folder, "upstream.m3u");
    await writeFile(upstream, "text");
    const artefact = (await artefactOf(upstream)) as Artefact;
    const original = () => documentOf(artefact, "d1", true, 0);
    await update("c", { original });
    for (const name of await readdir(folder)) if (name.endsWith(".original")) await rm(join(folder, name));
    await open();
    assert.equal(await update("c", { original }), true);
    assert.ok(lineup.original("one"));
    assert.equal(await update("c", { original }), false);
    assert.ok(lineup.original("one"));
  });

  it("that cannot be had is a failed refresh", async () => {
    await update("a");
    const version = () => Promise.reject(new Error("upstream is away"));
    await assert.rejects(update("a", { version }), /upstream is away/);
    assert.equal(lineup.channels().length, 20);
  });
});
