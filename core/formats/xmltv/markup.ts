// Looks for tags outside comments, CDATA sections and processing instructions, each looked up once and remembered.
import type { Buffer } from "node:buffer";
import { BANG, DASH, GT, isSpace, needle, SLASH } from "./bytes.ts";

const DECLARATION = needle("<!");
const INSTRUCTION = needle("<?");
const COMMENT_CLOSER = needle("-->");
const SECTION_CLOSER = needle("]]>");
const INSTRUCTION_CLOSER = needle("?>");
const DECLARATION_CLOSER = needle(">");
/** An instruction or declaration that is longer than this is taken for a stray `<?` or `<!`. */
const MAX_SHORT = 1 << 16;

const endsName = (byte: number | undefined): boolean =>
  byte === GT || byte === SLASH || (byte !== undefined && isSpace(byte));

/** Finds tags in one buffer. Offsets must be asked for in rising order, which makes every look-up of hiding markup a step forward. */
export class Markup {
  #bytes: Buffer = needle("");
  #declaration = -1;
  #instruction = -1;

  reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.rewind();
  }

  /** Allows offsets to be asked for from the front again. */
  rewind(): void {
    this.#declaration = this.#instruction = -1;
  }

  /** Does this tag, and not one whose name only begins so, start here? */
  isTag(tag: Buffer, at: number): boolean {
    const bytes = this.#bytes;
    for (let i = 1; i < tag.length; i++) if (bytes[at + i] !== tag[i]) return false;
    return endsName(bytes[at + tag.length]);
  }

  /** What closes the markup that starts with `<!` or `<?` here. */
  closer(at: number): Buffer {
    const bytes = this.#bytes;
    if (bytes[at + 1] !== BANG) return INSTRUCTION_CLOSER;
    if (bytes[at + 2] === DASH && bytes[at + 3] === DASH) return COMMENT_CLOSER;
    if (bytes[at + 2] === 0x5b) return SECTION_CLOSER;
    return DECLARATION_CLOSER;
  }

  /** Is there no markup in `[from, to)` that could hide tags? */
  plain(from: number, to: number): boolean {
    const hidden = this.#hidden(from);
    return hidden < 0 || hidden >= to;
  }

  /** The offset after the `>` of the next such end tag before `bound`, or -1. */
  endOf(tag: Buffer, from: number, bound: number): number {
    const found = this.find(tag, from, bound);
    if (found < 0) return -1;
    let close = found + tag.length;
    while (close < bound && this.#bytes[close] !== GT) close++;
    return close >= bound ? -1 : close + 1;
  }

  /**
   * The next such tag at or after `from` and before `bound`, outside of what hides it; -1 when there is none in the buffer,
   * or none that is not hidden by something whose end is not there.
   */
  find(tag: Buffer, from: number, bound: number): number {
    const bytes = this.#bytes;
    let at = from;
    for (;;) {
      const found = bytes.indexOf(tag, at);
      const hidden = this.#hidden(at);
      if (hidden < 0 || (found >= 0 && found < hidden)) {
        if (found < 0 || found >= bound) return -1;
        if (endsName(bytes[found + tag.length])) return found;
        at = found + 1;
        continue;
      }
      if (hidden >= bound) return -1;
      const after = this.after(hidden);
      if (after < 0) return -1;
      at = after;
    }
  }

  /** The next `<!` or `<?` at or after `from`, or -1. */
  #hidden(from: number): number {
    const bytes = this.#bytes;
    if (this.#declaration < from) {
      const found = bytes.indexOf(DECLARATION, from);
      this.#declaration = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    if (this.#instruction < from) {
      const found = bytes.indexOf(INSTRUCTION, from);
      this.#instruction = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    const nearest = Math.min(this.#declaration, this.#instruction);
    return nearest === Number.POSITIVE_INFINITY ? -1 : nearest;
  }

  /** Comments and sections may be of any length; instructions and declarations are short, or stray. */
  isLong(closer: Buffer): boolean {
    return closer === COMMENT_CLOSER || closer === SECTION_CLOSER;
  }

  /** The offset after the markup that starts with `<!` or `<?` here, or -1 when its end is not in the buffer. */
  after(at: number): number {
    const closer = this.closer(at);
    const found = this.#bytes.indexOf(closer, at + (closer === COMMENT_CLOSER ? 4 : 2));
    const reached = found < 0 ? this.#bytes.length : found;
    if (!this.isLong(closer) && reached - at > MAX_SHORT) return at + 2;
    return found < 0 ? -1 : found + closer.length;
  }
}
