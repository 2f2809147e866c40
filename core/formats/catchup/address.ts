// Where an upstream keeps the past of a channel: the address to open, by the dialect that the channel speaks.
import type { Catchup, Channel } from "../../types.ts";
import { fillTemplate, playseekSource } from "./template.ts";

/** What else an address may depend on. */
export interface CatchupOptions {
  /** IANA name of the zone in which upstream's clock times are; default: this machine's. */
  readonly timeZone?: string | undefined;
  /** The programme's `catchup-id`, which `vod` addresses are made of. */
  readonly catchupId?: string | undefined;
}

/** How much is asked for when nobody says where the past should end, and the address has to: milliseconds. */
const longest = 4 * 3_600_000;

const minute = 60_000;

/** Other names of dialects. */
const aliases: Readonly<Record<string, string>> = {
  timeshift: "shift",
  archive: "shift",
  fs: "flussonic-ts",
  "flussonic-hls": "flussonic",
  xtream: "xc",
};

/**
 * The address at which a channel's upstream gives its pictures from a past instant on.
 *
 * The rules are pvr.iptvsimple's (`Channel.cpp`, `CatchupController.cpp`), which playlists are written for:
 *
 * - `default`: the source is the address; `append`: it is put behind the channel's own. A source that begins with `?` or
 *   `&` is always put behind, with the sign that fits; one that is a path is resolved against the channel's address.
 * - `shift`, `timeshift`: `?utc=…&lutc=…` is added, whatever the source says.
 * - `flussonic`, `flussonic-hls`, `flussonic-ts`, `fs`: made from the channel's address by its last part: `mpegts` →
 *   `timeshift_abs-….ts`, `index.m3u8` → `timeshift_rel-….m3u8`, `mono.m3u8` → `mono-timeshift_rel-….m3u8`; any other →
 *   the first under `flussonic-ts` and `fs`, the second under the others. `xc`: made from `[/live]/user/password/id`; an
 *   address that tells minutes only asks for whole ones. Where the address is of no such form, the source is used, when there is one.
 * - `vod`: the source, or the programme's `catchup-id` itself.
 * - `playseek`, the Huawei and ZTE form: `?playseek=begin-end`, unless the source says otherwise.
 * - Any other mode that has a source: `default`.
 *
 * Options behind a `|` stay at the end. `correction` is taken from the instants, as that player does. An end that is not
 * asked for is four hours later; no end is later than now. Instants are true ones: a channel's `guideShift` is in its
 * guide already.
 *
 * @param asked begin and end in milliseconds since the Unix epoch
 * @param now likewise
 * @returns undefined when the channel has no catch-up, or no address can be made of what it says
 * @throws RangeError when the time zone is not known
 * @example
 * catchupAddress({ url: "http://tv.example/151/mpegts", catchup: { mode: "flussonic-ts" } }, { at: 1700000000000 }, now);
 * // "http://tv.example/151/timeshift_abs-1700000000.ts"
 */
export function catchupAddress(
  channel: Pick<Channel, "url" | "catchup">,
  asked: { readonly at: number; readonly until?: number | undefined },
  now: number,
  options: CatchupOptions = {},
): string | undefined {
  const { url = "", catchup } = channel;
  if (!catchup) return undefined;
  const bar = url.indexOf("|");
  const bare = bar === -1 ? url : url.slice(0, bar);
  const mode = catchup.mode.toLowerCase();
  const template = templateOf(aliases[mode] ?? mode, bare, catchup);
  if (!template) return undefined;
  const correction = catchup.correction ?? 0;
  const end = Math.max(Math.min(asked.until ?? asked.at + longest, now), asked.at);
  const whole = countsMinutes(template) ? minute : 1;
  const filled = fillTemplate(template, {
    at: Math.floor((asked.at - correction) / whole) * whole,
    until: Math.ceil((end - correction) / whole) * whole,
    now,
    zone: options.timeZone,
    catchupId: options.catchupId,
  });
  if (filled === undefined) return undefined;
  const address = hasScheme(filled) ? filled : (URL.parse(filled, bare)?.href ?? filled);
  return bar === -1 || filled.includes("|") ? address : address + url.slice(bar);
}

function templateOf(mode: string, url: string, catchup: Catchup): string | undefined {
  const { source } = catchup;
  switch (mode) {
    case "append":
      return source && append(url, source);
    case "shift":
      return url && append(url, "?utc={utc}&lutc={lutc}");
    case "flussonic":
    case "flussonic-ts":
      return flussonicTemplate(url, mode === "flussonic-ts") ?? sourceTemplate(url, source);
    case "xc":
      return xcTemplate(url) ?? sourceTemplate(url, source);
    case "vod":
      return source || "{catchup-id}";
    case "playseek":
      return sourceTemplate(url, source || playseekSource);
    default:
      return sourceTemplate(url, source);
  }
}

function sourceTemplate(url: string, source: string | undefined): string | undefined {
  return source && /^[?&]/.test(source) ? append(url, source) : source || undefined;
}

/** Puts text behind an address; of `?` and `&` at its beginning it gets the one that goes on with this address. */
function append(url: string, text: string): string {
  return url + (/^[?&]/.test(text) ? (url.includes("?") ? "&" : "?") + text.slice(1) : text);
}

function flussonicTemplate(url: string, transport: boolean): string | undefined {
  const [, folder, last = "", query = ""] = /^((?:https?:\/\/[^/?]+)?\/[^?]+)\/([^/?]*)(\?.*)?$/i.exec(url) ?? [];
  if (folder === undefined) return undefined;
  const list = /^(.*)\.m3u8$/.exec(last)?.[1];
  if (list !== undefined) {
    const name = list === "index" ? "" : `${list}-`;
    return `${folder}/${name}timeshift_rel-{offset:1}.m3u8${query}`;
  }
  if (transport || last.endsWith("mpegts")) return `${folder}/timeshift_abs-\${start}.ts${query}`;
  return `${folder}/timeshift_rel-{offset:1}.m3u8${query}`;
}

function xcTemplate(url: string): string | undefined {
  const parts = /^(https?:\/\/[^/]+)\/(?:live\/)?([^/]+)\/([^/]+)\/([^/.?]+)(?:\.(ts|m3u8?))?$/i.exec(url);
  if (!parts) return undefined;
  const [, host, user, password, id, extension = "ts"] = parts;
  return `${host}/timeshift/${user}/${password}/{duration:60}/{Y}-{m}-{d}:{H}-{M}/${id}.${extension}`;
}

/** Whether begin and length are told in minutes alone, so that only whole ones hold all that is asked for. */
function countsMinutes(template: string): boolean {
  return template.includes("{duration:60}") && !/\{(utc|start|GMT)[:}]|\{S\}|\{offset|\([be]\)/.test(template);
}

function hasScheme(address: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(address);
}
