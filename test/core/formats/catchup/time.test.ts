// Times of catch-up addresses: every way to write one, the zone that each is in, the days when clocks change, and nonsense.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatTime, parseTime } from "../../../../core/formats/catchup/time.ts";
import { instantOf, type WallTime, wallTimeAt } from "../../../../core/formats/catchup/zone.ts";

const madrid = "Europe/Madrid";

test("parseTime() reads seconds, milliseconds, clock times and ISO 8601", () => {
  const winter = Date.UTC(2026, 2, 1, 19, 15);
  const expected = {
    "0": 0,
    "1772392500": winter,
    "1772392500000": winter,
    "20260301201500": winter,
    "202603012015": winter,
    "20260301191500Z": winter,
    "20260301191500GMT": winter,
    "202603011915UTC": winter,
    "2026-03-01:20-15": winter,
    "2026-03-01:20-15-00": winter,
    "2026-03-01 20:15": winter,
    "2026-03-01T20:15:00": winter,
    "2026-03-01T19:15:00.000Z": winter,
    "2026-03-02T03:15:00+08:00": winter,
    // A plus that was not encoded.
    "2026-03-02T03:15:00 08:00": winter,
    "20260301T161500-0300": winter,
    "20260301T191500z": winter,
  };
  for (const [text, at] of Object.entries(expected)) assert.equal(parseTime(text, madrid), at, text);
  assert.equal(parseTime("20260701201500", madrid), Date.UTC(2026, 6, 1, 18, 15));
  assert.equal(parseTime("20260301201500", "UTC"), Date.UTC(2026, 2, 1, 20, 15));
});

test("parseTime() reads clock times in this machine's zone by default", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  assert.equal(parseTime("20260701201500"), parseTime("20260701201500", zone));
});

test("parseTime() refuses what is no time, and years before 1970 and after 2100", () => {
  for (const text of [
    "",
    " ",
    "-1",
    "+1772392500",
    "1.5",
    "12345678901",
    "20261301000000",
    "20260230000000",
    "20260301240000",
    "20260301206000",
    "20260301201560",
    "19691231235959",
    "21010101000000",
    "4133980800",
    "9999999999999",
    "1772392500x",
    "2026-03-01",
    "2026-0301:20-15",
    "20260301201500-2130",
    `${"0".repeat(39)}1`,
  ])
    assert.equal(parseTime(text, "UTC"), undefined, text);
  assert.equal(parseTime("21001231235959", "UTC"), Date.UTC(2100, 11, 31, 23, 59, 59));
});

test("parseTime() takes the first of an hour that is there twice, and the next where there is none", () => {
  assert.equal(parseTime("20251026023000", madrid), Date.UTC(2025, 9, 26, 0, 30));
  assert.equal(parseTime("20260329023000", madrid), Date.UTC(2026, 2, 29, 1, 30));
  assert.equal(parseTime("20260329015959", madrid), Date.UTC(2026, 2, 29, 0, 59, 59));
  assert.equal(parseTime("20260329030000", madrid), Date.UTC(2026, 2, 29, 1));
});

test("wallTimeAt() knows both sides of a change of clocks, also by half an hour", () => {
  const shown = (at: number, zone: string) => formatTime(wallTimeAt(at, zone), "Y-m-d H:M:S");
  assert.equal(shown(Date.UTC(2026, 2, 29, 0, 59, 59), madrid), "2026-03-29 01:59:59");
  assert.equal(shown(Date.UTC(2026, 2, 29, 1), madrid), "2026-03-29 03:00:00");
  assert.equal(shown(Date.UTC(2025, 9, 26, 0, 30), madrid), "2025-10-26 02:30:00");
  assert.equal(shown(Date.UTC(2025, 9, 26, 1, 30), madrid), "2025-10-26 02:30:00");
  assert.equal(shown(Date.UTC(2026, 3, 4, 15), "Australia/Lord_Howe"), "2026-04-05 01:30:00");
  assert.equal(shown(Date.UTC(2026, 0, 1), "Asia/Kathmandu"), "2026-01-01 05:45:00");
});

test("wallTimeAt() is what the runtime's own calendar says, in any zone", () => {
  const zones = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
  fc.assert(
    fc.property(zones, fc.integer({ min: 0, max: 4_133_980_799 }), (zone, seconds) => {
      const at = seconds * 1000;
      const wall = wallTimeAt(at, zone);
      assert.equal(formatTime(wall, "Y-m-d H:M:S"), new Date(at).toLocaleString("sv-SE", { timeZone: zone }));
      const back = instantOf(wall, zone);
      // The first of two instants at which the clock shows the same.
      assert.ok(back !== undefined && back <= at);
      assert.deepEqual(wallTimeAt(back, zone), wall);
    }),
    { numRuns: 300 },
  );
});

test("parseTime() never throws on a text, and reads back what formatTime() wrote", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-0-9TZ:+ ]{0,20}$/)), (text) => {
      const at = parseTime(text, madrid);
      assert.ok(at === undefined || (at >= 0 && at < Date.UTC(2101, 0, 1)));
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_133_980_799 }), (seconds) => {
      const text = formatTime(wallTimeAt(seconds * 1000, "UTC"), "yyyyMMddHHmmss");
      assert.equal(parseTime(text, "UTC"), seconds * 1000);
    }),
  );
});

test("formatTime() knows the long letters of a pattern and the short ones, and leaves the rest", () => {
  const wall: WallTime = { year: 2026, month: 3, day: 1, hour: 20, minute: 5, second: 9 };
  assert.equal(formatTime(wall, "yyyyMMddHHmmss"), "20260301200509");
  assert.equal(formatTime(wall, "yyyy-MM-dd:HH-mm"), "2026-03-01:20-05");
  assert.equal(formatTime(wall, "Y-m-dTH:M:S"), "2026-03-01T20:05:09");
  assert.equal(formatTime(wall, "d.m."), "01.03.");
});

test("a zone that nobody knows is a RangeError", () => {
  assert.throws(() => parseTime("20260301201500", "Europe/Atlantis"), RangeError);
});
