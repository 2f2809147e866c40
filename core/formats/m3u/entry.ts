// One entry of a playlist while its lines come in, and the channel that it becomes.
import type { Buffer } from "node:buffer";
import type { Channel } from "../../types.ts";
import { scanAttributes, scanPlain, textBetween } from "./attributes.ts";
import { type CatchupTexts, parseCatchup, parseHours } from "./catchup.ts";
import { type EntryDefaults, hasScheme, noCatchup, resolveAddress } from "./header.ts";
import { headerNames, readJson, readPairs, setHeader, splitAddress } from "./headers.ts";

/** More directives or properties than this an entry does not have. */
const most = 256;

const spans: number[] = [];

/** The attributes of the line before, by place: most lines of a playlist have the same ones. */
const lastNames: string[] = [];

/** The lines of one entry. Directives may come before or after its #EXTINF; the address ends it. */
export class Entry implements CatchupTexts {
  /** Whether its #EXTINF has come: without one an address is no entry. */
  titled = false;
  // The texts of the attributes that are understood, as written; empty where absent.
  groups = "";
  mode = "";
  type = "";
  source = "";
  days = "";
  archive = "";
  correction = "";
  private name = "";
  private guideId = "";
  private guideName = "";
  private shift = "";
  private number = "";
  private logo = "";
  private radio = "";
  private headers: Record<string, string> | undefined;
  private properties: Record<string, string> | undefined;
  private attributes: Record<string, string> | undefined;
  private directives: string[] | undefined;

  /** Begins another entry: one object serves a whole playlist. */
  clear(): void {
    this.titled = false;
    this.groups = this.mode = this.type = this.source = this.days = this.archive = this.correction = "";
    this.name = this.guideId = this.guideName = this.shift = this.number = this.logo = this.radio = "";
    this.headers = this.properties = this.attributes = this.directives = undefined;
  }

  /** Takes an `#EXTINF:` line. */
  title(line: string): void {
    this.titled = true;
    const from = "#EXTINF:".length;
    const comma = scanAttributes(line, from, spans, true);
    this.take(line);
    // Without a comma, what is neither duration nor attribute is the title.
    this.setName(comma === -1 ? textBetween(line, from, spans).replace(/^[+-]?[\d.]+\s*/, "") : line.slice(comma + 1));
  }

  /**
   * Takes an `#EXTINF:` line as bytes of UTF-8, each value made a text of its own.
   *
   * @returns false when the line is not written as nearly all are; nothing is taken then
   */
  titlePlain(block: Buffer, from: number, to: number): boolean {
    const comma = scanPlain(block, from + "#EXTINF:".length, to, spans);
    if (comma === -1 || block[to - 1] === 32) return false;
    let signs = 0;
    for (let at = comma + 1; at < to; at++) {
      const code = block[at] as number;
      if (code < 32) return false;
      signs |= code;
    }
    this.titled = true;
    for (let index = 0, place = 0; index < spans.length; index += 5, place++) {
      const name = nameAt(block, spans[index] as number, spans[index + 1] as number, place);
      const value = textAt(block, spans[index + 2] as number, spans[index + 3] as number, spans[index + 4] === 0);
      if (!this.understand(name, value)) this.keep(name, value);
    }
    this.setName(textAt(block, comma + 1, to, signs < 128));
    return true;
  }

  private setName(title: string): void {
    this.name = title.includes('="') ? this.mend(title) : title.trim();
  }

