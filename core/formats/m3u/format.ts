// The writer of playlists: a lineup to text, one piece per channel, with both spellings of what players read.
import type { Catchup, LineupChannel } from "../../types.ts";
import { formatHours } from "./catchup.ts";
import { headerNames } from "./headers.ts";

/** How to write a playlist. */
export interface FormatOptions {
  /** Put in front of every address (guide, stream, logo) that starts with `/`. Default: nothing. */
  readonly base?: string;
  /** The guide's address; without it the header names none. */
  readonly guide?: string;
}

/** Attributes that are written from the channel's own fields, never from what upstream called so. */
const written = new Set([
  "url-tvg",
  "x-tvg-url",
  "tvg-id",
  "tvg-name",
  "tvg-logo",
  "logo",
  "group-title",
  "tvg-chno",
  "channel-number",
  "ch-number",
  "tvh-chnum",
  "channel-id",
  "radio",
  "tvg-shift",
  "catchup",
  "catchup-type",
  "catchup-source",
  "catchup-days",
  "timeshift",
  "tvg-rec",
  "catchup-correction",
  "http-header",
  ...headerNames.keys(),
]);

/**
 * Writes a playlist in UTF-8 with LF line ends: first the header, then one text per channel that has an address.
 *
 * Names lose `,` and `"` (Jellyfin would cut them there); `tvg-name` keeps the comma. No value holds a `"` or a control
 * character, so a control character in `base` cannot be mistaken for content. No `tvg-shift` is written: the guide is
 * shifted already. `parsePlaylist()` gives back what `formatPlaylist()` could hold.
 *
 * @example [...formatPlaylist(channels, { base: "http://tv:8888", guide: "/guide.xml.gz" })].join("")
 */
export function* formatPlaylist(channels: Iterable<LineupChannel>, options: FormatOptions = {}): Generator<string> {
  const base = options.base ?? "";
  const guide = options.guide ? withBase(options.guide, base) : "";
  yield guide ? `#EXTM3U url-tvg="${guide}" x-tvg-url="${guide}"\n` : "#EXTM3U\n";
  for (const channel of channels) {
    const url = withBase(channel.url ?? "", base);
    if (url && !url.startsWith("#")) yield formatEntry(channel, url, base);
  }
}

function formatEntry(channel: LineupChannel, url: string, base: string): string {
  const number = clean(channel.number);
  const name = clean(channel.name);
  let line = `#EXTINF:-1 tvg-id="${clean(channel.guideId)}" tvg-name="${channel.guideName ? clean(channel.guideName) : name}"`;
  if (channel.logo) line += ` tvg-logo="${withBase(channel.logo, base)}"`;
  if (channel.groups?.length) line += ` group-title="${clean(channel.groups.join(";"))}"`;
  line += ` tvg-chno="${number}" channel-number="${number}" ch-number="${number}" channel-id="${clean(channel.id)}"`;
  if (channel.radio) line += ' radio="true"';
  if (channel.catchup) line += formatCatchup(channel.catchup, base);
  let options = "";
  if (channel.attributes) {
    for (const [attribute, value] of Object.entries(channel.attributes)) {
      if (attribute === "|") options = `|${clean(value, '"')}`;
      else if (isName(attribute) && !written.has(attribute.toLowerCase())) line += ` ${attribute}="${clean(value)}"`;
    }
  }
  line += `,${name.replaceAll(",", ";").trim()}\n`;
  if (channel.directives) for (const directive of channel.directives) line += formatDirective(directive);
  if (channel.properties) {
    for (const [property, value] of Object.entries(channel.properties)) {
      line += `#KODIPROP:${clean(property, '"')}=${clean(value, '"')}\n`;
    }
  }
  if (channel.headers) line += formatHeaders(channel.headers);
  return `${line}${url}${options}\n`;
}

/** Both names of the mode, and the days under the names of three generations of players. */
function formatCatchup(catchup: Catchup, base: string): string {
  const mode = clean(catchup.mode);
  let text = ` catchup="${mode}" catchup-type="${mode}"`;
  if (catchup.days !== undefined) {
    text += ` catchup-days="${catchup.days}" timeshift="${catchup.days}" tvg-rec="${catchup.days}"`;
  }
  // Under `append` a leading slash goes on with the channel's own address.
  if (catchup.source) {
    text += ` catchup-source="${catchup.mode === "append" ? clean(catchup.source) : withBase(catchup.source, base)}"`;
  }
  if (catchup.correction) text += ` catchup-correction="${formatHours(catchup.correction)}"`;
  return text;
}

function formatHeaders(headers: Readonly<Record<string, string>>): string {
  let lines = "";
  const others: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (lower === "user-agent") lines += `#EXTVLCOPT:http-user-agent=${clean(value, '"')}\n`;
    else if (lower === "referer") lines += `#EXTVLCOPT:http-referrer=${clean(value, '"')}\n`;
    else others[name] = value;
  }
  return Object.keys(others).length > 0 ? `${lines}#EXTHTTP:${clean(JSON.stringify(others), '"')}\n` : lines;
}

/** A directive is one line; one that would begin another entry or playlist is none. */
function formatDirective(directive: string): string {
  const line = clean(directive, '"').trim();
  return /^#(?!EXTINF|EXTM3U)/i.test(line) ? `${line}\n` : "";
}

function isName(attribute: string): boolean {
  return /^[^\s"'=,\p{Cc}]+$/u.test(attribute);
}

function withBase(address: string, base: string): string {
  const text = clean(address).trim();
  return /^\/(?!\/)/.test(text) ? base + text : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through.
const unsafe = /["\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;
const everyUnsafe = new RegExp(unsafe, "g");

/** One line without control characters; double quotes become single ones unless they are harmless here. */
function clean(text: string, quote = "'"): string {
  return unsafe.test(text) ? text.replace(everyUnsafe, (found) => (found === '"' ? quote : " ")) : text;
}
