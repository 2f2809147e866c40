// Finds the `channel` and `programme` elements of a UTF-8 XMLTV document in chunks, without reading what is inside them.
import { Buffer } from "node:buffer";
import { BANG, LT, type Needle, needle, QUERY, SLASH } from "./bytes.ts";
import { Carry } from "./carry.ts";
import { endsName, Hidden, Markup } from "./markup.ts";
import { Found, ID_PREFIX, Run, readStartTag } from "./start-tag.ts";

/** What the scanner met that a strict parser would stop at, or that no one could hold. */
export type ScanLoss = "element too large" | "element not closed" | "comment not closed";

/** Where a scanner tells what it found. The scanner's fields describe the element, and only during the call. */
export interface ScanSink {
  channel(scanner: Scanner): void;
  programme(scanner: Scanner): void;
  /** How many more of a run there were, after `skipRun`. */
  skipped?(count: number): void;
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
export class Scanner extends Found {
  /** True when the programme's id is the same text as the id of the programme before it: programmes come in runs. */
  repeated = false;
  /** Set by a sink during the call: programmes after this one with the same id are counted, and not told one by one. */
  skipRun = false;
  /** True when a `<tv` root has been met. */
  rooted = false;

  readonly #sink: ScanSink;
  readonly #carry = new Carry();
  /** What a comment or an oversized element ends with, while that is being waited for. */
  #seek: Needle | undefined;
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
  /** Does the programme's tag look like the one before? */
  #alike = false;

  constructor(sink: ScanSink) {
    super();
    this.#sink = sink;
  }

  /** Takes the next bytes of the document. They are read before the call returns, and may be reused after it. */
  push(chunk: Uint8Array): void {
    const carry = this.#carry;
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // Only the element that straddles the cut is copied; the rest of the chunk is scanned where it lies.
    let take = Math.max(4096, carry.size);
    while (carry.size > 0 && bytes.length > 0) {
      const had = carry.size;
      const added = Math.min(take, bytes.length);
      carry.add(bytes.subarray(0, added));
      const used = this.#scan(carry.bytes(), had);
      if (used >= had) {
        carry.size = 0;
        bytes = bytes.subarray(used - had);
        break;
      }
      carry.drop(used);
      bytes = bytes.subarray(added);
      take *= 4;
    }
    if (bytes.length === 0) return;
    carry.add(bytes.subarray(this.#scan(bytes, bytes.length)));
  }

  /** The document has ended: what is unfinished is taken as it is. */
  finish(): void {
    this.#final = true;
    this.#scan(this.#carry.bytes(), this.#carry.size);
    this.#carry.size = 0;
  }

  /** Scans from an element boundary; stops at the first boundary at or after `enough`. Returns how far it came. */
  #scan(bytes: Buffer, enough: number): number {
    const size = bytes.length;
    const markup = this.#inside;
    this.#hidden.reset(bytes);
    for (const each of [this.#programmes, this.#channels, markup]) each.reset(bytes);
    this.bytes = bytes;
    this.#nextProgramme = this.#nextChannel = UNKNOWN;
    let at = 0;
    while (at < enough) {
      if (this.#seek) {
        const found = this.#hidden.indexOf(this.#seek, at);
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
        next = this.#follow(at, enough);
        if (next === at) next = this.#programme(at);
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

  /**
   * Programmes as nearly all are: the tag looks like the one before as far as its id, so that it need not be read; the end
   * tag stands right before the next programme; and nothing hides tags. Returns where the first other one starts.
   */
  #follow(from: number, enough: number): number {
    const { bytes } = this;
    const run = this.#run;
    const bound = this.#inside.plainUntil(from);
    let count = 0;
    let at = from;
    while (at < enough && run.id.length > 0) {
      const next = this.#hidden.indexOf(PROGRAMME, at + PROGRAMME.length);
      if (next < 0 || next > bound || next - at > NEAR || !endsName(bytes[next + PROGRAMME.length])) break;
      const end = this.#inside.endBefore(PROGRAMME_END, next);
      this.repeated = run.repeats(bytes, at);
      if (!this.repeated) {
        if (!run.begins(bytes, at, end)) break;
        if (count > 0) this.#sink.skipped?.(count);
        count = 0;
        this.skipRun = false;
      }
      this.idStart = at + run.offset + ID_PREFIX.length;
      this.idEnd = at + run.offset + run.id.length - 1;
      if (end <= this.idEnd) break;
      if (this.skipRun) count++;
      else {
        this.#alike = true;
        this.start = at;
        this.end = end;
        this.#sink.programme(this);
      }
      at = next;
    }
    if (at > from) this.#nextProgramme = at;
    if (count > 0) this.#sink.skipped?.(count);
    return at;
  }

  #programme(at: number): number {
    const { bytes } = this;
    const from = at + PROGRAMME.length;
    const next = this.#programmeAfter(from);
    const bound = next < 0 ? bytes.length : next;
    this.repeated = false;
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
    if (this.#alike && this.#run.repeatsTimes(this.bytes, this.start, this)) return;
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
    if (end < tagEnd) readStartTag(this.bytes, start + (programme ? PROGRAMME : CHANNEL).length, end, this);
    this.#alike = false;
    this.start = start;
    this.end = end;
    if (programme) {
      this.repeated = this.#run.remember(this.bytes, start, this);
      if (!this.repeated) this.skipRun = false;
      this.#sink.programme(this);
    } else {
      // It may be about the run's own channel.
      this.skipRun = false;
      this.#sink.channel(this);
    }
    return end;
  }
}
