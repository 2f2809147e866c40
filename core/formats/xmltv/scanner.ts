// Finds the `channel` and `programme` elements of a UTF-8 XMLTV document in chunks, without reading what is inside them.
import { Buffer } from "node:buffer";
import { APOS, BANG, EQUALS, GT, isSpace, LT, needle, QUERY, QUOT, SLASH, sameBytes } from "./bytes.ts";
import { Markup } from "./markup.ts";

/** What the scanner met that a strict parser would stop at, or that no one could hold. */
export type ScanLoss = "element too large" | "element not closed" | "comment not closed";

/** Where a scanner tells what it found. The scanner's fields describe the element, and only during the call. */
export interface ScanSink {
  channel(scanner: Scanner): void;
  programme(scanner: Scanner): void;
  lost(reason: ScanLoss): void;
}

/** The largest element that is looked at; larger ones are skipped. */
export const MAX_ELEMENT = 4 * 1024 * 1024;

const PROGRAMME = needle("<programme");
const PROGRAMME_END = needle("</programme");
const CHANNEL = needle("<channel");
const CHANNEL_END = needle("</channel");
const TV = needle("<tv");
const ID_PREFIX = needle('channel="');
/** How far ahead the next programme is used to find the end of this one. */
const NEAR = 1 << 18;
const UNKNOWN = -2;

/**
 * A push scanner. Memory is one chunk and the unfinished element at its end, whatever the document's size; what it finds
 * does not depend on where the chunks are cut.
 *
 * Comments, CDATA sections and processing instructions hide what is in them. An element that is not closed ends where the
 * next one starts.
 *
 * @example
 * const scanner = new Scanner(sink);
 * for await (const chunk of chunks) scanner.push(chunk);
 * scanner.finish();
 */
export class Scanner {
  /** The bytes of the element: `bytes[start, end)`; valid during a call of the sink. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** False when the end tag is missing: the element ends where the next starts, or the document does. */
  closed = true;
  /** The value of `channel` (programme) or `id` (channel), without its quotes; `idStart` is -1 when there is none. */
  idStart = -1;
  idEnd = -1;
  /** The values of `start` and `stop` of a programme, after `readTimes()`; -1 when there are none. */
  fromStart = -1;
  fromEnd = -1;
  toStart = -1;
  toEnd = -1;
  /** True when the programme's id is the same text as the id of the programme before it: programmes come in runs. */
  repeated = false;
  /** True when a `<tv` root has been met. */
  rooted = false;

  readonly #sink: ScanSink;
  #carry: Buffer = Buffer.alloc(1 << 16);
  #carried = 0;
  /** What a comment or an oversized element ends with, while that is being waited for. */
  #seek: Buffer | undefined;
  /** Each looks ahead at its own pace, and none may go back: for the next programme, the next channel, and within an element. */
  readonly #programmes = new Markup();
  readonly #channels = new Markup();
  readonly #inside = new Markup();
  #final = false;
  /** The next programme and channel, once looked up; -2 when not, -1 when there is none in the buffer. */
  #nextProgramme = UNKNOWN;
  #nextChannel = UNKNOWN;
  /** The last programme's `channel="…"`, and how far behind the element's start it stood. */
  #id: Buffer = Buffer.alloc(0);
  #idOffset = 0;

