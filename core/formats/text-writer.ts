// Texts to UTF-8 one behind the other, for files of many short values: no text is made of them together, which would be garbage.
import { Buffer } from "node:buffer";

/** Bytes of a piece, about: little enough that making one takes no time to speak of. */
const size = 1 << 16;

/** Fills one buffer again and again. */
export class TextWriter {
  #bytes = Buffer.allocUnsafeSlow(size + size / 4);
  #length = 0;

  /** Whether a piece is full enough to be taken. */
  get full(): boolean {
    return this.#length >= size;
  }

  /** Writes a text; a lone surrogate becomes U+FFFD. */
  text(text: string): void {
    // No sign of UTF-16 takes more than three bytes.
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Writes the same few bytes again: `bytes` is UTF-8 already. For short ones; it beats encoding them. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const target = this.#bytes;
    let to = this.#length;
    for (let at = 0; at < bytes.length; at++) target[to++] = bytes[at] as number;
    this.#length = to;
  }

  /** What was written since the last time; it holds until something more is. */
  take(): Uint8Array {
    const piece = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return piece;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }
}

/**
 * Writes items in pieces of even size; each holds until the next is asked for.
 *
 * @example for (const piece of encodeItems(channels, (channel, to) => to.text(channel.name))) await file.write(piece);
 */
export function* encodeItems<Item>(
  items: readonly Item[],
  write: (item: Item, to: TextWriter) => void,
  head = "",
): Generator<Uint8Array> {
  const writer = new TextWriter();
  writer.text(head);
  for (let at = 0; at < items.length; ) {
    at = fill(items, at, write, writer);
    yield writer.take();
  }
  if (items.length === 0 && head) yield writer.take();
}

/** A loop of its own: one that yields takes far longer to be compiled. */
function fill<Item>(items: readonly Item[], from: number, write: (item: Item, to: TextWriter) => void, to: TextWriter) {
  let at = from;
  do write(items[at++] as Item, to);
  while (at < items.length && !to.full);
  return at;
}
