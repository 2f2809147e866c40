// The lineup over a real registry and store: what clients key on never moves.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { artefactOf } from "../../../core/cache.ts";
import { HeadendError } from "../../../core/errors.ts";
import { documentOf } from "../../../core/fetch/document.ts";
import { createLineup, type LineupKeeper, type UpdateOptions } from "../../../core/lineup/index.ts";
import { createStore } from "../../../core/lineup/store.ts";
import type { Logger } from "../../../core/plugin.ts";
import type { Artefact, Channel } from "../../../core/types.ts";
import { createTestClock } from "../../support/clock.ts";

const clock = createTestClock();
let folder = "";
let lineup: LineupKeeper;
let warnings: string[] = [];
const warn = (text: string) => void warnings.push(text);
const log: Logger = { debug() {}, info() {}, warn, error: warn };
const settings = { duplicates: "keep", shrinkGuard: 3 } as const;

function open(): LineupKeeper {
  return createLineup({ store: createStore(folder), log, clock });
}

async function* list(channels: readonly Channel[]): AsyncIterable<Channel> {
  yield* channels;
}

const update = (name: string, channels: readonly Channel[], options: Partial<UpdateOptions> = {}) =>
  lineup.update(name, list(channels), {
    rules: [],
    range: undefined,
    original: undefined,
    signal: new AbortController().signal,
    ...options,
  });

const many = (count: number): Channel[] =>
  Array.from({ length: count }, (_, i) => ({ name: `C${i}`, guideId: `c${i}.it`, url: `http://u.example/${i}` }));