  constructor(sink: ScanSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes of the document. They are read before the call returns, and may be reused after it. */
  push(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // Only the element that straddles the cut is copied; the rest of the chunk is scanned where it lies.
    let take = Math.max(4096, this.#carried);
    while (this.#carried > 0 && bytes.length > 0) {
      const had = this.#carried;
      const added = Math.min(take, bytes.length);
      this.#keep(bytes.subarray(0, added));
      const used = this.#scan(this.#carry.subarray(0, this.#carried), had);
      if (used >= had) {
        this.#carried = 0;
        bytes = bytes.subarray(used - had);
        break;
      }
      this.#drop(used);
      bytes = bytes.subarray(added);
      take *= 4;
    }
    if (bytes.length === 0) return;
    const used = this.#scan(bytes, bytes.length);
    if (used < bytes.length) this.#keep(bytes.subarray(used));
  }

  /** The document has ended: what is unfinished is taken as it is. */
  finish(): void {
    this.#final = true;
    this.#scan(this.#carry.subarray(0, this.#carried), this.#carried);
    this.#carried = 0;
  }

  #keep(bytes: Buffer): void {
    const size = this.#carried + bytes.length;
    if (size > this.#carry.length) {
      const grown = Buffer.alloc(Math.max(size, this.#carry.length * 2));
      this.#carry.copy(grown, 0, 0, this.#carried);
      this.#carry = grown;
    }
    bytes.copy(this.#carry, this.#carried);
    this.#carried = size;
  }

  #drop(used: number): void {
    this.#carry.copyWithin(0, used, this.#carried);
    this.#carried -= used;
  }

  /** Scans from an element boundary; stops at the first boundary at or after `enough`. Returns how far it came. */
  #scan(bytes: Buffer, enough: number): number {
    const size = bytes.length;
    const markup = this.#inside;
    this.#programmes.reset(bytes);
    this.#channels.reset(bytes);
    markup.reset(bytes);
    this.bytes = bytes;
    this.#nextProgramme = this.#nextChannel = UNKNOWN;
    let at = 0;
    while (at < enough) {
      if (this.#seek) {
        const found = bytes.indexOf(this.#seek, at);
        if (found < 0) return this.#final ? size : Math.max(at, size - this.#seek.length + 1);
        at = found + this.#seek.length;
        this.#seek = undefined;
        continue;
      }
      while (at < size && bytes[at] !== LT) at++;
      if (at >= size) return size;
      // The longest thing that must be told apart is `<programme` and the byte after it.
      if (size - at <= PROGRAMME.length && !this.#final) return at;
      const second = bytes[at + 1];
      let next: number;
      if (second === BANG || second === QUERY) {
        next = this.#skipBetween(at);
      } else if (at === this.#nextProgramme || markup.isTag(PROGRAMME, at)) {
        next = this.#programme(at);
      } else if (markup.isTag(CHANNEL, at)) {
        next = this.#channel(at);
      } else {
        if (markup.isTag(TV, at)) this.rooted = true;
        next = at + 1;
      }
      if (next < 0) {
        if (size - at <= MAX_ELEMENT) return at;
        this.#sink.lost("element too large");
        // Its tail is no element; what follows is found by its own start.
        next = at + 1 + MAX_ELEMENT;
      }
      at = next;
    }
    return at;
  }

  /** Between elements: past a comment, an instruction, a section or a declaration; they may be of any length. */
  #skipBetween(at: number): number {
    const markup = this.#inside;
    const size = this.bytes.length;
    const after = markup.after(at);
    if (after >= 0) return after;
    if (this.#final) {
      this.#sink.lost("comment not closed");
      return size;
    }
    const closer = markup.closer(at);
    // Sixteen bytes: the closer's own dashes must not be taken from the opener.
    if (size - at < 16 || !markup.isLong(closer)) return -1;
    this.#seek = closer;
    return size - closer.length + 1;
  }

  #programme(at: number): number {
    const { bytes } = this;
    const from = at + PROGRAMME.length;
    const next = this.#programmeAfter(from);
    const bound = next < 0 ? bytes.length : next;
    // Nearly always the tag looks like the one before, as far as its id, so that it need not be read.
    this.repeated = false;
    if (next >= 0 && bound - at <= NEAR && this.#repeats(at)) {
      const end = this.#endBefore(bound);
      if (end > this.idEnd && this.#inside.plain(from, bound)) {
        this.repeated = true;
        return this.#tell(at, end, true, true);
      }
    }
    const tagEnd = this.#readTag(from, bound);
    if (tagEnd < 0) return next < 0 && !this.#final ? -1 : this.#unclosed(at, bound, true);
    if (bytes[tagEnd - 2] === SLASH) return this.#found(at, tagEnd, true, true);
    // Nearly always the end tag stands right before the next programme, which saves looking for it from the front.
    if (bound - at <= NEAR) {
      if (next < 0 && !this.#final) return -1;
      const end = this.#endBefore(bound);
      if (end >= tagEnd && this.#inside.plain(from, bound)) return this.#found(at, end, true, true);
    }
    // From the tag's start, not its end: what hides tags must be the same for every look-up, also in a broken tag.
    const end = this.#inside.endOf(PROGRAMME_END, from, bound);
    if (end >= 0) return this.#found(at, end, true, true, tagEnd);
    if (next < 0 && !this.#final) return -1;
    this.#inside.rewind();
    const channel = this.#inside.find(CHANNEL, from, bound);
    return this.#unclosed(at, channel < 0 ? bound : channel, true);
  }

  #channel(at: number): number {
    const { bytes } = this;
    const from = at + CHANNEL.length;
    const programme = this.#programmeAfter(from);
    if (this.#nextChannel < from && this.#nextChannel !== -1) this.#nextChannel = this.#channels.find(CHANNEL, from, bytes.length);
    const channel = this.#nextChannel;
    const next = channel < 0 || (programme >= 0 && programme < channel) ? programme : channel;
    const bound = next < 0 ? bytes.length : next;
    const tagEnd = this.#readTag(from, bound);
    if (tagEnd < 0) return next < 0 && !this.#final ? -1 : this.#unclosed(at, bound, false);
    if (bytes[tagEnd - 2] === SLASH) return this.#found(at, tagEnd, true, false);
    const end = this.#inside.endOf(CHANNEL_END, from, bound);
    if (end >= 0) return this.#found(at, end, true, false, tagEnd);
    return next < 0 && !this.#final ? -1 : this.#unclosed(at, bound, false);
  }

  #programmeAfter(from: number): number {
    const known = this.#nextProgramme;
    if (known >= from || known === -1) return known;
    this.#nextProgramme = this.#programmes.find(PROGRAMME, from, this.bytes.length);
    return this.#nextProgramme;
  }

  /** Keeps the name, the quotes and the value of the id just read. */
  #remember(at: number): void {
    const start = this.idStart - ID_PREFIX.length;
    const usual = this.idStart > 0 && sameBytes(this.bytes, start, ID_PREFIX, 0, ID_PREFIX.length - 1);
    const text = usual ? this.bytes.subarray(start, this.idEnd + 1) : ID_PREFIX;
    this.repeated = text.length === this.#id.length && sameBytes(text, 0, this.#id, 0, text.length) && usual;
    this.#idOffset = start - at;
    if (!this.repeated) this.#id = usual ? Buffer.from(text) : Buffer.alloc(0);
  }

  /** Does the same id stand at the same place as in the last programme? */
  #repeats(at: number): boolean {
    const id = this.#id;
    const start = at + this.#idOffset;
    if (id.length === 0 || !isSpace(this.bytes[start - 1] as number)) return false;
    if (!sameBytes(this.bytes, start, id, 0, id.length)) return false;
    this.idStart = start + ID_PREFIX.length;
    this.idEnd = start + id.length - 1;
    return true;
  }

  /** Reads `fromStart` and `toStart`; for sinks that want them, once they know that they want the programme. */
  readTimes(): void {
    this.#readTag(this.start + PROGRAMME.length, this.end);
  }

  /** Where the end tag of a programme ends, if nothing but white space stands between it and `before`; else -1. */
  #endBefore(before: number): number {
    const { bytes } = this;
    let end = before;
    while (end > 0 && isSpace(bytes[end - 1] as number)) end--;
    let at = end - 1;
    if (bytes[at] !== GT) return -1;
    do at--;
    while (isSpace(bytes[at] as number));
    for (let i = PROGRAMME_END.length - 1; i >= 0; i--) if (bytes[at--] !== PROGRAMME_END[i]) return -1;
    return end;
  }

  #unclosed(start: number, end: number, programme: boolean): number {
    // The end tag was looked for beyond what turned out to be the end.
    this.#inside.rewind();
    this.#sink.lost("element not closed");
    return this.#found(start, end, false, programme, Number.POSITIVE_INFINITY);
  }

