// What the merged guide answers: programmes of a span, now and next, files for instances and styles, candidates.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { LineupChannel } from "../../../core/types.ts";
import { channel, hour, programme, readStrictly, stamp, target, tv, withRig } from "./rig.ts";

const noon = Date.UTC(2026, 0, 1, 12);
const lineup = (guideId: string): LineupChannel => ({
  id: `m3u:${guideId}`,
  instance: "m3u",
  name: guideId,
  number: "1",
  guideId,
  alternates: [],
});

describe("programmes()", () => {
  test("gives those that touch the span, in order, from wherever they lie", () =>
    withRig(async ({ source, merge, guide }) => {
      // Sorted by time over all channels, so that every part holds some of each.
      const ids = Array.from({ length: 60 }, (_, i) => `c${i}`);
      const elements: string[] = [];
      for (let i = 0; i < 120; i++)
        for (const id of ids)
          elements.push(
            programme(id, noon + i * hour, `${id} ${i}`, `<desc>${"text ".repeat(30)}${Math.sin(i)}</desc>`),
          );
      await merge(
        ids.map((id) => target(id)),
        [await source("s", tv(...elements))],
      );
      const found = await guide.programmes(lineup("c7"), { from: noon + 40 * hour + 1, to: noon + 44 * hour });
      assert.deepEqual(
        found.map(({ titles }) => titles[0]?.value),
        ["c7 40", "c7 41", "c7 42", "c7 43"],
      );
      assert.deepEqual(await guide.programmes(lineup("c7"), { from: noon - hour, to: noon }), []);
      assert.deepEqual(await guide.programmes(lineup("nobody"), { from: 0, to: Number.MAX_SAFE_INTEGER }), []);
      assert.equal((await guide.programmes(lineup("c59"), { from: 0, to: Number.MAX_SAFE_INTEGER })).length, 120);
    }));

  test("lets a programme without a stop last until the next", () =>
    withRig(async ({ source, merge, guide }) => {
      const open = (at: number, title: string) =>
        `<programme start="${stamp(at)}" channel="a"><title>${title}</title></programme>`;
      await merge(
        [target("a")],
        [await source("s", tv(open(noon, "1"), open(noon + hour, "2"), open(noon + 5 * hour, "3")))],
      );
      const titles = async (from: number, to: number) =>
        (await guide.programmes(lineup("a"), { from, to })).map((found) => found.titles[0]?.value);
      assert.deepEqual(await titles(noon + 2 * hour, noon + 3 * hour), ["2"]);
      assert.deepEqual(await titles(noon + 9 * hour, noon + 10 * hour), ["3"]);
    }));
});

test("nowNext() gives the programme of an instant and the one after, also after a gap", () =>
  withRig(async ({ source, merge, guide, clock }) => {
    await merge(
      [target("a")],
      [
        await source(
          "s",
          tv(programme("a", noon, "1"), programme("a", noon + hour, "2"), programme("a", noon + 30 * hour, "3")),
        ),
      ],
    );
    const at = async (instant?: number) => {
      const { now, next } = await guide.nowNext(lineup("a"), instant);
      return [now?.titles[0]?.value, next?.titles[0]?.value];
    };
    assert.equal(clock.now(), noon);
    assert.deepEqual(await at(), ["1", "2"]);
    assert.deepEqual(await at(noon + hour), ["2", "3"]);
    assert.deepEqual(await at(noon + 2 * hour), [undefined, "3"]);
    assert.deepEqual(await at(noon - hour), [undefined, "1"]);
    assert.deepEqual(await at(noon + 40 * hour), [undefined, undefined]);
  }));

