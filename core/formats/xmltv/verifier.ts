// Walks an element's bytes once and says whether they are well-formed XML 1.0 in UTF-8, and in the order of the DTD.
import { Buffer } from "node:buffer";
import {
  AMP,
  APOS,
  BANG,
  DASH,
  EQUALS,
  GT,
  isSpace,
  LT,
  nameClass,
  namePattern,
  QUERY,
  QUOT,
  RIGHT,
  SLASH,
  sameBytes,
} from "./bytes.ts";
import { characterEnd, ILLEGAL, referenceEnd } from "./characters.ts";
import { type Ranks, UNKNOWN_RANK } from "./order.ts";

/** What is wrong with an element. */
export type Flaw =
  | "bad reference"
  | "bad tag"
  | "bad nesting"
  | "illegal character"
  | "invalid UTF-8"
  | "bad comment"
  | "element cut short"
  | "too deep";

const MAX_DEPTH = 64;
const MAX_CHILDREN = 4096;

/** 1: cannot simply be passed over in text; 2: nor in an attribute's value. */
const textClass = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if ((byte < 32 && !isSpace(byte)) || byte >= 0x80 || byte === LT || byte === AMP) textClass[byte] = 1;
}
textClass[GT] = 1;

/** Reused from element to element; `verify()` leaves what it found in the fields. */
export class Verifier {
  /** Where the element ends: after its end tag. */
  end = 0;
  flaw: Flaw | undefined;
  /** True when the children are not in the order of the DTD. */
  misordered = false;
  /** The children: where the first one's white space starts, where each ends, what rank each has. */
  first = 0;
  count = 0;
  readonly ends = new Int32Array(MAX_CHILDREN);
  readonly ranks = new Uint8Array(MAX_CHILDREN);

  #bytes: Buffer = Buffer.alloc(0);
  #limit = 0;
  #depth = 0;
  readonly #names = new Int32Array(MAX_DEPTH * 2);
  /** Start and length of the attribute names of one tag. */
  readonly #attributes = new Int32Array(64);
  /** Hash and self-closing mark of the tag just read. */
  #hash = 0;
  #empty = false;

