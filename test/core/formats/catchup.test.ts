// Every dialect of catch-up in, times every dialect out: what the player opens here, and what is opened upstream for it.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are the playlists' own.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type CatchupDialect,
  type CatchupWish,
  catchupAddress,
  catchupDialects,
  offerStream,
  parseCatchup,
  parseXcPath,
  type StreamOutput,
} from "../../../core/formats/catchup.ts";
import type { Channel } from "../../../core/types.ts";
import { type Asked, openPast } from "./catchup/player.ts";

const zone = "Europe/Madrid";
const base = "http://tv:8888";

// 20:15 to 21:15 in Madrid, asked for the next morning.
const at = Date.UTC(2026, 2, 1, 19, 15);
const until = at + 3_600_000;
const now = Date.UTC(2026, 2, 2, 9);
const night: Asked = { at, until, now, zone };

interface Upstream {
  readonly channel: Pick<Channel, "url" | "catchup">;
  /** The address when the viewer said where to end. */
  readonly bounded: string;
  /** The address when the viewer did not. */
  readonly open: string;
}

/** An upstream whose address does not depend on the end. */
const endless = (channel: Upstream["channel"], address: string): Upstream => ({
  channel,
  bounded: address,
  open: address,
});

const upstreams: Readonly<Record<string, Upstream>> = {
  default: {
    channel: {
      url: "http://up/1.ts",
      catchup: { mode: "default", source: "http://up/a/1?from={utc}&to={utcend}&now={lutc}" },
    },
    bounded: "http://up/a/1?from=1772392500&to=1772396100&now=1772442000",
    open: "http://up/a/1?from=1772392500&to=1772406900&now=1772442000",
  },
  "default by the clock": endless(
    { url: "http://up/1.ts", catchup: { mode: "default", source: "http://up/{Y}/{m}/{d}/{H}{M}{S}.ts" } },
    "http://up/2026/03/01/201500.ts",
  ),
  append: {
    channel: {
      url: "http://up/1.ts?u=a",
      catchup: { mode: "append", source: "&start={utc:YmdHMS}&minutes={duration:60}&ago={offset:60}" },
    },
    bounded: "http://up/1.ts?u=a&start=20260301201500&minutes=60&ago=825",
    open: "http://up/1.ts?u=a&start=20260301201500&minutes=240&ago=825",
  },
  shift: endless(
    { url: "http://up/1.ts?u=a|User-Agent=X", catchup: { mode: "shift" } },
    "http://up/1.ts?u=a&utc=1772392500&lutc=1772442000|User-Agent=X",
  ),
  timeshift: endless(
    { url: "http://up/1.ts", catchup: { mode: "timeshift", days: 3 } },
    "http://up/1.ts?utc=1772392500&lutc=1772442000",
  ),
  flussonic: endless(
    { url: "http://up/1/index.m3u8?token=t", catchup: { mode: "flussonic" } },
    "http://up/1/timeshift_rel-49500.m3u8?token=t",
  ),
  "flussonic-hls": endless(
    { url: "http://up/1/mono.m3u8", catchup: { mode: "flussonic-hls" } },
    "http://up/1/mono-timeshift_rel-49500.m3u8",
  ),
  "flussonic-ts": endless(
    { url: "http://up/1/mpegts?token=t", catchup: { mode: "flussonic-ts" } },
    "http://up/1/timeshift_abs-1772392500.ts?token=t",
  ),
  fs: endless({ url: "http://up/a/1/live", catchup: { mode: "fs" } }, "http://up/a/1/timeshift_abs-1772392500.ts"),
  xc: {
    channel: { url: "http://up:80/live/user/pass/7.m3u8", catchup: { mode: "xc" } },
    bounded: "http://up:80/timeshift/user/pass/60/2026-03-01:20-15/7.m3u8",
    open: "http://up:80/timeshift/user/pass/240/2026-03-01:20-15/7.m3u8",
  },
  vod: endless(
    { url: "http://up/1.ts", catchup: { mode: "vod", source: "http://up/vod/{catchup-id}.ts" } },
    "http://up/vod/p7.ts",
  ),
  playseek: {
    channel: { url: "rtsp://up/PLTV/1.smil", catchup: { mode: "playseek" } },
    bounded: "rtsp://up/PLTV/1.smil?playseek=20260301201500-20260301211500",
    open: "rtsp://up/PLTV/1.smil?playseek=20260301201500-20260302001500",
  },
  "playseek in UTC": {
    channel: {
      url: "http://up/1.m3u8?a=1",
      catchup: { mode: "append", source: "?playseek=${(b)yyyyMMddHHmmss|UTC}-${(e)yyyyMMddHHmmss|UTC}" },
    },
    bounded: "http://up/1.m3u8?a=1&playseek=20260301191500-20260301201500",
    open: "http://up/1.m3u8?a=1&playseek=20260301191500-20260301231500",
  },
};

