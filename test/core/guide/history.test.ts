// The past that sources no longer carry, over many refreshes.
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { describe, test } from "node:test";
import { channel, day, hour, programme, target, tv, withRig } from "./rig.ts";

const noon = Date.UTC(2026, 0, 1, 12);

describe("merge() keeps the past", () => {
  test("of a channel whose source has moved on, before what is new, and nothing twice", () =>
    withRig(
      async ({ source, merge, titles }) => {
        const hours = (from: number, count: number) =>
          Array.from({ length: count }, (_, i) => programme("a", noon + (from + i) * hour, `${from + i}`));
        await merge([target("a")], [await source("one", tv(...hours(0, 4)))]);
        const report = await merge([target("a")], [await source("two", tv(...hours(2, 4)))]);
        assert.deepEqual(await titles(), ["a 0", "a 1", "a 2", "a 3", "a 4", "a 5"]);
        assert.equal(report.history, 2);
        assert.equal(report.programmes, 6);
      },
      { history: day },
    ));

  test("of a channel that no source has any more, as far as it has begun", () =>
    withRig(
      async ({ source, merge, clock, titles, read }) => {
        const both = tv(
          channel("b", "Bravo"),
          programme("a", noon, "A"),
          programme("b", noon, "B"),
          programme("b", noon + 5 * hour, "later"),
        );
        await merge([target("a"), target("b")], [await source("one", both)]);
        await clock.advance(2 * hour);
        await merge([target("a"), target("b")], [await source("two", tv(programme("a", noon + hour, "A2")))]);
        assert.deepEqual(await titles(), ["a A", "b B", "a A2"]);
        assert.deepEqual(
          (await read()).channels.map(({ id }) => id),
          ["a", "b"],
        );
      },
      { history: day },
    ));

  test("of no channel that has left the lineup", () =>
    withRig(
      async ({ source, merge, titles }) => {
        await merge(
          [target("a"), target("b")],
          [await source("one", tv(programme("a", noon - hour, "A"), programme("b", noon - hour, "B")))],
        );
        await merge([target("a")], [await source("two", tv(programme("a", noon, "A2")))]);
        assert.deepEqual(await titles(), ["a A", "a A2"]);
      },
      { history: day },
    ));

  test("over forty refreshes without growing beyond the span", () =>
    withRig(
      async ({ source, merge, clock, guide, titles }) => {
        const sizes: number[] = [];
        for (let refresh = 0; refresh < 40; refresh++) {
          const now = clock.now();
          const ahead = Array.from({ length: 12 }, (_, i) =>
            programme("a", now + i * hour, `at ${(now - noon) / hour + i}`),
          );
          await merge([target("a")], [await source(`s${refresh}`, tv(...ahead))]);
          const found = await titles();
          assert.equal(new Set(found).size, found.length, "nothing stands there twice");
          const kept = Math.min(refresh * 6, 48 + 1);
          assert.ok(Math.abs(found.length - kept - 12) <= 1, `${found.length} programmes after ${refresh} refreshes`);
          sizes.push((await stat((await guide.artefact())?.path ?? "")).size);
          await clock.advance(6 * hour);
        }
        assert.ok((sizes.at(-1) ?? 0) < (sizes[15] ?? 0) * 1.2);
      },
      { history: 2 * day },
    ));
});
