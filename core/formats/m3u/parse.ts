// The reader of playlists: a stream of bytes to a stream of channels, whatever the file looks like.
import { type Buffer, isUtf8 } from "node:buffer";
import type { Channel } from "../../types.ts";
import { Entry } from "./entry.ts";
import { type EntryDefaults, isHeader, mostGuides, type PlaylistHeader, parseHeader } from "./header.ts";
import { decodeLine, readBlocks } from "./lines.ts";

/** Why something in a playlist became no channel. */
export type DropReason =
  /** A line over 1 MiB. */
  | "line too long"
  /** An #EXTINF that is followed by another one, or by the end. */
  | "entry without address"
  /** An address or a text where no #EXTINF came before. */
  | "line without entry"
  /** A path, in a playlist whose own address is not known. */
  | "path without base"
  /** The 257th property or directive of one entry, and those after it. */
  | "too many directives";

/** How to read a playlist. */
export interface ParseOptions {
  /** The playlist's own address: relative addresses in it are resolved against it. */
  readonly base?: string | undefined;
  /** The encoding, by its WHATWG name, of a playlist that is not UTF-8. Default: UTF-8, and windows-1252 for the lines that are not valid. */
  readonly encoding?: string | undefined;
}

/** A playlist being read: iterate it once for the channels. The rest fills meanwhile and is complete at the end. */
export interface Playlist extends AsyncIterable<Channel> {
  readonly header: PlaylistHeader;
  /** Iterates the channels in lists of some hundred, which is far less work than one by one. */
  lists(): AsyncIterable<readonly Channel[]>;
  /** What was left out, and how often. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Why this is no playlist (`it is a web page`); undefined when it is one. Known at the end. */
  readonly rejection: string | undefined;
}

/** Distinct group titles whose lists are kept for reuse, and how long they may be; more than any lineup has. */
const mostGroups = 10_000;
const longestGroups = 1000;

/** Groups of one channel beyond this many are left out. */
const mostGroupsOfOne = 64;

/**
 * Reads an M3U playlist. There is no standard; this follows what players make of it, Kodi's pvr.iptvsimple first:
 *
 * - An entry is an `#EXTINF` and the next line that is not empty and not a `#` line. An address without an `#EXTINF` is
 *   no entry: it has no name to bind anything to, and in real files it is the rest of one that was taken out.
 * - The title is what follows the first comma outside quotes. Without a title `tvg-name`, `tvg-id` or the address names it.
 * - `#EXTGRP` holds until an empty one, or until an entry with a `group-title`.
 * - `#EXTVLCOPT`, `#KODIPROP` and `#EXTHTTP` count for the next address, before or after its `#EXTINF`. Other directives
 *   are kept when they stand between the two; comments are not.
 * - Later `#EXTM3U` lines add their guides, and replace the defaults for the entries after them.
 * - An attribute that is not known is kept as spelled; an empty one that is known counts as absent. The options after a
 *   `|` behind an address become headers, and stay in the attribute `|` as they were.
 *
 * @throws RangeError when `options.encoding` is not known
 * @example
 * const playlist = parsePlaylist(bytes, { base: "http://tv.example/list.m3u" });
 * for await (const channel of playlist) console.log(channel.name, channel.url);
 * if (playlist.rejection) throw new Error(playlist.rejection);
 */
export function parsePlaylist(bytes: AsyncIterable<Uint8Array>, options: ParseOptions = {}): Playlist {
  const reader = new Reader(options);
  return {
    get header() {
      return reader.header;
    },
    dropped: reader.dropped,
    get rejection() {
      return reader.rejection();
    },
    lists: () => reader.lists(bytes),
    [Symbol.asyncIterator]: () => reader.read(bytes),
  };
}

const extinf = "#EXTINF:";
const lineFeed = 10;
const carriageReturn = 13;

class Reader {
  header: PlaylistHeader = { guides: [], attributes: {} };
  readonly dropped: Partial<Record<DropReason, number>> = {};
  private readonly options: ParseOptions;
  private defaults: EntryDefaults | undefined;
  private headers = 0;
  private entries = 0;
  private lines = 0;
  /** What it turned out to be instead of a playlist. */
  private other = "";
  private readonly entry = new Entry();
  /** Groups that an `#EXTGRP` holds in force, as written. */
  private sticky = "";
  private readonly groups = new Map<string, readonly string[]>();

  constructor(options: ParseOptions) {
    this.options = options;
  }

  async *read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Channel> {
    for await (const list of this.lists(bytes)) yield* list;
  }