  #found(start: number, end: number, closed: boolean, programme: boolean, tagEnd = 0): number {
    // A quote that is not closed has swallowed the end tag: what was read beyond it is not the element's.
    if (end < tagEnd) this.#readTag(start + (programme ? PROGRAMME : CHANNEL).length, end);
    if (programme) this.#remember(start);
    return this.#tell(start, end, closed, programme);
  }

  #tell(start: number, end: number, closed: boolean, programme: boolean): number {
    this.start = start;
    this.end = end;
    this.closed = closed;
    if (programme) this.#sink.programme(this);
    else this.#sink.channel(this);
    return end;
  }

  /** Reads the attributes that matter. Returns the offset after `>`, or -1 when the tag is not whole before `bound`. */
  #readTag(from: number, bound: number): number {
    const { bytes } = this;
    this.idStart = this.fromStart = this.toStart = -1;
    let at = from;
    for (;;) {
      while (at < bound && isSpace(bytes[at] as number)) at++;
      if (at >= bound) return -1;
      if (bytes[at] === GT) return at + 1;
      const name = at;
      let byte = bytes[at];
      while (at < bound && byte !== EQUALS && byte !== GT && byte !== SLASH && !isSpace(byte as number)) byte = bytes[++at];
      const nameEnd = at;
      while (at < bound && isSpace(bytes[at] as number)) at++;
      if (bytes[at] !== EQUALS) {
        if (at === name) at++;
        continue;
      }
      at++;
      while (at < bound && isSpace(bytes[at] as number)) at++;
      const quote = bytes[at];
      if (quote !== QUOT && quote !== APOS) continue;
      const value = ++at;
      while (at < bound && bytes[at] !== quote) at++;
      if (at >= bound) return -1;
      this.#attribute(name, nameEnd, value, at);
      at++;
    }
  }

  #attribute(name: number, nameEnd: number, value: number, end: number): void {
    const { bytes } = this;
    const length = nameEnd - name;
    const first = bytes[name];
    // channel, id, start, stop: told apart by length and letters, which no other attribute of the format shares.
    if ((length === 7 && first === 0x63 && bytes[name + 2] === 0x61) || (length === 2 && first === 0x69)) {
      if (this.idStart < 0) [this.idStart, this.idEnd] = [value, end];
    } else if (first === 0x73 && bytes[name + 1] === 0x74) {
      if (length === 5 && bytes[name + 4] === 0x74 && this.fromStart < 0) [this.fromStart, this.fromEnd] = [value, end];
      else if (length === 4 && bytes[name + 3] === 0x70 && this.toStart < 0) [this.toStart, this.toEnd] = [value, end];
    }
  }
}
