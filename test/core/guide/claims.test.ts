// Which source gets a channel when several mean it: the first, unless a later one means it better.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { channel, hour, programme, target, tv, withRig } from "./rig.ts";

const noon = Date.UTC(2026, 0, 1, 12);

describe("merge() gives a channel", () => {
  const news = target("news.it", { names: ["News"] });
  const named = tv(channel("other.xx", "News"), programme("other.xx", noon, "by name"));
  const own = tv(channel("news.it", "Notizie"), programme("news.it", noon, "by id"));

  test("to a later source that calls it by its id, over an earlier one with the same name", () =>
    withRig(async ({ source, merge, titles }) => {
      const report = await merge([news], [await source("first", named), await source("second", own)]);
      assert.deepEqual(await titles(), ["news.it by id"]);
      assert.deepEqual(
        report.sources.map(({ kept }) => kept),
        [0, 1],
      );
    }));

  test("to the earlier source again when the better one has nothing any more", () =>
    withRig(async ({ source, merge, titles }) => {
      await merge([news], [await source("first", named), await source("second", own)]);
      const gone = tv(channel("news.it", "Notizie"));
      const report = await merge([news], [await source("first", named), await source("second", gone)]);
      assert.deepEqual(await titles(), ["news.it by name"]);
      assert.equal(report.programmes, 1);
    }));

  test("to the first of two sources that mean it equally well", () =>
    withRig(async ({ source, merge, titles }) => {
      const again = tv(programme("news.it", noon + hour, "second"));
      await merge([news], [await source("first", own), await source("second", again)]);
      assert.deepEqual(await titles(), ["news.it by id"]);
    }));
});

describe("merge() with keepPast false", () => {
  test("keeps only the past that sources still have", () =>
    withRig(
      async ({ source, merge, titles }) => {
        await merge([target("a")], [await source("one", tv(programme("a", noon - hour, "old")))]);
        await merge([target("a")], [await source("two", tv(programme("a", noon, "new")))]);
        assert.deepEqual(await titles(), ["a new"]);
      },
      { keepPast: false },
    ));
});
