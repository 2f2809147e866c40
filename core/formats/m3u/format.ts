// The writer of playlists: a lineup to text, one piece per channel, with both spellings of what players read.
import { Buffer } from "node:buffer";
import type { Catchup, LineupChannel } from "../../types.ts";
import { encodeItems, TextWriter } from "../text-writer.ts";
import { formatHours } from "./catchup.ts";
import { headerNames } from "./headers.ts";
import { isForUpstream, type Offer, shownStream } from "./offered.ts";

/** How to write a playlist. */
export interface FormatOptions {
  /** Put in front of every address (guide, stream, logo) that starts with `/`. Default: nothing. */
  readonly base?: string;
  /** The guide's address; without it the header names none. */
  readonly guide?: string;
  /** How channels are shown whose pictures come from here; without it all are shown as upstream has them. */
  readonly offer?: Offer;
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
 * With an `offer`, channels that are not delivered `direct` have one here, whatever upstream's is.
 *
 * Names lose `,` and `"` (Jellyfin would cut them there); `tvg-name` keeps the comma. No value holds a `"` or a control
 * character, so a control character in `base` cannot be mistaken for content. No `tvg-shift` is written: the guide is
 * shifted already. `parsePlaylist()` gives back what `formatPlaylist()` could hold.
 *
 * @example [...formatPlaylist(channels, { base: "http://tv:8888", guide: "/guide.xml.gz" })].join("")
 */
export function* formatPlaylist(channels: Iterable<LineupChannel>, options: FormatOptions = {}): Generator<string> {
  yield formatHeader(options);
  const writer = new TextWriter();
  for (const channel of channels) {
    writeEntry(channel, options, writer);
    const text = Buffer.from(writer.take()).toString();
    if (text) yield text;
  }
}

/** The same as bytes, in pieces of some 64 KiB; each holds until the next is asked for. */
export function encodePlaylist(channels: readonly LineupChannel[], options: FormatOptions = {}): Generator<Uint8Array> {
  return encodeItems(channels, (channel, to) => writeEntry(channel, options, to), formatHeader(options));
}

function formatHeader({ base = "", guide }: FormatOptions): string {
  const address = guide ? withBase(guide, base) : "";
  return address ? `#EXTM3U url-tvg="${address}" x-tvg-url="${address}"\n` : "#EXTM3U\n";
}

/** What stands between the values, as bytes. */
const between = {
  id: Buffer.from('#EXTINF:-1 tvg-id="'),
  name: Buffer.from('" tvg-name="'),
  logo: Buffer.from('" tvg-logo="'),
  groups: Buffer.from('" group-title="'),
  number: Buffer.from('" tvg-chno="'),
  number2: Buffer.from('" channel-number="'),
  number3: Buffer.from('" ch-number="'),
  channel: Buffer.from('" channel-id="'),
  radio: Buffer.from(' radio="true"'),
  quote: Buffer.from('"'),
  comma: Buffer.from(","),
  transport: Buffer.from("#KODIPROP:mimetype=video/mp2t\n"),
  end: Buffer.from("\n"),
};

/** Writes the lines of a channel that has an address, and nothing for another. */
function writeEntry(channel: LineupChannel, options: FormatOptions, to: TextWriter): void {
  const { base = "" } = options;
  const stream = shownStream(channel, options.offer);
  const { relayed } = stream;
  const url = withBase(stream.url, base);
  if (!url || url.startsWith("#")) return;
  const put = (before: Uint8Array, value: string) => {
    to.bytes(before);
    to.text(value);
  };
  const number = clean(channel.number);
  const name = clean(channel.name);
  put(between.id, clean(channel.guideId));
  put(between.name, channel.guideName ? clean(channel.guideName) : name);
  if (channel.logo) put(between.logo, withBase(channel.logo, base));
  if (channel.groups?.length) put(between.groups, clean(joined(channel.groups)));
  put(between.number, number);
  put(between.number2, number);
  put(between.number3, number);
  put(between.channel, clean(channel.id));
  to.bytes(between.quote);
  if (channel.radio) to.bytes(between.radio);
  if (stream.catchup) to.text(formatCatchup(stream.catchup, base));
  const behind = channel.attributes ? writeAttributes(channel.attributes, to) : "";
  put(between.comma, (name.includes(",") ? name.replaceAll(",", ";") : name).trim());
  to.bytes(between.end);
  if (channel.directives) {
    for (const directive of channel.directives)
      if (!relayed || !isForUpstream(directive)) to.text(formatDirective(directive));
  }
  // Spares Kodi the look into the stream that tells it what it is, and viewers the wait.
  if (relayed && !url.endsWith(".m3u8")) to.bytes(between.transport);
  if (channel.properties && !relayed) {
    for (const [property, value] of Object.entries(channel.properties)) {
      to.text(`#KODIPROP:${clean(property, '"')}=${clean(value, '"')}\n`);
    }
  }
  if (channel.headers && !relayed) to.text(formatHeaders(channel.headers));
  to.text(url);
  if (behind && !relayed) to.text(behind);
  to.bytes(between.end);
}

/** Writes what upstream called none of ours; returns the options that go behind the address. */
function writeAttributes(attributes: Readonly<Record<string, string>>, to: TextWriter): string {
  let options = "";
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute === "|") options = `|${clean(value, '"')}`;
    else if (isName(attribute) && !written.has(attribute.toLowerCase())) to.text(` ${attribute}="${clean(value)}"`);
  }
  return options;
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

function joined(groups: readonly string[]): string {
  return groups.length === 1 ? (groups[0] as string) : groups.join(";");
}

function withBase(address: string, base: string): string {
  const text = clean(address).trim();
  return text.startsWith("/") && !text.startsWith("//") ? base + text : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through.
const unsafe = /["\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;
const everyUnsafe = new RegExp(unsafe, "g");

/** One line without control characters; double quotes become single ones unless they are harmless here. */
function clean(text: string, quote = "'"): string {
  return unsafe.test(text) ? text.replace(everyUnsafe, (found) => (found === '"' ? quote : " ")) : text;
}
