// Finds the `channel` and `programme` elements of a UTF-8 XMLTV document in chunks, without reading what is inside them.
import { Buffer } from "node:buffer";
import { BANG, LT, needle, QUERY, SLASH } from "./bytes.ts";
import { Hidden, Markup } from "./markup.ts";
import { type Places, Run, readStartTag } from "./start-tag.ts";

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
export class Scanner implements Places {
  /** The bytes of the element: `bytes[start, end)`; valid during a call of the sink. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** The times only after `readTimes()`. */
  idStart = -1;
  idEnd = -1;
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
  readonly #hidden = new Hidden();
  readonly #programmes = new Markup(this.#hidden);
  readonly #channels = new Markup(this.#hidden);
  readonly #inside = new Markup(this.#hidden);
  #final = false;
  /** The next programme and channel, once looked up; -2 when not, -1 when there is none in the buffer. */
  #nextProgramme = UNKNOWN;
  #nextChannel = UNKNOWN;
  readonly #run = new Run();

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
    this.#hidden.reset(bytes);
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
        this.#forget();
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
    if (next >= 0 && bound - at <= NEAR && this.#run.repeats(bytes, at, this)) {
      const end = this.#inside.endBefore(PROGRAMME_END, bound);
      if (end > this.idEnd && this.#inside.plain(from, bound)) {
        this.repeated = true;
        return this.#tell(at, end, true);
      }
    }
    const tagEnd = readStartTag(bytes, from, bound, this);
    if (tagEnd < 0) return next < 0 && !this.#final ? -1 : this.#unclosed(at, bound, true);
    if (bytes[tagEnd - 2] === SLASH) return this.#empty(at, from, tagEnd, true);
    // Nearly always the end tag stands right before the next programme, which saves looking for it from the front.
    if (bound - at <= NEAR) {
      if (next < 0 && !this.#final) return -1;
      const end = this.#inside.endBefore(PROGRAMME_END, bound);
      if (end >= tagEnd && this.#inside.plain(from, bound)) return this.#found(at, end, true);
    }
    // From the tag's start, not its end: what hides tags must be the same for every look-up, also in a broken tag.
    const end = this.#inside.endOf(PROGRAMME_END, from, bound);
    if (end >= 0) return this.#found(at, end, true, tagEnd);
    if (next < 0 && !this.#final) return -1;
    this.#inside.rewind();
    const channel = this.#inside.find(CHANNEL, from, bound);
    return this.#unclosed(at, channel < 0 ? bound : channel, true);
  }

  #channel(at: number): number {
    const { bytes } = this;
    const from = at + CHANNEL.length;
    const programme = this.#programmeAfter(from);
    if (this.#nextChannel < from && this.#nextChannel !== -1)
      this.#nextChannel = this.#channels.find(CHANNEL, from, bytes.length);
    const channel = this.#nextChannel;
    const next = channel < 0 || (programme >= 0 && programme < channel) ? programme : channel;
    const bound = next < 0 ? bytes.length : next;
    const tagEnd = readStartTag(bytes, from, bound, this);
    if (tagEnd < 0) return next < 0 && !this.#final ? -1 : this.#unclosed(at, bound, false);
    if (bytes[tagEnd - 2] === SLASH) return this.#empty(at, from, tagEnd, false);
    const end = this.#inside.endOf(CHANNEL_END, from, bound);
    if (end >= 0) return this.#found(at, end, false, tagEnd);
    return next < 0 && !this.#final ? -1 : this.#unclosed(at, bound, false);
  }

  #programmeAfter(from: number): number {
    const known = this.#nextProgramme;
    if (known >= from || known === -1) return known;
    this.#nextProgramme = this.#programmes.find(PROGRAMME, from, this.bytes.length);
    return this.#nextProgramme;
  }

  /** Reads `fromStart` and `toStart`; for sinks that want them, once they know that they want the programme. */
  readTimes(): void {
    if (this.repeated && this.#run.repeatsTimes(this.bytes, this.start, this)) return;
    readStartTag(this.bytes, this.start + PROGRAMME.length, this.end, this);
    this.#run.rememberTimes(this.start, this);
  }

  /** An element whose tag ends with `/>`. */
  #empty(start: number, from: number, end: number, programme: boolean): number {
    const plain = this.#inside.plain(from, end);
    this.#found(start, end, programme);
    // A broken tag: what seemed to begin in it does not hide what follows.
    if (!plain) this.#forget();
    return end;
  }

  /** Nothing that was looked up ahead holds any more. */
  #forget(): void {
    this.#nextProgramme = this.#nextChannel = UNKNOWN;
    for (const markup of [this.#programmes, this.#channels, this.#inside]) markup.rewind();
  }

  #unclosed(start: number, end: number, programme: boolean): number {
    // The end tag was looked for beyond what turned out to be the end.
    this.#inside.rewind();
    this.#sink.lost("element not closed");
    return this.#found(start, end, programme, Number.POSITIVE_INFINITY);
  }

  #found(start: number, end: number, programme: boolean, tagEnd = 0): number {
    // A quote that is not closed has swallowed the end tag: what was read beyond it is not the element's.
    if (end < tagEnd) {
      readStartTag(this.bytes, start + (programme ? PROGRAMME : CHANNEL).length, end, this);
    }
    if (programme) this.repeated = this.#run.remember(this.bytes, start, this);
    return this.#tell(start, end, programme);
  }

  #tell(start: number, end: number, programme: boolean): number {
    this.start = start;
    this.end = end;
    if (programme) this.#sink.programme(this);
    else this.#sink.channel(this);
    return end;
  }
}