interface Viewer {
  /** What the player opens for the programme. */
  readonly opens: string;
  /** Whether that says where the programme ends. */
  readonly bounded: boolean;
}

const viewers: Readonly<Record<CatchupDialect, Readonly<Record<StreamOutput, Viewer>>>> = {
  "flussonic-ts": {
    ts: { opens: "/live/tdt:la%201/timeshift_abs-1772392500.ts", bounded: false },
    m3u8: { opens: "/live/tdt:la%201/timeshift_rel-49500.m3u8", bounded: false },
  },
  "flussonic-hls": {
    ts: { opens: "/live/tdt:la%201/timeshift_rel-49500.m3u8", bounded: false },
    m3u8: { opens: "/live/tdt:la%201/timeshift_rel-49500.m3u8", bounded: false },
  },
  flussonic: {
    ts: { opens: "/live/tdt:la%201/timeshift_abs-1772392500.ts", bounded: false },
    m3u8: { opens: "/live/tdt:la%201/timeshift_rel-49500.m3u8", bounded: false },
  },
  fs: {
    ts: { opens: "/live/tdt:la%201/timeshift_abs-1772392500.ts", bounded: false },
    m3u8: { opens: "/live/tdt:la%201/timeshift_rel-49500.m3u8", bounded: false },
  },
  shift: {
    ts: { opens: "/live/tdt:la%201.ts?utc=1772392500&lutc=1772442000", bounded: false },
    m3u8: { opens: "/live/tdt:la%201.m3u8?utc=1772392500&lutc=1772442000", bounded: false },
  },
  timeshift: {
    ts: { opens: "/live/tdt:la%201.ts?utc=1772392500&lutc=1772442000", bounded: false },
    m3u8: { opens: "/live/tdt:la%201.m3u8?utc=1772392500&lutc=1772442000", bounded: false },
  },
  default: {
    ts: { opens: "/live/tdt:la%201.ts?start=1772392500&end=1772396100", bounded: true },
    m3u8: { opens: "/live/tdt:la%201.m3u8?start=1772392500&end=1772396100", bounded: true },
  },
  append: {
    ts: { opens: "/live/tdt:la%201.ts?start=1772392500&end=1772396100", bounded: true },
    m3u8: { opens: "/live/tdt:la%201.m3u8?start=1772392500&end=1772396100", bounded: true },
  },
  xc: {
    ts: { opens: "/timeshift/xc/xc/60/2026-03-01:20-15/tdt:la%201.ts", bounded: true },
    m3u8: { opens: "/timeshift/xc/xc/60/2026-03-01:20-15/tdt:la%201.m3u8", bounded: true },
  },
  playseek: {
    ts: { opens: "/live/tdt:la%201.ts?playseek=20260301201500-20260301211500", bounded: true },
    m3u8: { opens: "/live/tdt:la%201.m3u8?playseek=20260301201500-20260301211500", bounded: true },
  },
};

for (const [name, upstream] of Object.entries(upstreams)) {
  for (const dialect of catchupDialects) {
    for (const output of ["ts", "m3u8"] as const) {
      const { opens, bounded } = viewers[dialect][output];
      const expected = bounded ? upstream.bounded : upstream.open;
      test(`catch-up goes from ${name} to ${dialect} (${output}): ${opens} opens ${expected}`, () => {
        const address = play({ id: "tdt:la 1", ...upstream.channel }, dialect, output, night);
        assert.equal(address, base + opens);
        const wish = read(address, now, zone);
        assert.deepEqual(wish, {
          at,
          ...(bounded && { until }),
          extension: output === "ts" && dialect !== "flussonic-hls" ? "ts" : "m3u8",
        });
        const opened = catchupAddress(upstream.channel, { at, until: wish?.until }, now, {
          timeZone: zone,
          catchupId: "p7",
        });
        assert.equal(opened, expected);
      });
    }
  }
}

