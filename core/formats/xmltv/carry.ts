// The unfinished element at the end of a chunk, kept until more of it comes.
import { Buffer } from "node:buffer";

export class Carry {
  /** How many bytes there are. */
  size = 0;
  #buffer: Buffer = Buffer.alloc(1 << 16);

  /** What is kept, as it lies here: good until something is added or dropped. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.size);
  }

  add(bytes: Buffer): void {
    const size = this.size + bytes.length;
    if (size > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(size, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.size);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.size);
    this.size = size;
  }

  /** Drops so many bytes from the front. */
  drop(used: number): void {
    this.#buffer.copyWithin(0, used, this.size);
    this.size -= used;
  }
}
