// Addresses of an upstream's past: every placeholder, every form of a channel's address, corrections, and what makes none.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are the playlists' own.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CatchupOptions, catchupAddress } from "../../../../core/formats/catchup.ts";
import type { Catchup } from "../../../../core/types.ts";

const at = Date.UTC(2026, 2, 1, 19, 15, 30);
const until = at + 5_400_000;
const now = at + 86_400_000;
const madrid: CatchupOptions = { timeZone: "Europe/Madrid" };

function address(
  url: string,
  catchup: Catchup,
  options = madrid,
  asked: { at: number; until?: number } = { at, until },
) {
  return catchupAddress({ url, catchup }, asked, now, options);
}

const fill = (template: string, options = madrid) =>
  address("http://up/1", { mode: "default", source: `http://up/${template}` }, options)?.slice("http://up/".length);

test("catchupAddress() fills every placeholder of pvr.iptvsimple, clock times in the zone", () => {
  const expected = {
    "{utc}": "1772392530",
    "${start}": "1772392530",
    "{utcend}": "1772397930",
    "${end}": "1772397930",
    "{lutc}": "1772478930",
    "${now}": "1772478930",
    "${timestamp}": "1772478930",
    "{duration}": "5400",
    "${duration}": "5400",
    "{utc}+{duration:60}": "1772392530+90",
    "{duration:3600}": "1",
    "{offset:1}": "86400",
    "{offset:3600}": "24",
    "${offset}": "86400",
    "{Y}-{m}-{d}T{H}:{M}:{S}": "2026-03-01T20:15:30",
    "{Y}{Y}": "20262026",
    "{utc:YmdHMS}": "20260301201530",
    "${start:Y-m-d/H}": "2026-03-01/20",
    "{utcend:HM}": "2145",
    "${end:H:M}": "21:45",
    "{lutc:YmdHMS}": "20260302201530",
    "${now:YmdHMS}": "20260302201530",
    "${timestamp:H}": "20",
  };
  for (const [template, filled] of Object.entries(expected)) assert.equal(fill(template), filled, template);
});

test("catchupAddress() fills the placeholders of other players, in the zone or in UTC", () => {
  const expected = {
    "${(b)yyyyMMddHHmmss}-${(e)yyyyMMddHHmmss}": "20260301201530-20260301214530",
    "${(b)yyyyMMddHHmmss|UTC}-${(e)yyyyMMddHHmmss|UTC}": "20260301191530-20260301204530",
    "${(b)yyyyMMddHHmmss:utc}": "20260301191530",
    "{(b)YmdHMS}": "20260301201530",
    "${(b)yyyy-MM-dd:HH-mm}": "2026-03-01:20-15",
    "${(b)timestamp}": "1772392530",
    "${(b)}": "2026-03-01T19:15:30.000Z",
    "${(d)M}/${(d)H}/${(d)S}": "90/1/5400",
    "${utc:yyyyMMddHHmmss}-${utcend:yyyyMMddHHmmss}": "20260301191530-20260301204530",
    "{GMT:YmdHMS}GMT-{GMTend:YmdHMS}GMT": "20260301191530GMT-20260301204530GMT",
  };
  for (const [template, filled] of Object.entries(expected)) assert.equal(fill(template), filled, template);
});

test("catchupAddress() leaves what it does not know, and what divides by nothing", () => {
  for (const text of [
    "{}",
    "{x}",
    "{utc",
    "utc}",
    "{duration:0}",
    "{duration:x}",
    "{offset:}",
    "${(x)y}",
    "{toString}",
  ])
    assert.equal(fill(text), text);
});

test("catchupAddress() writes clock times by each side of a change of clocks", () => {
  const source = "http://up/{YmdHMS}{Y}{m}{d}{H}{M}";
  const shown = (instant: number) =>
    address("http://up/1", { mode: "default", source }, madrid, { at: instant })?.slice(-12);
  assert.equal(shown(Date.UTC(2025, 2, 30, 0, 59)), "202503300159");
  assert.equal(shown(Date.UTC(2025, 2, 30, 1)), "202503300300");
  assert.equal(shown(Date.UTC(2025, 9, 26, 0, 30)), "202510260230");
  assert.equal(shown(Date.UTC(2025, 9, 26, 1, 30)), "202510260230");
});

test("catchupAddress() takes the correction from every instant but now, as pvr.iptvsimple does", () => {
  const corrected = (correction: number) =>
    address("http://up/1", { mode: "default", source: "{utc}/{utcend}/{lutc}/${offset}", correction });
  assert.equal(corrected(7_200_000), "http://up/1772385330/1772390730/1772478930/93600");
  assert.equal(corrected(-1_800_000), "http://up/1772394330/1772399730/1772478930/84600");
});

test("catchupAddress() ends now at the latest, and four hours on where nobody says", () => {
  const end = (asked: { at: number; until?: number }) =>
    address("http://up/1", { mode: "default", source: "http://up/{duration}" }, madrid, asked);
  assert.equal(end({ at: now - 60_000, until: now + 60_000 }), "http://up/60");
  assert.equal(end({ at: now - 60_000 }), "http://up/60");
  assert.equal(end({ at }), "http://up/14400");
  assert.equal(end({ at: now + 60_000 }), "http://up/0");
});

