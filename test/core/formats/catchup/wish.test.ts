// What viewers ask for: every form of a path and a query, what is live, and what is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CatchupWish, parseCatchup, parseXcPath } from "../../../../core/formats/catchup.ts";

const now = 1_772_442_000_000;
const at = 1_772_392_500_000;
const hour = 3_600_000;
const options = { timeZone: "Europe/Madrid" };

const read = (rest: string, query = "") => parseCatchup(rest, new URLSearchParams(query), now, options);

test("parseCatchup() reads Flussonic's paths", () => {
  const ts = { at, extension: "ts" };
  const hls = { at, extension: "m3u8" };
  const expected: Readonly<Record<string, CatchupWish>> = {
    "timeshift_abs-1772392500.ts": ts,
    "timeshift_abs-1772392500": ts,
    "timeshift_abs/1772392500": ts,
    "timeshift_abs-1772392500.m3u8": hls,
    "timeshift_abs_mono-1772392500.m3u8": hls,
    "Timeshift_Abs-1772392500.TS": ts,
    "timeshift_rel-49500.m3u8": hls,
    "timeshift_rel-49500.ts": ts,
    "timeshift_rel/49500": ts,
    "mono-timeshift_rel-49500.m3u8": hls,
    "video1-timeshift_rel-49500.m3u8": hls,
    "rewind-49500.m3u8": hls,
    "1772392500.ts": ts,
    "1772392500": ts,
    "20260301201500.ts": ts,
    "202603012015.m3u8": hls,
    "archive-1772392500-now.m3u8": hls,
    "1772392500-now.ts": ts,
    "archive-1772392500-3600.m3u8": { ...hls, until: at + hour },
    "archive-1772392500-3600.ts": { ...ts, until: at + hour },
    "video-1772392500-3600.m3u8": { ...hls, until: at + hour },
    "index-1772392500-3600.m3u8": { ...hls, until: at + hour },
    "mono-1772392500-3600.m3u8": { ...hls, until: at + hour },
    "tracks_v1-1772392500-3600.m3u8": { ...hls, until: at + hour },
    "1772392500-3600.mp4": { ...ts, until: at + hour },
    "1772392500-3600.mpegts": { ...ts, until: at + hour },
    "archive1772392500-3600": { ...ts, until: at + hour },
    "1772392500.mkv": { at, extension: "mkv" },
  };
  for (const [rest, wish] of Object.entries(expected)) assert.deepEqual(read(rest), wish, rest);
});

test("parseCatchup() reads live paths, which imply an output", () => {
  assert.deepEqual(read(""), {});
  for (const rest of ["mpegts", "live", "index.ts"]) assert.deepEqual(read(rest), { extension: "ts" }, rest);
  for (const rest of ["index.m3u8", "mono.m3u8", "video.m3u8", "playlist.m3u8"])
    assert.deepEqual(read(rest), { extension: "m3u8" }, rest);
});

test("parseCatchup() reads the queries of other dialects, behind any live path", () => {
  const open = { at };
  const closed = { at, until: at + hour };
  const expected: Readonly<Record<string, CatchupWish>> = {
    "utc=1772392500&lutc=1772442000": open,
    "utc=1772392500&lutc=nonsense": open,
    "utc=1772392500&utcend=1772396100": closed,
    "start=1772392500&end=1772396100": closed,
    "start=1772392500&duration=3600": closed,
    "start=20260301201500&end=20260301211500": closed,
    "starttime=20260301T191500Z&endtime=20260301T201500Z": closed,
    "begin=202603012015&end=202603012115": closed,
    "playbackbegin=20260301201500&playbackend=20260301211500": closed,
    "start=2026-03-01T21:15:00+02:00": open,
    "playseek=20260301201500-20260301211500": closed,
    "playseek=20260301201500-": open,
    "playseek=20260301201500": open,
    "playseek=1772392500-1772396100": closed,
    "playseek=20260301191500GMT-20260301201500GMT": closed,
    "playseek=2026-03-01T19:15:00Z-2026-03-01T20:15:00Z": closed,
    "tvdr=20260301191500GMT-20260301201500GMT": closed,
    "offset=49500": open,
    "offset=-49500&utcstart=1772442000": open,
    "offset=0": {},
    "utc=": {},
    "duration=60&transcode=mobile": {},
    "token=x": {},
  };
  for (const [query, wish] of Object.entries(expected)) {
    assert.deepEqual(read("", query), wish, query);
    assert.deepEqual(read("mpegts", query), { ...wish, extension: "ts" }, query);
  }
  assert.deepEqual(read("1772392500.ts", "utc=5"), { at, extension: "ts" });
});

