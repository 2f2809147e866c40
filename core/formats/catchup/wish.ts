// What viewers ask for on our own addresses: now or a past instant, in the words of any dialect.
import { parseTime } from "./time.ts";

/** What a viewer wants. Instants in milliseconds since the Unix epoch. */
export interface CatchupWish {
  /** Where to begin; absent: live. */
  readonly at?: number;
  /** Where to end, after `at`; absent: as far as it goes. */
  readonly until?: number;
  /** The output that the address names or implies, `ts` or `m3u8` or what else it says; absent when it says nothing. */
  readonly extension?: string;
}

/** An Xtream wish, which names its channel in the same path. */
export interface XcWish extends CatchupWish {
  /** As it stands in the path, decoded and without an extension that is known. */
  readonly channel: string;
}

/** How to read a viewer's times. */
export interface WishOptions {
  /** IANA name of the zone in which viewers' clock times are; default: this machine's. */
  readonly timeZone?: string | undefined;
}

/** What a file is called that is a transport stream here: an MP4 player reads one as well. */
const extensions: Readonly<Record<string, string>> = { mpegts: "ts", mp4: "ts", m3u: "m3u8" };

const time = "(\\d{10}|\\d{12,14})";
const shifted = /^(?:[a-z]\w*-)?timeshift_(abs|rel)(?:[_-][a-z]+)?[-/](\d{1,14})(?:\.([a-z0-9]+))?$/i;
const rewound = /^rewind-(\d{1,10})(?:\.([a-z0-9]+))?$/i;
const archived = new RegExp(`^(?:[a-z]\\w*-|[a-z_]+)?${time}(?:-(\\d{1,9}|now))?(?:\\.([a-z0-9]+))?$`, "i");
const live = /^(?:mpegts|index|mono|video|live|playlist)(?:\.([a-z0-9]+))?$/i;

/**
 * Reads what comes after `/live/<channel>` in an address.
 *
 * The path, by Flussonic's names: `timeshift_abs-<time>`, `timeshift_rel-<seconds ago>`, `rewind-<seconds>`,
 * `archive-`, `video-`, `index-`, `mono-` or any word or none before `<time>[-<seconds>|-now]`, with or without `.ts`,
 * `.m3u8`, `.mp4`; and for live `mpegts`, `index.m3u8`, `mono.m3u8`, `video.m3u8`. Times are those of `parseTime()`: ten digits are Unix
 * seconds, twelve and fourteen what the clock shows.
 *
 * The query, where the path names no time: `utc`, `start`, `starttime`, `begin` or `playbackbegin`, with `utcend`, `end`, `endtime`
 * or `playbackend`, or `duration` in seconds; `playseek` or `tvdr` = `<time>[-[<time>]]`; `offset` in seconds ago.
 * `lutc`, which is the player's now, says nothing.
 *
 * @param rest decoded, without a slash in front; empty for the address of the channel itself
 * @param now milliseconds since the Unix epoch
 * @returns undefined when it is nothing of this, or names a time that is none or lies outside the years 1970 to 2100
 * @throws RangeError when the time zone is not known
 * @example parseCatchup("archive-1700000000-3600.m3u8", new URLSearchParams(), now)
 * // { at: 1700000000000, until: 1700003600000, extension: "m3u8" }
 */
export function parseCatchup(
  rest: string,
  query: URLSearchParams,
  now: number,
  options: WishOptions = {},
): CatchupWish | undefined {
  if (rest.length > 200) return undefined;
  const [, way, digits = "", extension] = shifted.exec(rest) ?? [];
  if (way)
    return wish(way.toLowerCase() === "abs" ? parseTime(digits, options.timeZone) : ago(digits, now), { extension });
  const [, window, windowExtension] = rewound.exec(rest) ?? [];
  if (window) return wish(ago(window, now), { extension: windowExtension });
  const [, begin, length, archiveExtension] = archived.exec(rest) ?? [];
  if (begin) return wish(parseTime(begin, options.timeZone), { length, extension: archiveExtension });
  const asLive = live.exec(rest);
  if (rest !== "" && !asLive) return undefined;
  const named = rest === "" ? {} : outputOf(asLive?.[1]);
  const asked = parseQuery(query, now, options.timeZone);
  return asked && { ...asked, ...named };
}

