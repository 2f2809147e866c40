// XMLTV times: every form that guides use, and back.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatTime, parseTime, parseTimeBytes, shiftTime } from "../../../../core/formats/xmltv/index.ts";

describe("parseTime()", () => {
  const cases: [string, number][] = [
    ["20260101120000 +0100", Date.UTC(2026, 0, 1, 11)],
    ["20260101120000 -0330", Date.UTC(2026, 0, 1, 15, 30)],
    ["20260101120000+0530", Date.UTC(2026, 0, 1, 6, 30)],
    ["20260101120000 +01:00", Date.UTC(2026, 0, 1, 11)],
    ["20260101120000", Date.UTC(2026, 0, 1, 12)],
    ["20260101120000 Z", Date.UTC(2026, 0, 1, 12)],
    ["202206031633", Date.UTC(2022, 5, 3, 16, 33)],
    ["2026010112 +0800", Date.UTC(2026, 0, 1, 4)],
    ["20260101", Date.UTC(2026, 0, 1)],
    ["2026", Date.UTC(2026, 0, 1)],
    ["20010829000500 BST", Date.UTC(2001, 7, 28, 23, 5)],
    ["20010829000500 MST", Date.UTC(2001, 7, 29, 7, 5)],
    ["20010829000500 gmt", Date.UTC(2001, 7, 29, 0, 5)],
    ["20010829000500 XYZ", Date.UTC(2001, 7, 29, 0, 5)],
    [" 20240229235959 +0000 ", Date.UTC(2024, 1, 29, 23, 59, 59)],
    ["20260101240000 +0000", Date.UTC(2026, 0, 2)],
    ["19691231235959 +0000", -1000],
  ];
  for (const [text, instant] of cases)
    test(`reads ${JSON.stringify(text)}`, () => assert.equal(parseTime(text), instant));
  for (const text of [
    "",
    "soon",
    "202",
    "20261301",
    "20260132",
    "20260101256000",
    "202601011200001 +0000",
    "2026-01-01",
  ]) {
    test(`finds no instant in ${JSON.stringify(text)}`, () => assert.equal(parseTime(text), Number.NaN));
  }

  test("equals what formatTime() wrote, for every second of six thousand years", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -62_000_000_000, max: 200_000_000_000 }),
        (second) => parseTime(formatTime(second * 1000)) === second * 1000,
      ),
    );
  });

  test("reads the same from bytes in the middle of others", () => {
    const bytes = Buffer.from('start="20260101120000 +0100" stop');
    assert.equal(parseTimeBytes(bytes, 7, 27), Date.UTC(2026, 0, 1, 11));
  });
});

describe("shiftTime()", () => {
  const cases: [string, number, string][] = [
    ["20260101233000 +0100", 60, "20260102003000 +0100"],
    ["20260101003000 BST", -60, "20251231233000 BST"],
    ["202601012330", 60, "202601020030"],
    ["20260101", 90, "202601010130"],
    ["202601012330", 1 / 60, "20260101233001"],
    ["soon", 60, "soon"],
  ];
  for (const [text, minutes, moved] of cases)
    test(`moves ${text} by ${minutes} min`, () => assert.equal(shiftTime(text, minutes * 60_000), moved));

  test("moves the instant by exactly as much", () => {
    const zone = fc.constantFrom("", " +0000", " -0330", " BST", "+0100");
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000 }),
        zone,
        fc.integer({ min: -1e6, max: 1e6 }),
        (second, suffix, by) => {
          const text = formatTime(second * 1000).slice(0, 14) + suffix;
          return parseTime(shiftTime(text, by * 1000)) === parseTime(text) + by * 1000;
        },
      ),
    );
  });
});