test("catchupAddress() makes flussonic addresses by the last part of the channel's", () => {
  const rel = "timeshift_rel-86400.m3u8";
  const abs = "timeshift_abs-1772392530.ts";
  const expected: readonly (readonly [url: string, hls: string | undefined, ts: string | undefined])[] = [
    ["http://up/1/mpegts", `http://up/1/${abs}`, `http://up/1/${abs}`],
    ["http://up/a/b/mpegts?token=x/y", `http://up/a/b/${abs}?token=x/y`, `http://up/a/b/${abs}?token=x/y`],
    ["http://up/1/index.m3u8?t=1&u=2", `http://up/1/${rel}?t=1&u=2`, `http://up/1/${rel}?t=1&u=2`],
    ["https://up/1/mono.m3u8", `https://up/1/mono-${rel}`, `https://up/1/mono-${rel}`],
    ["http://up/1/video.m3u8", `http://up/1/video-${rel}`, `http://up/1/video-${rel}`],
    ["http://up/1/live?token", `http://up/1/${rel}?token`, `http://up/1/${abs}?token`],
    ["http://up/1/", `http://up/1/${rel}`, `http://up/1/${abs}`],
    ["http://up/1", undefined, undefined],
    ["http://up", undefined, undefined],
    ["rtp://239.0.0.1:5000", undefined, undefined],
  ];
  for (const [url, hls, ts] of expected) {
    for (const mode of ["flussonic", "flussonic-hls"]) assert.equal(address(url, { mode }), hls, `${mode} ${url}`);
    for (const mode of ["flussonic-ts", "fs", "FS"]) assert.equal(address(url, { mode }), ts, `${mode} ${url}`);
  }
  assert.equal(address("rtp://239.0.0.1:5000", { mode: "fs", source: "http://up/{utc}" }), "http://up/1772392530");
});

test("catchupAddress() makes xc addresses of whole minutes that hold all that was asked for", () => {
  const past = (id: string) => `http://up:80/timeshift/me@x/pa%2Fss/91/2026-03-01:20-15/${id}`;
  assert.equal(address("http://up:80/me@x/pa%2Fss/7", { mode: "xc" }), past("7.ts"));
  assert.equal(address("http://up:80/live/me@x/pa%2Fss/7.ts", { mode: "xc" }), past("7.ts"));
  assert.equal(address("http://up:80/live/me@x/pa%2Fss/7.m3u8", { mode: "xc" }), past("7.m3u8"));
  for (const url of [
    "http://up/7",
    "http://up/a/7",
    "http://up/x/a/b/7.ts",
    "http://up/a/b/7.mkv",
    "udp://239.0.0.1:1",
  ])
    assert.equal(address(url, { mode: "xc" }), undefined, url);
});

test("catchupAddress() puts a source behind an address with the sign that goes on with it", () => {
  const append = (url: string, source: string, mode = "append") => address(url, { mode, source });
  assert.equal(append("http://up/1", "?a={utc}"), "http://up/1?a=1772392530");
  assert.equal(append("http://up/1?x=1", "?a={utc}"), "http://up/1?x=1&a=1772392530");
  assert.equal(append("http://up/1", "&a={utc}"), "http://up/1?a=1772392530");
  assert.equal(append("http://up/1?x=1", "&a={utc}", "default"), "http://up/1?x=1&a=1772392530");
  assert.equal(append("http://up/1", "/{utc}.ts"), "http://up/1/1772392530.ts");
  assert.equal(append("http://up/a/1", "/{utc}.ts", "default"), "http://up/1772392530.ts");
  assert.equal(append("rtsp://up/1", "own://x/{utc}", "what it likes"), "own://x/1772392530");
});

test("catchupAddress() keeps options behind a bar, unless the source has its own", () => {
  const url = "http://up/1/mpegts|User-Agent=A&Referer=B";
  const expected: readonly (readonly [Catchup, string])[] = [
    [{ mode: "shift" }, "http://up/1/mpegts?utc=1772392530&lutc=1772478930|User-Agent=A&Referer=B"],
    [{ mode: "fs" }, "http://up/1/timeshift_abs-1772392530.ts|User-Agent=A&Referer=B"],
    [{ mode: "append", source: "?a={utc}" }, "http://up/1/mpegts?a=1772392530|User-Agent=A&Referer=B"],
    [{ mode: "default", source: "http://x/{utc}" }, "http://x/1772392530|User-Agent=A&Referer=B"],
    [{ mode: "default", source: "http://x/{utc}|Cookie=c" }, "http://x/1772392530|Cookie=c"],
  ];
  for (const [catchup, filled] of expected) assert.equal(address(url, catchup), filled);
});

test("catchupAddress() makes vod addresses of the programme's id, and none without", () => {
  const id = { ...madrid, catchupId: "http://up/p$&7.ts" };
  assert.equal(address("http://up/1", { mode: "vod" }, id), "http://up/p$&7.ts");
  assert.equal(
    address("http://up/1", { mode: "vod", source: "http://up/{catchup-id}/{utc}" }, { catchupId: "p7" }),
    "http://up/p7/1772392530",
  );
  assert.equal(address("http://up/1", { mode: "vod" }), undefined);
  assert.equal(address("http://up/1", { mode: "default", source: "http://up/{catchup-id}" }), undefined);
});

test("catchupAddress() makes none of a channel without catch-up, or of one that does not say how", () => {
  assert.equal(catchupAddress({ url: "http://up/1" }, { at }, now), undefined);
  for (const mode of ["default", "append", "own", ""]) assert.equal(address("http://up/1", { mode }), undefined, mode);
  for (const mode of ["shift", "fs", "xc", "append"])
    assert.equal(catchupAddress({ catchup: { mode } }, { at }, now), undefined);
});

test("catchupAddress() takes any text for an address, a mode and a source", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^(https?:\/\/)?[a-z/{}$():?&|.]{0,30}$/));
  const mode = fc.oneof(fc.string(), fc.constantFrom("append", "shift", "fs", "flussonic", "xc", "vod", "playseek"));
  fc.assert(
    fc.property(text, mode, text, (url, mode, source) => {
      const made = address(url, { mode, source });
      assert.ok(made === undefined || typeof made === "string");
    }),
    { numRuns: 500 },
  );
});