  async *lists(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Channel[]> {
    for await (const block of readBlocks(bytes, this.options.encoding, () => this.drop("line too long"))) {
      const channels = this.takeBlock(block);
      if (channels.length > 0) yield channels;
      if (this.other) return;
    }
    if (this.entry.titled) this.drop("entry without address");
  }

  /** Takes whole lines; returns the channels that they complete. No generator: those take long to be compiled. */
  private takeBlock(block: Buffer): Channel[] {
    const channels: Channel[] = [];
    const sound = isUtf8(block);
    for (let from = 0, to = 0; from < block.length && !this.other; from = to + 1) {
      to = block.indexOf(lineFeed, from);
      if (to === -1) to = block.length;
      const end = block[to - 1] === carriageReturn ? to - 1 : to;
      if (sound && this.takeTitle(block, from, end)) continue;
      if (this.entry.titled && isPlainAddress(block, from, end)) {
        this.lines++;
        const channel = this.address(block.toString("latin1", from, end));
        if (channel) channels.push(channel);
      } else this.takeTexts(decodeLine(block, from, to), channels);
    }
    return channels;
  }

  private takeTexts(lines: readonly string[], channels: Channel[]): void {
    for (const line of lines) {
      const channel = this.take(line);
      if (channel) channels.push(channel);
      if (this.other) return;
    }
  }

  rejection(): string | undefined {
    if (this.other) return this.other;
    if (this.entries > 0 || this.headers > 0) return undefined;
    if (this.lines === 0) return "it is empty";
    return "there is neither #EXTM3U nor an entry in it";
  }

  private drop(reason: DropReason): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  /** Takes the one kind of line that a playlist is full of, when it is written as usual. @returns false when it is not */
  private takeTitle(block: Buffer, from: number, to: number): boolean {
    for (let at = 0; at < extinf.length; at++) if (block[from + at] !== extinf.charCodeAt(at)) return false;
    // One that is titled already has lost its address, or not found it yet.
    if (this.entry.titled || !this.entry.titlePlain(block, from, to)) return false;
    this.lines++;
    if (this.entry.groups) this.sticky = "";
    return true;
  }

  /** Takes one line; returns the channel that it completes. */
  private take(raw: string): Channel | undefined {
    let line = raw;
    // Trimmed only where needed: most lines begin and end with a sign above the space.
    if (line.charCodeAt(0) <= 32 || line.charCodeAt(line.length - 1) <= 32) line = line.trim();
    if (line.charCodeAt(0) === 0xfeff) line = line.slice(1).trim();
    if (line === "") return undefined;
    this.lines++;
    if (line.charCodeAt(0) === 35) {
      this.hash(line);
      return undefined;
    }
    if (this.lines === 1 && line.charCodeAt(0) === 60) this.other = markup(line);
    return this.address(line);
  }

  /** Takes the line that ends an entry. */
  private address(line: string): Channel | undefined {
    const { entry } = this;
    let channel: Channel | undefined;
    if (!entry.titled) this.drop("line without entry");
    else {
      channel = entry.channel(line, this.options.base, this.defaults, this.groupsOf);
      if (channel) this.entries++;
      else this.drop("path without base");
    }
    entry.clear();
    return channel;
  }

  private hash(line: string): void {
    if (startsWith(line, extinf)) {
      if (this.entry.titled) {
        this.drop("entry without address");
        this.entry.clear();
      }
      this.entry.title(line);
      if (this.entry.groups) this.sticky = "";
    } else if (startsWith(line, "#EXTVLCOPT:")) this.keep(this.entry.vlcOption(line, line.slice(11)));
    else if (startsWith(line, "#EXTVLCOPT--")) this.keep(this.entry.vlcOption(line, line.slice(12)));
    else if (startsWith(line, "#KODIPROP:")) this.keep(this.entry.property(line, line.slice(10)));
    else if (startsWith(line, "#EXTHTTP:")) this.keep(this.entry.http(line, line.slice(9)));
    else if (startsWith(line, "#EXTGRP")) this.sticky = line.slice(8).trim();
    else if (isHeader(line)) this.head(line);
    else if (startsWith(line, "#EXT-X-TARGETDURATION") || startsWith(line, "#EXT-X-STREAM-INF")) {
      if (this.entries === 0)
        this.other = "it is an HLS stream, which is one channel's address, not a list of channels";
    } else if (this.entry.titled && isDirective(line)) this.keep(this.entry.directive(line));
  }

  private keep(kept: boolean): void {
    if (!kept) this.drop("too many directives");
  }

  private head(line: string): void {
    const { header, defaults } = parseHeader(line, this.options.base);
    this.headers++;
    this.sticky = "";
    this.defaults = defaults;
    this.header = {
      ...header,
      guides: [...new Set([...this.header.guides, ...header.guides])].slice(0, mostGuides),
    };
  }

  /** The groups of an entry: its own, then those in force. Equal ones are the same list, which keeps a lineup small. */
  private readonly groupsOf = (title: string): readonly string[] => {
    const key = this.sticky ? `${title};${this.sticky}` : title;
    return this.groups.get(key) ?? this.split(key);
  };

  private split(key: string): readonly string[] {
    const groups = [...new Set(key.split(";", mostGroupsOfOne).map((group) => group.trim()))].filter(
      (group) => group !== "",
    );
    if (this.groups.size >= mostGroups) this.groups.clear();
    if (key.length <= longestGroups) this.groups.set(key, groups);
    return groups;
  }
}

/** Nothing but visible ASCII, a letter first: no text has to be made of it to see what it is. */
function isPlainAddress(block: Uint8Array, from: number, to: number): boolean {
  const first = (block[from] ?? 0) | 32;
  if (from === to || first < 97 || first > 122) return false;
  for (let at = from + 1; at < to; at++) {
    const code = block[at] as number;
    if (code <= 32 || code > 126) return false;
  }
  return true;
}

function startsWith(line: string, directive: string): boolean {
  return line.startsWith(directive) || line.slice(0, directive.length).toUpperCase() === directive;
}

/** `#EXT…`, or one word with perhaps a value behind a colon; not `# a comment`, not `#http://…` taken out. */
function isDirective(line: string): boolean {
  return /^#(EXT|[\w-]+(:(?!\/\/)|$))/i.test(line);
}

function markup(line: string): string {
  if (/^<(!doctype html|html|head|body|script|title|meta)\b/i.test(line)) return "it is a web page";
  return /^<(\?xml|!doctype|!--|[a-z])/i.test(line) ? "it is XML or a web page" : "";
}