/**
 * Reads the paths of Xtream Codes: `/timeshift/<user>/<password>/<minutes>/<time>/<id>[.ts|.m3u8]`, whose time
 * (`2026-03-01:20-15`) is what the clock shows, and `/live/<user>/<password>/<id>[.ts|.m3u8]`. Who asks is not looked at.
 *
 * @param path as it stands in the address, percent-encoded, with its slash in front
 * @returns undefined when it is neither, or names a time that is none
 * @throws RangeError when the time zone is not known
 */
export function parseXcPath(path: string, options: WishOptions = {}): XcWish | undefined {
  const [, minutes, begin, past] = /^\/timeshift\/[^/]+\/[^/]+\/(\d{1,6})\/([^/]+)\/([^/]+)$/i.exec(path) ?? [];
  const last = past ?? /^\/live\/[^/]+\/[^/]+\/([^/]+)$/i.exec(path)?.[1];
  const [, name = "", extension] = /^(.+?)(?:\.(ts|m3u8|mp4))?$/i.exec(last ?? "") ?? [];
  const channel = decode(name);
  if (!channel) return undefined;
  if (begin === undefined) return { channel, ...outputOf(extension) };
  const at = parseTime(decode(begin) ?? "", options.timeZone);
  const asked = wish(at, { length: String(Number(minutes) * 60), extension });
  return asked && { channel, ...asked };
}

const begins = ["utc", "start", "starttime", "begin", "playbackbegin"];
const ends = ["utcend", "end", "endtime", "playbackend"];

function parseQuery(query: URLSearchParams, now: number, zone: string | undefined): CatchupWish | undefined {
  const value = (names: readonly string[]) => names.map((name) => query.get(name)).find(Boolean) ?? undefined;
  const offset = value(["offset"]);
  if (offset !== undefined) {
    const [, digits] = /^[+ -]?(\d{1,10})$/.exec(offset) ?? [];
    if (digits !== undefined && Number(digits) === 0) return {};
    return digits === undefined ? undefined : timed(ago(digits, now), undefined);
  }
  const both = value(["playseek", "tvdr"]);
  if (both !== undefined) return parseRange(both, zone);
  const begin = value(begins);
  const end = value(ends);
  if (begin === undefined) return end === undefined ? {} : undefined;
  const at = parseTime(begin, zone);
  if (end !== undefined) {
    const until = parseTime(end, zone);
    return until === undefined ? undefined : timed(at, until);
  }
  const length = value(["duration"]);
  return timed(at, length === undefined ? undefined : later(at, length));
}

/** `<time>-<time>`, `<time>-` or `<time>`; a time in ISO 8601 has hyphens of its own. */
function parseRange(text: string, zone: string | undefined): CatchupWish | undefined {
  if (text.length > 80) return undefined;
  const whole = parseTime(text.endsWith("-") ? text.slice(0, -1) : text, zone);
  if (whole !== undefined) return { at: whole };
  for (let dash = text.indexOf("-"); dash !== -1; dash = text.indexOf("-", dash + 1)) {
    const at = parseTime(text.slice(0, dash), zone);
    const until = at === undefined ? undefined : parseTime(text.slice(dash + 1), zone);
    if (until !== undefined) return timed(at, until);
  }
  return undefined;
}

/** A wish that a path says; without an extension it is a transport stream. */
function wish(
  at: number | undefined,
  o: { readonly length?: string | undefined; readonly extension: string | undefined },
): CatchupWish | undefined {
  const until = o.length === undefined || o.length.toLowerCase() === "now" ? undefined : later(at, o.length);
  const asked = timed(at, until);
  return asked && { ...asked, ...outputOf(o.extension) };
}

function timed(at: number | undefined, until: number | undefined): CatchupWish | undefined {
  if (at === undefined || (until !== undefined && !(until > at))) return undefined;
  return { at, ...(until !== undefined && { until }) };
}

/** Not a number when there is no such instant, so that it is after nothing. */
function later(at: number | undefined, seconds: string): number {
  if (at === undefined || !/^\d{1,10}$/.test(seconds)) return Number.NaN;
  return parseTime(String(Math.floor(at / 1000) + Number(seconds))) ?? Number.NaN;
}

function ago(seconds: string, now: number): number | undefined {
  const at = now - Number(seconds) * 1000;
  return seconds.length <= 10 && at >= 0 ? at : undefined;
}

function outputOf(extension = "ts"): { readonly extension: string } {
  const lower = extension.toLowerCase();
  return { extension: extensions[lower] ?? lower };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