test("a stream's address is the same with catch-up and without, and nothing is offered where there is none", () => {
  for (const dialect of catchupDialects) {
    const none = offerStream({ id: "a:b" }, dialect, "ts");
    assert.deepEqual(none, { url: offerStream({ id: "a:b", catchup: { mode: "shift" } }, dialect, "ts").url });
  }
});

test("an offer keeps the days, takes those of a timeshift, and has no trace of upstream's own catch-up", () => {
  const catchup = { mode: "append", source: "?secret={utc}", days: 3, correction: 7_200_000 };
  assert.deepEqual(offerStream({ id: "a:b", catchup }, "shift", "ts").catchup, { mode: "shift", days: 3 });
  assert.deepEqual(offerStream({ id: "a:b" }, "shift", "ts", { days: 0.5 }).catchup, { mode: "shift", days: 0.5 });
});

test("what a player makes of an offer is read as the instant that it meant", () => {
  const zones = fc.constantFrom("UTC", "Europe/Madrid", "America/St_Johns", "Asia/Shanghai", "Australia/Lord_Howe");
  // Ten digits, as every path has that a player makes today.
  const seconds = fc.integer({ min: 1_000_000_000, max: Date.UTC(2099, 0, 1) / 1000 });
  const asked = fc.record({
    zone: zones,
    begin: seconds,
    length: fc.integer({ min: 60, max: 86_400 }),
    late: fc.nat(1e6),
  });
  const dialects = fc.constantFrom(...catchupDialects);
  const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).map((name) => `tdt:${name}`);
  fc.assert(
    fc.property(
      dialects,
      fc.constantFrom("ts", "m3u8"),
      asked,
      id,
      (dialect, output, { zone, begin, length, late }, id) => {
        const at = begin * 1000;
        const until = at + length * 1000;
        const now = until + late * 1000;
        const address = play({ id, catchup: { mode: "x" } }, dialect, output, { at, until, now, zone });
        const wish = read(address, now, zone);
        assert.ok(wish?.at !== undefined, address);
        const meant = dialect === "xc" ? Math.floor(at / 60_000) * 60_000 : at;
        // By the clock, an hour that is there twice is the first one.
        const turned = ["xc", "playseek"].includes(dialect) && wish.at !== meant;
        if (turned) assert.equal(clockOf(wish.at, zone), clockOf(meant, zone));
        else assert.equal(wish.at, meant);
      },
    ),
    { numRuns: 2000 },
  );
});

/** What a player opens that read our playlist. */
function play(
  channel: Pick<Channel, "url" | "catchup"> & { readonly id: string },
  dialect: CatchupDialect,
  output: StreamOutput,
  asked: Asked,
): string {
  const { url, catchup } = offerStream(channel, dialect, output);
  assert.ok(catchup);
  const source = catchup.source?.startsWith("/") ? base + catchup.source : catchup.source;
  const address = openPast({ url: base + url, mode: catchup.mode, source }, asked);
  assert.ok(address !== undefined, `${dialect} at ${url}`);
  // One that uses the source where pvr.iptvsimple does not is understood as well.
  if (source && catchup.mode !== "append") {
    const other = read(openPast({ url: "", mode: "default", source }, asked) ?? "", asked.now, asked.zone);
    assert.equal(other?.at, read(address, asked.now, asked.zone)?.at);
  }
  return address;
}

/** What the server makes of an address. */
function read(address: string, now: number, timeZone: string): CatchupWish | undefined {
  const { pathname, searchParams } = new URL(address);
  const xc = parseXcPath(pathname, { timeZone });
  if (xc && pathname.startsWith("/timeshift/")) {
    const { channel, ...wish } = xc;
    assert.equal(channel.slice(0, 4), "tdt:");
    return wish;
  }
  const [, , name = "", ...rest] = pathname.split("/");
  const wish = parseCatchup(rest.map(decodeURIComponent).join("/"), searchParams, now, { timeZone });
  const dot = name.lastIndexOf(".");
  return rest.length > 0 || !wish ? wish : { ...wish, extension: name.slice(dot + 1) };
}

function clockOf(at: number, zone: string): string {
  return new Date(at).toLocaleString("sv-SE", { timeZone: zone });
}
