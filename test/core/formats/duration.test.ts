// Durations and sizes: what people write, what they may not, and that reading undoes writing.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../core/formats/duration.ts";

test("parseDuration() reads units from days to milliseconds", () => {
  const expected = {
    "7d": 604_800_000,
    "12h": 43_200_000,
    "1h30m": 5_400_000,
    "90s": 90_000,
    "250ms": 250,
    "1d2h3m4s5ms": 93_784_005,
    "1.5h": 5_400_000,
    ".5s": 500,
    " 2m ": 120_000,
    "+1h": 3_600_000,
    "-1h30m": -5_400_000,
    "0": 0,
    "-0": 0,
    "0s": 0,
    "12h0m0s": 43_200_000,
  };
  for (const [text, ms] of Object.entries(expected)) assert.equal(parseDuration(text), ms, text);
});

test("parseDuration() refuses what has no unit, a wrong one, a wrong order or no sense", () => {
  for (const text of [
    "",
    "5",
    "h",
    "-",
    ".",
    "1y",
    "1h1h",
    "30m1h",
    "1h 30m",
    "1..5h",
    "1e3s",
    "Infinity",
    `${"9".repeat(30)}d`,
    ".h",
    "1H",
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test("parseDuration() undoes formatDuration()", () => {
  assert.equal(formatDuration(5_400_000), "1h30m");
  assert.equal(formatDuration(0), "0s");
  assert.equal(formatDuration(-90_250), "-1m30s250ms");
  fc.assert(
    fc.property(fc.maxSafeInteger(), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});

test("parseSize() knows powers of 1000 and of 1024", () => {
  const expected = { "256MB": 256e6, "1 GiB": 2 ** 30, "1.5kb": 1500, "64KiB": 65_536, "12": 12, "7 b": 7, "2GB": 2e9 };
  for (const [text, size] of Object.entries(expected)) assert.equal(parseSize(text), size, text);
  for (const text of ["", "MB", "-1MB", "1TB", "1 M B", "1e3", "0x10", "9".repeat(20)])
    assert.equal(parseSize(text), undefined, text);
});

test("parseSize() undoes formatSize()", () => {
  assert.equal(formatSize(2 ** 31), "2GiB");
  assert.equal(formatSize(256e6), "256MB");
  assert.equal(formatSize(0), "0B");
  fc.assert(
    fc.property(fc.maxSafeInteger(), (size) => {
      assert.equal(parseSize(formatSize(Math.abs(size))), Math.abs(size));
    }),
  );
});
