// Stations of several instances: what they are known by never moves, whoever has them.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createLineup, type LineupKeeper } from "../../../core/lineup/index.ts";
import { createStore } from "../../../core/lineup/store.ts";
import type { Logger } from "../../../core/plugin.ts";
import type { Channel } from "../../../core/types.ts";
import { createTestClock } from "../../support/clock.ts";

let folder = "";
let lineup: LineupKeeper;
let errors: string[] = [];
const error = (text: string) => void errors.push(text);
const log: Logger = { debug() {}, info() {}, warn: error, error };
const settings = { duplicates: "alternates", shrinkGuard: 0 } as const;

async function open(...order: string[]): Promise<void> {
  lineup = createLineup({ store: createStore(folder), log, clock: createTestClock() });
  await lineup.restore(order);
  await lineup.arrange(order, settings);
}

async function update(name: string, ...channels: Channel[]): Promise<void> {
  const { signal } = new AbortController();
  const options = { rules: [], range: undefined, original: undefined, signal };
  async function* list() {
    yield channels;
  }
  await lineup.update(name, list(), options);
}

const rai = (url: string, guideId = "Rai1.it"): Channel => ({ name: "Rai 1", guideId, url });
const other: Channel = { name: "Other", guideId: "Other.it", url: "http://a.example/2" };
const shown = () => lineup.channels().map(({ number, id, guideId, url }) => [number, id, guideId, url].join(" "));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stations-"));
  errors = [];
  await open("one", "two");
  await update("one", rai("http://a.example/1"), other);
  await update("two", rai("http://b.example/1", "rai1.IT"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("duplicates as alternates", () => {
  const both = "1 one:rai1.it Rai1.it http://a.example/1";
  const without = "1 one:rai1.it Rai1.it http://b.example/1";
  const rest = "2 one:other.it Other.it http://a.example/2";

  it("are one channel with further ways to its pictures", async () => {
    await update("two", { ...rai("http://b.example/1", "rai1.IT"), headers: { Referer: "r" } }, other);
    const [station, second] = lineup.channels();
    const alternate = { url: "http://b.example/1", instance: "two", headers: { Referer: "r" } };
    assert.deepEqual([station?.url, station?.alternates], ["http://a.example/1", [alternate]]);
    assert.equal(second?.alternates.length, 1);
    assert.equal(lineup.get("two:rai1.it"), station);
  });

  it("keep id, number and guide id when the leader's instance loses the station, and when it returns", async () => {
    assert.deepEqual(shown(), [both, rest]);
    await update("one", other);
    assert.deepEqual(shown(), [without, rest]);
    assert.equal(lineup.get("one:rai1.it")?.instance, "two");
    assert.equal(lineup.get("two:rai1.it"), lineup.get("one:rai1.it"));
    await update("one", rai("http://a.example/1"), other);
    assert.deepEqual(shown(), [both, rest]);
    assert.deepEqual(lineup.get("two:rai1.it")?.alternates, [{ url: "http://b.example/1", instance: "two" }]);
  });

  it("keep them over a restart, another order of the instances, and the leader's end", async () => {
    await update("one", other);
    await open("one", "two");
    assert.deepEqual(shown(), [without, rest]);
    await open("two", "one");
    await update("one", rai("http://a.example/1"), other);
    assert.deepEqual(shown(), [without, rest]);
    assert.deepEqual(lineup.get("one:rai1.it")?.alternates, [{ url: "http://a.example/1", instance: "one" }]);
    await open("two");
    assert.deepEqual(shown(), [without]);
  });

  it("have another tag when the leader is gone, since what is shown differs", async () => {
    const tags = [lineup.tag()];
    await update("one", other);
    tags.push(lineup.tag());
    await open("one", "two");
    assert.equal(lineup.tag(), tags[1]);
    assert.notEqual(tags[0], tags[1]);
  });

  it("give a channel's id to nobody while that channel is another station", async () => {
    await update("one", rai("http://a.example/1", "Uno.it"), other);
    const ids = lineup.channels().map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(lineup.get("one:rai1.it")?.guideId, "Uno.it");
    assert.equal(lineup.get("two:rai1.it")?.guideId, "rai1.IT");
  });

  it("are merged all the same when it cannot be read who leads, and that is not overwritten", async () => {
    await writeFile(join(folder, "stations.json"), "[[broken");
    await open("one", "two");
    assert.deepEqual(shown(), [both, rest]);
    assert.match(errors.join(), /which channels lead cannot be read/);
    await update("two", rai("http://b.example/9", "rai1.IT"));
    await assert.rejects(createStore(folder).leaders());
  });
});
