// What a merge makes of its sources: who owns what, under which id, with which times.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { channel, day, hour, programme, stamp, target, tv, withRig } from "./rig.ts";

const noon = Date.UTC(2026, 0, 1, 12);
const first = tv(
  channel("Italia 1.it", "Italia 1"),
  channel("Solo.it"),
  programme("Italia 1.it", noon, "A"),
  programme("Solo.it", noon, "B"),
  programme("Nobody", noon, "N"),
);
const second = tv(channel("italia1"), channel("Other"), programme("italia1", noon, "X"), programme("Other", noon, "C"));
const targets = [target("Italia 1"), target("Solo"), target("Other")];

describe("merge()", () => {
  test("gives the same in a worker and without one", async () => {
    const texts: string[] = [];
    for (const apart of [true, false]) {
      await withRig(
        async ({ source, merge, text }) => {
          const guide = await source("a", tv(channel("one"), programme("one", 0, "A"), programme("two", 0, "B")));
          const report = await merge([target("one")], [guide]);
          texts.push(JSON.stringify({ ...report, seconds: 0 }), await text());
        },
        {},
        apart,
      );
    }
    assert.deepEqual(texts.slice(2), texts.slice(0, 2));
    assert.match(texts[1] ?? "", /<title>A</);
  });

  test("says why it could not be done, also without a worker", () =>
    withRig(
      async ({ folder, guide }) => {
        const gone = { name: "gone", instance: "m3u", path: `${folder}/gone.xml`, digest: "1" };
        const controller = new AbortController();
        controller.abort(new Error("enough"));
        await assert.rejects(guide.merge([target("one")], [gone], controller.signal), /enough/);
        const report = await guide.merge([target("one")], [gone], new AbortController().signal);
        assert.match(report.sources[0]?.error ?? "", /no such file/i);
      },
      {},
      false,
    ));

  test("gives a channel to the first source that has it, and drops the other's programmes", () =>
    withRig(async ({ source, merge, titles, read }) => {
      const report = await merge(targets, [await source("one", first), await source("two", second)]);
      assert.deepEqual(await titles(), ["Italia 1 A", "Solo B", "Other C"]);
      assert.deepEqual(
        (await read()).channels.map(({ id }) => id),
        ["Italia 1", "Solo", "Other"],
      );
      assert.deepEqual(
        report.sources.map(({ dropped }) => dropped),
        [{ unmatched: 1 }, { "owned elsewhere": 1 }],
      );
      assert.deepEqual([report.programmes, report.channels, report.unmatchedIds], [3, 3, 1]);
    }));

  test("writes ids as the lineup has them", () =>
    withRig(async ({ source, merge, text }) => {
      await merge(
        [target('Tom & "Jerry"\'s'), ...targets],
        [await source("one", tv(channel("tom jerry s"), programme("tom jerry s", noon, "T")))],
      );
      const document = await text();
      assert.match(document, /<channel id="Tom &amp; &quot;Jerry&quot;&apos;s">/);
      assert.match(document, /channel="Tom &amp; &quot;Jerry&quot;&apos;s"/);
    }));

  test("keeps programmes of known channels only", () =>
    withRig(async ({ source, merge, titles }) => {
      await merge([target("Solo")], [await source("one", first), await source("two", second)]);
      assert.deepEqual(await titles(), ["Solo B"]);
    }));

  test("reads a gzipped source like a plain one", () =>
    withRig(async ({ source, merge, titles }) => {
      await merge(targets, [await source("one", gzipSync(first)), await source("two", second)]);
      assert.deepEqual(await titles(), ["Italia 1 A", "Solo B", "Other C"]);
    }));

  test("does not let a source that only declares a channel block a later one", () =>
    withRig(async ({ source, merge, titles, read }) => {
      await merge(
        [target("a")],
        [await source("one", tv(channel("a", "Declared"))), await source("two", tv(programme("a", noon, "P")))],
      );
      assert.deepEqual(await titles(), ["a P"]);
      assert.deepEqual((await read()).channels, [{ id: "a", names: ["Declared"], text: "Declared" }]);
    }));

  test("takes the channel element of the owner before that of an earlier source", () =>
    withRig(async ({ source, merge, read }) => {
      const late = tv(programme("a", noon, "P"), channel("a", "Owner"));
      await merge([target("a")], [await source("one", tv(channel("a", "Declared"))), await source("two", late)]);
      assert.deepEqual(
        (await read()).channels.map(({ names }) => names),
        [["Owner"]],
      );
    }));

  test("makes a channel element where no source has one, and lists no channel without programmes", () =>
    withRig(async ({ source, merge, text }) => {
      const named = target("a", { name: "Alpha & Co", logo: "http://x/a.png?b&c" });
      await merge([named, target("empty")], [await source("one", tv(programme("a", noon, "P"), channel("empty")))]);
      const document = await text();
      assert.match(
        document,
        /<channel id="a">\s*<display-name>Alpha &amp; Co<\/display-name>\s*<icon src="http:\/\/x\/a.png\?b&amp;c" \/>\s*<\/channel>/,
      );
      assert.doesNotMatch(document, /empty/);
    }));

  test("reads channels and programmes in any order", () =>
    withRig(async ({ source, merge, titles }) => {
      const documents = [
        tv(programme("a", noon, "1"), channel("a"), programme("a", noon + hour, "2")),
        tv(programme("b", noon, "3")),
        tv(channel("b"), channel("c"), programme("c", noon, "4")),
      ];
      const sources = await Promise.all(documents.map((text, i) => source(`s${i}`, text)));
      await merge([target("a"), target("b"), target("c")], sources);
      assert.deepEqual(await titles(), ["a 1", "a 2", "b 3", "c 4"]);
    }));

  test("gives the programmes to every target that shares the key", () =>
    withRig(async ({ source, merge, titles }) => {
      await merge([target("Rai1.it@HD"), target("rai 1")], [await source("one", tv(programme("Rai1.it", noon, "P")))]);
      assert.deepEqual((await titles()).sort(), ["Rai1.it@HD P", "rai 1 P"]);
    }));

  test("prefers the id that was declared for a target by a better match", () =>
    withRig(async ({ source, merge, guide, titles }) => {
      const document = tv(
        channel("X.it@SD"),
        channel("X.it@HD"),
        programme("X.it@SD", noon, "SD"),
        programme("X.it@HD", noon, "HD"),
      );
      await merge([target("X.it@HD")], [await source("one", document)]);
      assert.deepEqual(await titles(), ["X.it@HD HD"]);
      assert.deepEqual(guide.matches(), [{ source: "one", sourceId: "X.it@HD", guideId: "X.it@HD", step: "exact" }]);
    }));

  test("falls back to the lesser match when the better has no programmes", () =>
    withRig(async ({ source, merge, titles }) => {
      const report = await merge(
        [target("X.it")],
        [await source("one", tv(channel("X.it"), programme("x", noon, "P"), programme("x", noon + hour, "Q")))],
      );
      assert.deepEqual(await titles(), ["X.it P", "X.it Q"]);
      assert.deepEqual(report.sources[0]?.dropped, {});
      assert.equal(report.sources[0]?.kept, 2);
    }));

  test("matches by name, also when the channel comes after its programmes", () =>
    withRig(async ({ source, merge, guide, titles }) => {
      const named = target("made-1", { names: ["Rai Uno"] });
      const { guideId: _, ...nameless } = named;
      const report = await merge(
        [nameless],
        [await source("one", tv(programme("77", noon, "P"), channel("77", "RAI uno")))],
      );
      assert.deepEqual(await titles(), ["made-1 P"]);
      assert.deepEqual(guide.matches(), [{ source: "one", sourceId: "77", guideId: "made-1", step: "name" }]);
      assert.deepEqual(report.sources[0]?.dropped, {});
    }));

  test("goes only as far as `match` says, for all sources or for one", async () => {
    await withRig(
      async ({ source, merge, titles }) => {
        await merge([target("A.it")], [await source("one", tv(channel("a"), programme("a", noon, "P")))]);
        assert.deepEqual(await titles(), []);
        await merge([target("A.it")], [await source("two", tv(programme("a", noon, "P")), { match: "normalised" })]);
        assert.deepEqual(await titles(), ["A.it P"]);
      },
      { match: "exact" },
    );
  });

  test("follows the map by hand before any match", () =>
    withRig(async ({ source, merge, titles }) => {
      const document = tv(programme("b", noon, "own"), programme("weird", noon, "mapped"));
      await merge([target("b")], [await source("one", document, { map: { weird: "b" } })]);
      assert.deepEqual(await titles(), ["b mapped"]);
    }));

  test("matches a provider's own channel ids", () =>
    withRig(async ({ source, merge, titles }) => {
      const own = await source("own", tv(programme("7", noon, "P")), { ids: "channel", instance: "cams" });
      await merge([target("door", { channelIds: ["cams:7"] }), target("7")], [own]);
      assert.deepEqual(await titles(), ["door P"]);
    }));

  test("copies what it does not know, and times as they are", () =>
    withRig(async ({ source, merge, text }) => {
      const odd = `<programme catchup-id="x" start='202601011200' channel = 'a' stop="20260101130000 BST"><title lang="it">T</title><x:y z="1">&#233; <![CDATA[<b>]]></x:y></programme>`;
      await merge([target("a")], [await source("one", tv(odd))]);
      assert.ok((await text()).includes(odd), await text());
    }));

  test("shifts the times of a source and of a target, zone as written", () =>
    withRig(async ({ source, merge, read }) => {
      const document = tv(
        `<programme start="20260101233000 +0100" stop="202601020030" channel="a"><title>T</title></programme>`,
      );
      await merge([target("a"), target("A", { shift: -hour })], [await source("one", document, { shift: 2 * hour })]);
      assert.deepEqual(
        (await read()).programmes.map(({ attributes }) => [attributes.channel, attributes.start, attributes.stop]),
        [
          ["a", "20260102013000 +0100", "202601020230"],
          ["A", "20260102003000 +0100", "202601020130"],
        ],
      );
    }));

  test("drops what is outside the span, and what has no start", () =>
    withRig(
      async ({ source, merge, titles }) => {
        const document = tv(
          programme("a", noon - day - 2 * hour, "past"),
          programme("a", noon - day, "edge"),
          programme("a", noon + 2 * day + hour, "future"),
          `<programme channel="a"><title>none</title></programme>`,
          `<programme start="soon" channel="a"><title>none</title></programme>`,
        );
        const report = await merge([target("a")], [await source("one", document)]);
        assert.deepEqual(await titles(), ["a edge"]);
        assert.deepEqual(report.sources[0]?.dropped, { "outside the span": 2, "no start time": 2 });
      },
      { days: 2 * day, history: day },
    ));

  test("collapses a programme that stands there twice", () =>
    withRig(async ({ source, merge, titles }) => {
      const twice = [
        programme("a", noon, "P"),
        programme("a", noon + hour, "Q"),
        programme("a", noon, "P"),
        programme("a", noon, "R"),
      ];
      const report = await merge([target("a")], [await source("one", tv(...twice))]);
      assert.deepEqual(await titles(), ["a P", "a Q", "a R"]);
      assert.deepEqual(report.sources[0]?.dropped, { duplicate: 1 });
    }));

  test("leaves stops alone unless told to mend them", async () => {
    const document = tv(
      `<programme start="${stamp(noon)}" channel="a"><title>1</title></programme>`,
      `<programme start="${stamp(noon + hour)}" stop="${stamp(noon + 3 * hour)}" channel="a"><title>2</title></programme>`,
      `<programme start="${stamp(noon + 2 * hour)}" channel="a"><title>3</title></programme>`,
    );
    const stops = async (repair: ("stops" | "overlaps")[]) => {
      let found: (string | undefined)[] = [];
      await withRig(
        async ({ source, merge, read }) => {
          await merge([target("a")], [await source("one", document)]);
          found = (await read()).programmes.map(({ attributes }) => attributes.stop);
        },
        { repair },
      );
      return found;
    };
    assert.deepEqual(await stops([]), [undefined, stamp(noon + 3 * hour), undefined]);
    assert.deepEqual(await stops(["stops"]), [stamp(noon + hour), stamp(noon + 3 * hour), undefined]);
    assert.deepEqual(await stops(["stops", "overlaps"]), [stamp(noon + hour), stamp(noon + 2 * hour), undefined]);
  });
});
