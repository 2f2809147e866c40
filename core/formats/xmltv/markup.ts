// Looks for tags outside comments, CDATA sections and processing instructions, each looked up once and remembered.
import type { Buffer } from "node:buffer";
import { BANG, DASH, GT, isSpace, LT, type Needle, needle, QUERY, SLASH, searchesBytes } from "./bytes.ts";

const DECLARATION = needle("<!");
const INSTRUCTION = needle("<?");
const COMMENT_CLOSER = needle("-->");
const SECTION_CLOSER = needle("]]>");
const INSTRUCTION_CLOSER = needle("?>");
const DECLARATION_CLOSER = needle(">");
/** An instruction or declaration that is longer than this is taken for a stray `<?` or `<!`. */
const MAX_SHORT = 1 << 16;
/** Exclamation and question marks of the text that are looked at, in one buffer. */
const MAX_MARKS = 256;

export const endsName = (byte: number | undefined): boolean =>
  byte === GT || byte === SLASH || (byte !== undefined && isSpace(byte));

/** One buffer, and where the markup that may hide tags starts in it: each `<!` and `<?`, looked up once for all. */
export class Hidden {
  starts = new Int32Array(64);
  count = 0;
  #bytes: Buffer = needle("");
  #text = "";
  #marks = 0;

  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    if (!searchesBytes) this.#text = bytes.toString("latin1");
    this.count = 0;
    this.#marks = searchesBytes ? 0 : MAX_MARKS;
    let declaration = this.#opening(DECLARATION, BANG, 0);
    let instruction = this.#opening(INSTRUCTION, QUERY, 0);
    while (declaration >= 0 || instruction >= 0) {
      const first = instruction < 0 || (declaration >= 0 && declaration < instruction);
      this.#add(first ? declaration : instruction);
      if (first) declaration = this.#opening(DECLARATION, BANG, declaration + 2);
      else instruction = this.#opening(INSTRUCTION, QUERY, instruction + 2);
    }
  }

  /** The next `<` with this mark behind it. One byte is found seven times as fast as two, if the text has few of it. */
  #opening(both: Needle, mark: number, from: number): number {
    const bytes = this.#bytes;
    let at = from;
    for (; this.#marks < MAX_MARKS; this.#marks++) {
      at = bytes.indexOf(mark, at + 1);
      if (at < 0) return -1;
      if (bytes[at - 1] === LT) return at - 1;
    }
    return this.indexOf(both, at);
  }

  indexOf(needle: Needle, from: number): number {
    return searchesBytes ? this.#bytes.indexOf(needle, from) : this.#text.indexOf(needle.text, from);
  }

  #add(start: number): void {
    if (this.count === this.starts.length) {
      const grown = new Int32Array(this.count * 2);
      grown.set(this.starts);
      this.starts = grown;
    }
    this.starts[this.count++] = start;
  }
}

/** Finds tags in one buffer. Offsets must be asked for in rising order, which makes every look-up of hiding markup a step forward. */
export class Markup {
  readonly #hidden: Hidden;
  #bytes: Buffer = needle("");
  /** The first of the hidden starts that has not been passed. */
  #next = 0;

  constructor(hidden: Hidden) {
    this.#hidden = hidden;
  }

  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#next = 0;
  }

  /** Allows offsets to be asked for from the front again. */
  rewind(): void {
    this.#next = 0;
  }

  /** Does this tag, and not one whose name only begins so, start here? */
  isTag(tag: Buffer, at: number): boolean {
    const bytes = this.#bytes;
    for (let i = 1; i < tag.length; i++) if (bytes[at + i] !== tag[i]) return false;
    return endsName(bytes[at + tag.length]);
  }

  /** What closes the markup that starts with `<!` or `<?` here. */
  closer(at: number): Needle {
    const bytes = this.#bytes;
    if (bytes[at + 1] !== BANG) return INSTRUCTION_CLOSER;
    if (bytes[at + 2] === DASH && bytes[at + 3] === DASH) return COMMENT_CLOSER;
    if (bytes[at + 2] === 0x5b) return SECTION_CLOSER;
    return DECLARATION_CLOSER;
  }

  /** Where such an end tag ends, if nothing but white space stands between it and `before`; else -1. */
  endBefore(tag: Buffer, before: number): number {
    const bytes = this.#bytes;
    let end = before;
    while (end > 0 && isSpace(bytes[end - 1] as number)) end--;
    let at = end - 1;
    if (bytes[at] !== GT) return -1;
    do at--;
    while (isSpace(bytes[at] as number));
    for (let i = tag.length - 1; i >= 0; i--) if (bytes[at--] !== tag[i]) return -1;
    return end;
  }

  /** Is there no markup in `[from, to)` that could hide tags? */
  plain(from: number, to: number): boolean {
    const hidden = this.#hiddenAt(from);
    return hidden < 0 || hidden >= to;
  }

  /** Up to where from here on there is no markup that could hide tags. */
  plainUntil(from: number): number {
    const hidden = this.#hiddenAt(from);
    return hidden < 0 ? this.#bytes.length : hidden;
  }

  /** The offset after the next such end tag before `bound`, or -1; a tag without its `>` ends where it should stand. */
  endOf(tag: Needle, from: number, bound: number): number {
    const found = this.find(tag, from, bound);
    if (found < 0) return -1;
    let close = found + tag.length;
    while (close < bound && isSpace(this.#bytes[close] as number)) close++;
    // At the end of the buffer there may be more to come; at the next element there is not.
    if (close >= bound) return bound < this.#bytes.length ? bound : -1;
    return this.#bytes[close] === GT ? close + 1 : close;
  }

  /**
   * The next such tag at or after `from` and before `bound`, outside of what hides it; -1 when there is none in the buffer,
   * or none that is not hidden by something whose end is not there.
   */
  find(tag: Needle, from: number, bound: number): number {
    const bytes = this.#bytes;
    let at = from;
    let found = -1;
    for (;;) {
      if (found < at) found = this.#hidden.indexOf(tag, at);
      if (found < 0 || found >= bound) return -1;
      const hidden = this.#hiddenAt(at);
      if (hidden < 0 || found < hidden) {
        if (endsName(bytes[found + tag.length])) return found;
        at = found + 1;
        continue;
      }
      const after = this.after(hidden);
      if (after < 0) return -1;
      at = after;
    }
  }

  /** The next `<!` or `<?` at or after `from`, or -1. */
  #hiddenAt(from: number): number {
    const { starts, count } = this.#hidden;
    while (this.#next < count && (starts[this.#next] as number) < from) this.#next++;
    return this.#next < count ? (starts[this.#next] as number) : -1;
  }

  /** Comments and sections may be of any length; instructions and declarations are short, or stray. */
  isLong(closer: Buffer): boolean {
    return closer === COMMENT_CLOSER || closer === SECTION_CLOSER;
  }

  /** The offset after the markup that starts with `<!` or `<?` here, or -1 when its end is not in the buffer. */
  after(at: number): number {
    const closer = this.closer(at);
    const found = this.#hidden.indexOf(closer, at + (closer === COMMENT_CLOSER ? 4 : 2));
    const reached = found < 0 ? this.#bytes.length : found;
    if (!this.isLong(closer) && reached - at > MAX_SHORT) return at + 2;
    return found < 0 ? -1 : found + closer.length;
  }
}