  /** Some generators write attributes behind the title. */
  private mend(title: string): string {
    const at = title.search(/\s(tvg|group|catchup)-[\w-]+="/i);
    if (at === -1) return title.trim();
    scanAttributes(title, at, spans, false);
    this.take(title);
    return title.slice(0, at).trim();
  }

  /** Takes the attributes that were found in a line. */
  private take(line: string): void {
    for (let index = 0; index < spans.length; index += 4) {
      const name = line.slice(spans[index], spans[index + 1]);
      const value = line.slice(spans[index + 2], spans[index + 3]);
      if (this.understand(name, value)) continue;
      const lower = name.toLowerCase();
      if (lower !== name && this.understand(lower, value)) continue;
      this.keep(name, value);
    }
  }

  private keep(name: string, value: string): void {
    this.attributes ??= {};
    this.attributes[name] = value;
  }

  /** Of several attributes that say the same, the last one that says something counts. */
  private understand(name: string, value: string): boolean {
    switch (name) {
      case "tvg-id":
        this.guideId = value || this.guideId;
        return true;
      case "tvg-name":
        this.guideName = value || this.guideName;
        return true;
      case "tvg-logo":
      case "logo":
        this.logo = value || this.logo;
        return true;
      case "group-title":
        this.groups = value || this.groups;
        return true;
      case "tvg-chno":
      case "channel-number":
      case "ch-number":
      case "tvh-chnum":
        this.number = value || this.number;
        return true;
      case "radio":
        this.radio = value || this.radio;
        return true;
      case "tvg-shift":
        this.shift = value || this.shift;
        return true;
      case "catchup":
        this.mode = value || this.mode;
        return true;
      case "catchup-type":
        this.type = value || this.type;
        return true;
      case "catchup-source":
        this.source = value || this.source;
        return true;
      case "catchup-days":
        this.days = value || this.days;
        return true;
      case "timeshift":
      case "tvg-rec":
        this.archive = value || this.archive;
        return true;
      case "catchup-correction":
        this.correction = value || this.correction;
        return true;
      case "http-header":
        readPairs(value, this.headersToSet());
        return true;
    }
    const header = headerNames.get(name);
    if (header) setHeader(this.headersToSet(), header, value);
    return header !== undefined;
  }

  private headersToSet(): Record<string, string> {
    this.headers ??= {};
    return this.headers;
  }

  /** `#EXTVLCOPT:name=value`: request headers are taken out, other options stay as they are. @returns false when there are too many */
  vlcOption(line: string, option: string): boolean {
    const equals = option.indexOf("=");
    const name = option.slice(0, equals).trim().toLowerCase();
    const header = equals > 0 && name.startsWith("http-") ? headerNames.get(name) : undefined;
    if (!header) return this.directive(line);
    setHeader(this.headersToSet(), header, option.slice(equals + 1));
    return true;
  }

  /** `#KODIPROP:name=value`. The headers that a stream wants may be in one of them. @returns false when there are too many */
  property(line: string, property: string): boolean {
    const equals = property.indexOf("=");
    const name = property.slice(0, equals).trim();
    if (equals <= 0 || !name) return this.directive(line);
    const value = property.slice(equals + 1).trim();
    this.properties ??= {};
    if (!Object.hasOwn(this.properties, name) && Object.keys(this.properties).length >= most) return false;
    this.properties[name] = value;
    if (/\.(stream|common)_headers$/.test(name)) readPairs(value, this.headersToSet());
    return true;
  }

  /** `#EXTHTTP:{…}`; what is no JSON object stays as it is. @returns false when there are too many */
  http(line: string, json: string): boolean {
    return readJson(json, this.headersToSet()) || this.directive(line);
  }

  /** Keeps a line that has no meaning here. @returns false when there are too many */
  directive(line: string): boolean {
    this.directives ??= [];
    if (this.directives.length >= most) return false;
    this.directives.push(line);
    return true;
  }

  /**
   * The channel, once the address is known.
   *
   * @param groups splits a `group-title`; equal texts should give the same list
   * @returns undefined when the address is a path and there is no base to resolve it: here a leading `/` would mean us
   */
  channel(
    address: string,
    base: string | undefined,
    defaults: EntryDefaults | undefined,
    groups: (title: string) => readonly string[],
  ): Channel | undefined {
    const split = address.includes("|") ? splitAddress(address) : undefined;
    let url = split?.url ?? address;
    if (!hasScheme(url)) url = resolveAddress(url, base);
    if (url.startsWith("/")) return undefined;
    if (split?.options) {
      readPairs(split.options, this.headersToSet());
      this.attributes ??= {};
      this.attributes["|"] = split.options;
    }
    const name = this.name || this.guideName.trim() || this.guideId.trim() || nameFromAddress(url);
    const channel: { -readonly [Key in keyof Channel]: Channel[Key] } = { name, url };
    if (this.guideId) channel.guideId = this.guideId;
    if (this.guideName && this.guideName !== name) channel.guideName = this.guideName;
    const shift = this.shift ? parseHours(this.shift) : defaults?.shift;
    if (shift) channel.guideShift = shift;
    if (this.number) this.setNumber(channel, this.number.trim());
    const list = groups(this.groups);
    if (list.length > 0) channel.groups = list;
    // A bare file name stays: Kodi looks for it in a folder of its own.
    const logo = this.logo.startsWith("/") ? resolveAddress(this.logo, base) : this.logo;
    if (logo && !logo.startsWith("/")) channel.logo = logo;
    if (this.radio && /^\s*(true|1|yes)\s*$/i.test(this.radio)) channel.radio = true;
    if (defaults || this.mode || this.type || this.source || this.days || this.archive) {
      const catchup = parseCatchup(this, defaults?.catchup ?? noCatchup);
      if (catchup) channel.catchup = catchup;
    }
    if (this.headers && Object.keys(this.headers).length > 0) channel.headers = this.headers;
    if (this.properties) channel.properties = this.properties;
    if (this.attributes) channel.attributes = this.attributes;
    if (this.directives) channel.directives = this.directives;
    return channel;
  }

  /** A number that no remote control can dial is kept as it is written; zero and less mean none. */
  private setNumber(channel: { number?: string }, text: string): void {
    if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) {
      if (/[1-9]/.test(text)) channel.number = text;
    } else if (!/^-\d+$/.test(text)) {
      this.attributes ??= {};
      this.attributes["tvg-chno"] = text;
    }
  }
}

function textAt(block: Buffer, from: number, to: number, ascii: boolean): string {
  return from === to ? "" : block.toString(ascii ? "latin1" : "utf8", from, to);
}

/** An attribute's name; where the line before had the same one at this place, that very text. */
function nameAt(block: Buffer, from: number, to: number, place: number): string {
  const last = lastNames[place];
  if (last?.length === to - from) {
    let at = 0;
    while (at < last.length && last.charCodeAt(at) === block[from + at]) at++;
    if (at === last.length) return last;
  }
  const name = block.toString("latin1", from, to);
  lastNames[place] = name;
  return name;
}

/** The last part of an address's path without its extension, else its host, else the address. */
function nameFromAddress(address: string): string {
  const url = URL.parse(address);
  const last = url?.pathname
    .split("/")
    .filter(Boolean)
    .at(-1)
    ?.replace(/\.\w{1,5}$/, "");
  return last || url?.host || address;
}