const shown = () => lineup.channels().map((c) => `${c.number} ${c.id}`);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lineup-"));
  warnings = [];
  lineup = open();
  await lineup.arrange(["one", "two"], settings);
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("createLineup()", () => {
  it("merges instances in order of number, each with ids of its own", async () => {
    await update("one", [{ name: "A", number: "7" }, { name: "B" }]);
    await update("two", [{ name: "A", number: "7" }]);
    assert.deepEqual(shown(), ["1 one:b", "2 two:a", "7 one:a"]);
  });

  it("keeps ids and numbers over a restart, a reordering, a loss and a return", async () => {
    await update("one", many(30));
    const before = shown();
    lineup = open();
    await lineup.arrange(["one", "two"], settings);
    await update("one", many(30).reverse().slice(0, 16));
    await update("one", [{ name: "New" }, ...many(30).reverse()]);
    assert.deepEqual(shown(), [...before, "31 one:new"]);
  });

  it("gives away no number of an instance that the config does not name", async () => {
    await update("one", [{ name: "A" }]);
    lineup = open();
    await lineup.restore(["two"]);
    await lineup.arrange(["two"], settings);
    await update("two", [{ name: "X" }]);
    assert.deepEqual(shown(), ["2 two:x"]);
  });

  it("never gives a lost channel's number to another", async () => {
    await update("one", [{ name: "A", number: "5" }, { name: "B" }]);
    await update("one", [{ name: "B" }]);
    await update("two", [{ name: "X", number: "5" }]);
    assert.deepEqual(shown(), ["1 one:b", "2 two:x"]);
  });

  it("never gives away a number that its channel has left, not even after a restart", async () => {
    await update("one", [{ name: "A" }]);
    await update("one", [{ name: "A" }], { rules: [{ set: [{ where: { name: "A" }, number: "9" }] }] });
    lineup = open();
    await lineup.arrange(["one", "two"], settings);
    await update("two", [{ name: "X", number: "1" }]);
    assert.equal(lineup.get("two:x")?.number, "2");
  });

  it("serves the last good lineup after a restart before any upstream answers", async () => {
    await update("one", many(3));
    const before = lineup.channels();
    lineup = open();
    assert.equal(lineup.ready, false);
    await lineup.restore(["one", "two"]);
    assert.equal(lineup.ready, true);
    assert.deepEqual(lineup.channels(), before);
    assert.equal(lineup.get("one:c1.it")?.name, "C1");
  });

  it("serves nothing of a last good lineup that cannot be read, and recovers", async () => {
    await update("one", many(3));
    await writeFile(join(folder, "one.ndjson"), '{"name": broken');
    lineup = open();
    await lineup.restore(["one"]);
    assert.equal(lineup.ready, false);
    await lineup.arrange(["one"], settings);
    await update("one", many(3));
    assert.equal(lineup.channels().length, 3);
  });

  it("believes a far smaller lineup only when upstream insists for long enough", async () => {
    await update("one", many(40));
    const shrunk = (left: number) => (error: unknown) =>
      error instanceof HeadendError && error.code === "instance.shrunk" && error.message.includes(`${left} more`);
    await assert.rejects(update("one", many(10)), shrunk(2));
    // Quick attempts after a failure are no further word.
    await assert.rejects(update("one", many(10)), shrunk(2));
    await clock.advance(30 * 60_000);
    await assert.rejects(update("one", many(10)), shrunk(1));
    assert.equal(lineup.channels().length, 40);
    await clock.advance(30 * 60_000);
    assert.equal((await update("one", many(10))).channels, 10);
  });

  it("starts counting anew when upstream gives the full lineup in between, and takes anything from a changed config", async () => {
    await update("one", many(40));
    await assert.rejects(update("one", many(10)), /2 more/);
    await update("one", many(40));
    await clock.advance(30 * 60_000);
    await assert.rejects(update("one", many(10)), /2 more/);
    assert.equal(lineup.channels().length, 40);
    lineup.trust("one");
    assert.equal((await update("one", many(10))).channels, 10);
  });

  it("keeps the last good channels when upstream fails half-way", async () => {
    await update("one", many(3));
    async function* half(): AsyncIterable<Channel> {
      yield { name: "only" };
      throw new Error("connection lost");
    }
    await assert.rejects(
      lineup.update("one", half(), {
        rules: [],
        range: undefined,
        original: undefined,
        signal: new AbortController().signal,
      }),
      /connection lost/,
    );
    assert.equal(lineup.channels().length, 3);
  });

  it("writes nothing and tells nobody when nothing changed", async () => {
    await update("one", many(3));
    let changes = 0;
    lineup.onChange(() => changes++, new AbortController().signal);
    const before = lineup.channels("one");
    const times = async () =>
      Promise.all((await readdir(folder)).map(async (n) => `${n} ${(await stat(join(folder, n))).mtimeMs}`));
    const written = await times();
    assert.equal((await update("one", many(3))).changed, false);
    assert.deepEqual(await times(), written);
    assert.equal(changes, 0);
    assert.ok(lineup.channels("one").every((channel, i) => channel === before[i]));
  });

  it("has a tag that moves with the channels and outlasts a restart", async () => {
    const tags = () => [lineup.tag(), lineup.tag("one"), lineup.tag("two")];
    await update("one", many(3));
    await update("two", many(1));
    const before = tags();
    assert.equal(new Set(before).size, 3);
    await update("one", many(3));
    assert.deepEqual(tags(), before);
    lineup = open();
    await lineup.restore(["one", "two"]);
    assert.deepEqual(tags(), before);
    await lineup.arrange(["two", "one"], settings);
    assert.notEqual(lineup.tag(), before[0]);
    await lineup.arrange(["one", "two"], settings);
    await update("one", many(3).reverse());
    assert.deepEqual(
      tags().map((tag, i) => tag === before[i]),
      [false, false, true],
    );
  });

  it("has another tag when the channels could not be kept, so that nobody takes them for those on disk", async () => {
    const store = createStore(folder);
    lineup = createLineup({
      store: { ...store, save: () => Promise.reject(new Error("disk full")) },
      log,
      clock: createTestClock(),
    });
    await lineup.arrange(["one"], settings);
    await update("one", many(1));
    const before = lineup.tag();
    await update("one", many(2));
    assert.notEqual(lineup.tag(), before);
    assert.match(warnings.join(), /could not be kept: disk full/);
  });

  it("applies the instance's rules, then the lineup's", async () => {
    const rules = [{ exclude: [{ name: "C0" }] }, { set: [{ where: { name: "C1" }, name: "First", number: "99" }] }];
    const result = await update("one", many(3), { rules });
    assert.deepEqual(result, { channels: 2, excluded: 1, changed: true });
    assert.deepEqual(
      lineup.channels().map((c) => [c.number, c.name]),
      [
        ["1", "C2"],
        ["99", "First"],
      ],
    );
  });

  it("says so when the user's number belongs to another channel", async () => {
    await update("one", many(2));
    await update("two", [{ name: "X" }], { rules: [{ set: [{ where: { name: "X" }, number: "1" }] }] });
    assert.equal(lineup.get("two:x")?.number, "3");
    assert.match(warnings.join(), /number 1 belongs to another channel/);
  });

  it("keeps the upstream's own playlist while no rule edits the channels, whatever comes next and over a restart", async () => {
    const upstream = join(folder, "upstream.m3u");
    const give = async (text: string, digest: string) => {
      await writeFile(upstream, text);
      const artefact = await artefactOf(upstream);
      return () => documentOf(artefact as Artefact, digest, true, 0);
    };
    const read = async () => {
      const document = lineup.original("one");
      return document && readFile(document.path, "utf8");
    };
    const direct = { ...settings, deliver: { one: "direct" } } as const;
    await lineup.arrange(["one", "two"], direct);
    const original = await give("first", "d1");
    await update("one", many(20), { original });
    assert.equal(await read(), "first");
    await give("a web page", "d2");
    await assert.rejects(update("one", many(2), { original }));
    assert.equal(await read(), "first");
    lineup = open();
    await lineup.restore(["one"]);
    assert.equal(await read(), "first");
    await lineup.arrange(["one"], direct);
    await update("one", many(20), { original: await give("third", "d3") });
    assert.equal(await read(), "third");
    await lineup.arrange(["one"], settings);
    await update("one", many(20), { original });
    assert.equal(lineup.original("one"), undefined);
    await lineup.arrange(["one"], direct);
    await update("one", many(20), { original });
    assert.equal(await read(), "third");
    await update("one", many(20), { original, rules: [{ exclude: [{ name: "C0" }] }] });
    assert.equal(lineup.original("one"), undefined);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.includes("original")),
      [],
    );
    assert.equal(lineup.original("nobody"), undefined);
  });

  it("drops an instance that the config no longer names, but not its numbers", async () => {
    await update("one", many(1));
    await update("two", [{ name: "X" }]);
    await lineup.arrange(["two"], settings);
    assert.deepEqual(shown(), ["2 two:x"]);
    await lineup.arrange(["two", "one"], settings);
    await update("one", [{ name: "Y" }, ...many(1)]);
    assert.deepEqual(shown(), ["1 one:c0.it", "2 two:x", "3 one:y"]);
  });

  it("calls back no more once the listener's signal has aborted", async () => {
    const controller = new AbortController();
    let calls = 0;
    lineup.onChange(() => calls++, controller.signal);
    await update("one", many(1));
    controller.abort();
    await update("one", many(2));
    assert.equal(calls, 1);
  });
});