describe("artefact()", () => {
  const targets = [
    target("a", { instances: ["one"], name: "Alpha", number: "10", logo: "http://x/a.png" }),
    target("b", { instances: ["two"], name: "Beta", number: "20" }),
    target("c", { instances: ["one", "two"], name: "Gamma", number: "30" }),
  ];
  const document = tv(
    channel("a", "Source A"),
    channel("b"),
    channel("c"),
    ...["a", "b", "c"].flatMap((id) => [programme(id, noon, id), programme(id, noon + hour, `${id}2`)]),
  );

  test("of an instance holds its channels and their programmes, and no others", () =>
    withRig(async ({ source, merge, titles, read }) => {
      await merge(targets, [await source("s", document)]);
      assert.deepEqual((await titles()).sort(), ["a a", "a a2", "b b", "b b2", "c c", "c c2"]);
      assert.deepEqual((await titles({ instance: "one" })).sort(), ["a a", "a a2", "c c", "c c2"]);
      assert.deepEqual((await titles({ instance: "two" })).sort(), ["b b", "b b2", "c c", "c c2"]);
      assert.deepEqual(await titles({ instance: "three" }), []);
      assert.deepEqual(
        (await read({ instance: "two" })).channels.map(({ id }) => id),
        ["b", "c"],
      );
    }));

  test("of a style bends the channels to what its clients read", () =>
    withRig(async ({ source, merge, read, text, guide }) => {
      await merge(targets, [await source("s", document)]);
      const names = async (style: "plain" | "plex" | "kodi" | "jellyfin") => (await read({ style })).channels[0]?.names;
      assert.deepEqual(await names("plain"), ["Source A"]);
      assert.deepEqual(await names("plex"), ["Alpha", "10", "10 Alpha"]);
      assert.deepEqual(await names("kodi"), ["Alpha"]);
      assert.deepEqual(await names("jellyfin"), ["Alpha"]);
      assert.match(await text({ style: "plex" }), /<lcn>10<\/lcn>/);
      assert.match(await text({ style: "jellyfin" }), /<icon src="http:\/\/x\/a.png" \/>\s*<lcn>10<\/lcn>/);
      assert.doesNotMatch(await text({ style: "kodi" }), /lcn/);
      assert.deepEqual(
        (await read({ style: "kodi", instance: "two" })).channels.map(({ names }) => names[0]),
        ["Beta", "Gamma"],
      );
      const tags = await Promise.all(
        [undefined, "one", "two"].map(
          async (instance) => (await guide.artefact(instance ? { instance, style: "plex" } : { style: "plex" }))?.etag,
        ),
      );
      assert.equal(new Set(tags).size, 3);
      assert.deepEqual(await guide.artefact({ style: "plex" }), await guide.artefact({ style: "plex" }));
    }));

  test("is made once for any number of askers, and goes with its generation", () =>
    withRig(async ({ source, merge, guide, folder, titles }) => {
      await merge(targets, [await source("s", document)]);
      const [one, two] = await Promise.all([guide.artefact({ instance: "one" }), guide.artefact({ instance: "one" })]);
      assert.deepEqual(one, two);
      for (const round of [1, 2])
        await merge(targets, [await source(`t${round}`, document.replace(">a<", `>new${round}<`))]);
      assert.ok((await titles({ instance: "one" })).includes("a new2"));
      const files = await readdir(join(folder, "guide"));
      assert.ok(!files.some((name) => one?.path.endsWith(name)), "two merges later it is gone");
    }));

  test("keeps many combinations of instances apart", () =>
    withRig(async ({ source, merge, titles }) => {
      const many = Array.from({ length: 40 }, (_, i) =>
        target(`t${i}`, {
          instances: ["all", ...Array.from({ length: 6 }, (_, bit) => `i${bit}`).filter((_, bit) => (i >> bit) & 1)],
        }),
      );
      await merge(many, [await source("s", tv(...many.map(({ id }) => programme(id, noon, id))))]);
      assert.equal((await titles()).length, 40);
      assert.deepEqual(
        (await titles({ instance: "i5" })).sort(),
        many
          .filter(({ instances }) => instances.includes("i5"))
          .map(({ id }) => `${id} ${id}`)
          .sort(),
      );
    }));

  test("is one gzip member whose text a strict parser reads", () =>
    withRig(async ({ source, merge, text }) => {
      await merge(targets, [await source("s", document)]);
      for (const style of ["plain", "plex", "kodi", "jellyfin"] as const)
        assert.equal(readStrictly(await text({ style })).programmes.length, 6);
    }));
});

test("unmatched() lists both sides with their nearest candidates", () =>
  withRig(async ({ source, merge, guide }) => {
    const document = tv(
      channel("Rai Movie Italia", "Rai Movie"),
      programme("Rai Movie Italia", noon, "x"),
      programme("Zzz", noon, "y"),
    );
    await merge([target("RaiMovie24"), target("Qqq")], [await source("s", document)]);
    const { targets, ids } = await guide.unmatched();
    assert.deepEqual(
      targets.map(({ id, candidates }) => [id, candidates.map((other) => other.id)]),
      [
        ["RaiMovie24", ["Rai Movie Italia"]],
        ["Qqq", []],
      ],
    );
    assert.deepEqual(
      ids.map(({ source, id, candidates }) => [source, id, candidates.map((other) => other.id)]),
      [
        ["s", "Rai Movie Italia", ["RaiMovie24"]],
        ["s", "Zzz", []],
      ],
    );
  }));