test("parseCatchup() refuses what says no time, or none that can be", () => {
  for (const rest of [
    "x",
    "m3u8/1.ts",
    "timeshift_abs-.ts",
    "timeshift_abs-9999999999.ts",
    "timeshift_rel-9999999999.ts",
    "timeshift_abs-1772392500.ts/x",
    "archive-1772392500-0.ts",
    "archive-1772392500-.ts",
    "archive-1772392500-999999999999.ts",
    "archive-20261301000000-60.ts",
    "4133980800.ts",
    "177239250.ts",
    "../1772392500.ts",
    "1772392500.ts\n",
    `${"a".repeat(250)}-1772392500.ts`,
  ])
    assert.equal(read(rest), undefined, rest);
  for (const query of [
    "utc=x",
    "utc=-5",
    "utc=1e9",
    "start=1772392500&end=1772392500",
    "start=1772392500&end=x",
    "start=1772392500&duration=0",
    "start=1772392500&duration=x",
    "end=1772392500",
    "playseek=x",
    "playseek=20260301211500-20260301201500",
    "playseek=20260301201500-x",
    "offset=x",
    "offset=9999999999",
    "start=19691231000000",
    "start=21010102000000",
  ])
    assert.equal(read("", query), undefined, query);
});

test("parseCatchup() and parseXcPath() take any text", () => {
  const path = fc.oneof(
    fc.string(),
    fc.stringMatching(/^(archive|timeshift_(abs|rel)|[a-z]{0,9})?-?\d{0,14}(-\d{0,12})?(\.[a-z0-9]{0,5})?$/),
    fc.stringMatching(/^\/timeshift\/[a-z%]{0,9}\/[a-z%]{0,9}\/\d{0,9}\/[-:0-9]{0,20}\/[a-z%.]{0,9}$/),
  );
  const query = fc.dictionary(fc.constantFrom("utc", "start", "end", "duration", "playseek", "offset"), fc.string());
  fc.assert(
    fc.property(path, query, fc.nat(4e12), (rest, query, now) => {
      for (const wish of [parseCatchup(rest, new URLSearchParams(query), now, options), parseXcPath(rest, options)]) {
        if (wish?.at === undefined) continue;
        assert.ok(Number.isInteger(wish.at) && wish.at >= 0 && wish.at < Date.UTC(2101, 0, 1));
        assert.ok(wish.until === undefined || wish.until > wish.at);
      }
    }),
    { numRuns: 2000 },
  );
});

test("parseXcPath() reads a past and a live path, and the channel in it", () => {
  const past = "/timeshift/me/pass/60/2026-03-01:20-15";
  const wish = { at, until: at + hour };
  assert.deepEqual(parseXcPath(`${past}/7.ts`, options), { channel: "7", ...wish, extension: "ts" });
  assert.deepEqual(parseXcPath(`${past}/7`, options), { channel: "7", ...wish, extension: "ts" });
  assert.deepEqual(parseXcPath(`${past}/tdt:La%20%2E1.m3u8`, options), {
    channel: "tdt:La .1",
    ...wish,
    extension: "m3u8",
  });
  assert.deepEqual(parseXcPath("/timeshift/me/pass/60/2026-03-01%3A20-15/7.ts", options)?.at, at);
  assert.deepEqual(parseXcPath("/live/me/pass/7.m3u8"), { channel: "7", extension: "m3u8" });
  assert.deepEqual(parseXcPath("/live/me/pass/7"), { channel: "7", extension: "ts" });
  for (const path of [
    "/timeshift/me/pass/0/2026-03-01:20-15/7.ts",
    "/timeshift/me/pass/x/2026-03-01:20-15/7.ts",
    "/timeshift/me/pass/60/2026-13-01:20-15/7.ts",
    "/timeshift/me/pass/60/7.ts",
    "/timeshift/me/pass/60/2026-03-01:20-15/%ff",
    "/live/7.ts",
    "/live/a/b/c/7.ts",
    "",
  ])
    assert.equal(parseXcPath(path, options), undefined, path);
});