  /** Checks the element that starts at `start`; it must end at or before `limit`. */
  verify(bytes: Buffer, start: number, limit: number, ranks: Ranks): boolean {
    this.#bytes = bytes;
    this.#limit = limit;
    this.#depth = 0;
    this.count = 0;
    this.misordered = false;
    this.flaw = undefined;
    let at = start;
    let last = 0;
    let rank = 0;
    do {
      if (at >= limit) return this.#fail("element cut short");
      const second = bytes[at + 1] as number;
      if (second === SLASH) {
        at = this.#endTag(at);
        if (at < 0) return false;
        if (this.#depth === 1 && !this.#child(at, rank)) return false;
      } else if (second === BANG) {
        at = this.#hidden(at);
      } else if (second === QUERY) {
        at = this.#instruction(at);
      } else {
        at = this.#startTag(at);
        if (at < 0) return false;
        if (this.#depth === 1 && !this.#empty) this.first = at;
        else if (this.#depth === (this.#empty ? 1 : 2)) {
          rank = ranks.get(this.#hash) ?? UNKNOWN_RANK;
          if (rank < last) this.misordered = true;
          else last = rank;
          if (this.#empty && !this.#child(at, rank)) return false;
        }
      }
      if (at < 0) return false;
      if (this.#depth > 0) at = this.#text(at);
      if (at < 0) return false;
    } while (this.#depth > 0);
    this.end = at;
    return true;
  }

  #fail(flaw: Flaw): false {
    this.flaw = flaw;
    return false;
  }

  #bad(flaw: Flaw): -1 {
    this.flaw = flaw;
    return -1;
  }

  #child(end: number, rank: number): boolean {
    if (this.count === MAX_CHILDREN) return this.#fail("too deep");
    this.ends[this.count] = end;
    this.ranks[this.count++] = rank;
    return true;
  }

  /** Text up to the next `<`. */
  #text(from: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let at = from;
    for (;;) {
      while (at < limit && textClass[bytes[at] as number] === 0) at++;
      if (at >= limit) return this.#bad("element cut short");
      const byte = bytes[at] as number;
      if (byte === LT) return at;
      if (byte === GT) {
        if (at - from >= 2 && bytes[at - 1] === RIGHT && bytes[at - 2] === RIGHT) return this.#bad("illegal character");
        at++;
        continue;
      }
      // Two bytes, as most letters beyond ASCII have.
      if (byte >= 0xc2 && byte < 0xe0 && at + 1 < limit && ((bytes[at + 1] as number) & 0xc0) === 0x80) {
        at += 2;
        continue;
      }
      at = byte === AMP ? this.#reference(at) : this.#character(at);
      if (at < 0) return -1;
    }
  }

  /** A value up to its closing quote. */
  #value(from: number, quote: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let at = from;
    while (at < limit) {
      const byte = bytes[at] as number;
      if (byte === quote) return at;
      if (textClass[byte] === 0 || byte === GT) at++;
      else {
        if (byte === LT) return this.#bad("bad tag");
        at = byte === AMP ? this.#reference(at) : this.#character(at);
        if (at < 0) return -1;
      }
    }
    return this.#bad("element cut short");
  }

  #startTag(from: number): number {
    const bytes = this.#bytes;
    let at = this.#name(from + 1);
    if (at < 0) return -1;
    const hash = this.#hash;
    const names = this.#names;
    const start = from + 1;
    const length = at - start;
    let count = 0;
    for (;;) {
      const before = at;
      while (isSpace(bytes[at] as number)) at++;
      const byte = bytes[at];
      if (at >= this.#limit) return this.#bad("element cut short");
      if (byte === GT || (byte === SLASH && bytes[at + 1] === GT)) break;
      if (at === before) return this.#bad("bad tag");
      const name = at;
      at = this.#name(at);
      if (at < 0) return -1;
      for (let i = 0; i < count; i += 2) {
        if (
          this.#attributes[i + 1] === at - name &&
          sameBytes(bytes, this.#attributes[i] as number, bytes, name, at - name)
        ) {
          return this.#bad("bad tag");
        }
      }
      if (count === this.#attributes.length) return this.#bad("bad tag");
      this.#attributes[count++] = name;
      this.#attributes[count++] = at - name;
      while (isSpace(bytes[at] as number)) at++;
      if (bytes[at] !== EQUALS) return this.#bad("bad tag");
      do at++;
      while (isSpace(bytes[at] as number));
      const quote = bytes[at] as number;
      if (quote !== QUOT && quote !== APOS) return this.#bad("bad tag");
      at = this.#value(at + 1, quote);
      if (at < 0) return -1;
      at++;
    }
    this.#hash = hash;
    this.#empty = bytes[at] === SLASH;
    if (this.#empty) return at + 2;
    if (this.#depth === MAX_DEPTH) return this.#bad("too deep");
    names[this.#depth * 2] = start;
    names[this.#depth * 2 + 1] = length;
    this.#depth++;
    return at + 1;
  }

  #endTag(from: number): number {
    const bytes = this.#bytes;
    this.#depth--;
    const length = this.#names[this.#depth * 2 + 1] as number;
    let at = from + 2;
    if (!sameBytes(bytes, at, bytes, this.#names[this.#depth * 2] as number, length)) return this.#bad("bad nesting");
    at += length;
    while (isSpace(bytes[at] as number)) at++;
    if (at >= this.#limit) return this.#bad("element cut short");
    return bytes[at] === GT ? at + 1 : this.#bad("bad nesting");
  }

  /** Reads a name, hashing it; -1 when there is none. */
  #name(from: number): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let hash = 0x811c9dc5;
    let wide = false;
    let at = from;
    for (let kind = nameClass[bytes[at] as number]; at < limit && kind; kind = nameClass[bytes[++at] as number]) {
      if (kind === 3) wide = true;
      hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    }
    if (at === from || nameClass[bytes[from] as number] === 2) return this.#bad("bad tag");
    if (wide) {
      for (let i = from; i < at; ) {
        i = (bytes[i] as number) < 0x80 ? i + 1 : this.#character(i);
        if (i < 0) return -1;
      }
      if (!namePattern.test(bytes.toString("utf8", from, at))) return this.#bad("bad tag");
    }
    this.#hash = hash | 0;
    return at;
  }

  #reference(from: number): number {
    const end = referenceEnd(this.#bytes, from);
    return end < 0 ? this.#bad("bad reference") : end;
  }

  #character(at: number): number {
    const end = characterEnd(this.#bytes, at, this.#limit);
    return end >= 0 ? end : this.#bad(end === ILLEGAL ? "illegal character" : "invalid UTF-8");
  }

  /** A comment or a CDATA section. */
  #hidden(from: number): number {
    const bytes = this.#bytes;
    const comment = bytes[from + 2] === DASH && bytes[from + 3] === DASH;
    if (!comment && bytes.toString("latin1", from, from + 9) !== "<![CDATA[") return this.#bad("bad comment");
    const mark = comment ? DASH : RIGHT;
    let at = from + (comment ? 4 : 9);
    while (at < this.#limit) {
      const byte = bytes[at] as number;
      if (byte === mark && bytes[at + 1] === mark) {
        if (bytes[at + 2] === GT) return at + 3;
        if (comment) return this.#bad("bad comment");
      }
      if (textClass[byte] === 0 || byte === AMP || byte === LT || byte === GT) at++;
      else at = this.#character(at);
      if (at < 0) return -1;
    }
    return this.#bad("element cut short");
  }

  #instruction(from: number): number {
    const bytes = this.#bytes;
    let at = this.#name(from + 2);
    if (at < 0) return -1;
    if (bytes.toString("latin1", from + 2, at).toLowerCase() === "xml") return this.#bad("bad comment");
    if (!isSpace(bytes[at] as number) && bytes[at] !== QUERY) return this.#bad("bad comment");
    while (at < this.#limit) {
      if (bytes[at] === QUERY && bytes[at + 1] === GT) return at + 2;
      at = (bytes[at] as number) >= 32 && (bytes[at] as number) < 0x80 ? at + 1 : this.#character(at);
      if (at < 0) return -1;
    }
    return this.#bad("element cut short");
  }
}
