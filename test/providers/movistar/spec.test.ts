// The times of U7D addresses: every form of the documentation, and those that the original misread.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseSpec } from "../../../providers/movistar/spec.ts";

const at = 1_633_046_400;
const now = (at + 7200) * 1000;
const madrid = "Europe/Madrid";

for (const text of [
  "1633046400",
  "1633046400.ts",
  "1633046400.m3u8",
  "1633046400-3600.ts",
  "video-1633046400-3600.m3u8",
  "timeshift_abs-1633046400.ts",
  "archive-1633046400-3600.mpeg",
  "index-1633046400-0.m3u8",
  "palabra1633046400",
  // The clock of Madrid, which was two hours ahead.
  "202110010200",
  "20211001020000",
  "202110010200.ts",
  "20211001020000.m3u8",
  "video-20211001020000-3600.ts",
  // From the start on, though the end is there too.
  "1633046400-1633050000.ts",
  "timeshift_rel-7200.m3u8",
  "timeshift_rel-7200.ts",
])
  test(`parseSpec() reads ${text}`, () => {
    assert.deepEqual(parseSpec(text, now, madrid), { at: at * 1000 });
  });

test("parseSpec() knows the names of live", () => {
  for (const text of ["live", "mpegts", "live.ts", "live.m3u8", "LIVE"]) assert.equal(parseSpec(text, now), "live");
});

test("parseSpec() finds no time where there is none", () => {
  for (const text of ["", "abc", "12345", "timeshift_rel-", "99999999999999", "202113010200", "x.ts"])
    assert.equal(parseSpec(text, now, madrid), undefined, text);
});

test("parseSpec() throws at nothing", () => {
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => void parseSpec(text, now, madrid)));
});
