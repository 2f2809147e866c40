// Where kept programmes wait: compressed on other threads in parts that can each be inflated alone, one file for all.
import { Buffer } from "node:buffer";
import { closeSync, openSync, writeSync } from "node:fs";
import { constants, crc32, deflateRaw, deflateRawSync } from "node:zlib";
import type { Part, Stretch } from "./parts.ts";

/** A part and the stretches in it, by output channel. */
export interface SpooledPart extends Part {
  readonly stretches: ReadonlyMap<number, Omit<Stretch, "part" | "channel">>;
}

/** Replaces `[start, end)` of a programme's bytes. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

/** Bytes of all parts being filled at once, and the size of one. */
const ALL = 8 * 1024 * 1024;
const LARGEST = 512 * 1024;
const SMALLEST = 32 * 1024;
/** Parts being compressed at once, and parts beyond which no other thread is waited for. */
const IN_FLIGHT = 3;
const TOO_MANY = 16;

/** A part while it is being filled. */
interface Filling {
  buffer: Buffer;
  used: number;
  stretches: Map<number, Omit<Stretch, "part" | "channel">>;
  /** The run of one channel at the end of the part: where it begins, and its latest start. */
  run: number;
  runStart: number;
  latest: number;
}

export class Spool {
  readonly parts: SpooledPart[] = [];
  readonly #file: number;
  readonly #size: number;
  readonly #level: (spooled: number) => number;
  readonly #filling = new Map<number, Filling>();
  readonly #spare: Buffer[] = [];
  #written = 0;
  #spooled = 0;
  #flying = 0;
  #tail: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  /** `level` is asked for every part, and told how many bytes have been spooled. */
  constructor(path: string, sets: number, level: (spooled: number) => number) {
    this.#file = openSync(path, "w");
    this.#size = Math.min(LARGEST, Math.max(SMALLEST, Math.floor(ALL / Math.max(1, sets))));
    this.#level = level;
  }

  /**
   * Adds one programme to the parts of a set: a range of bytes with edits, in order. Times in seconds. False when the same
   * bytes stand in the run of the channel that the part ends with.
   */
  add(
    set: number,
    channel: number,
    from: number,
    to: number,
    bytes: Buffer,
    start: number,
    end: number,
    edits: readonly Edit[],
  ): boolean {
    let length = end - start + 3;
    for (const edit of edits) length += edit.text.length - (edit.end - edit.start);
    let part = this.#filling.get(set);
    if (part && part.used + length > part.buffer.length) {
      this.#compress(set, part);
      part = undefined;
    }
    if (!part) {
      const spare = this.#spare.pop();
      const buffer = spare && spare.length >= length ? spare : Buffer.allocUnsafeSlow(Math.max(this.#size, length));
      part = { buffer, used: 0, stretches: new Map(), run: -1, runStart: 0, latest: 0 };
      this.#filling.set(set, part);
    }
    const { buffer } = part;
    let at = part.used;
    buffer[at++] = 0x20;
    buffer[at++] = 0x20;
    let done = start;
    for (const edit of edits) {
      at = copy(bytes, done, edit.start, buffer, at);
      at = copy(edit.text, 0, edit.text.length, buffer, at);
      done = edit.end;
    }
    at = copy(bytes, done, end, buffer, at);
    buffer[at++] = 0x0a;
    if (part.run !== channel) {
      part.run = channel;
      part.runStart = part.used;
      part.latest = from;
    } else if (from > part.latest) {
      part.latest = from;
    } else if (buffer.subarray(part.runStart, part.used).includes(buffer.subarray(part.used, at))) {
      // Runs rise in time, so that it is seldom looked whether a programme stands there already.
      return false;
    }
    part.used = at;
    const stretch = part.stretches.get(channel);
    if (!stretch) part.stretches.set(channel, { count: 1, from, to });
    else {
      stretch.count++;
      if (from < stretch.from) stretch.from = from;
      if (to > stretch.to) stretch.to = to;
    }
    return true;
  }

  /** Resolves when few enough parts are being compressed; rejects when one could not be written. */
  async drained(upTo = IN_FLIGHT): Promise<void> {
    while (this.#flying > upTo) await this.#tail;
    if (this.#failure) throw this.#failure.error;
  }

  /** Finishes every part. What is added afterwards begins new ones. */
  async flush(): Promise<void> {
    for (const [set, part] of this.#filling) this.#compress(set, part);
    await this.drained(0);
  }

  close(): void {
    closeSync(this.#file);
  }

  #compress(set: number, { buffer, used, stretches }: Filling): void {
    this.#filling.delete(set);
    const content = buffer.subarray(0, used);
    const crc = crc32(content);
    this.#spooled += used;
    const options = { level: this.#level(this.#spooled), chunkSize: 128 * 1024, finishFlush: constants.Z_SYNC_FLUSH };
    const write = (packed: Buffer) => {
      for (let at = 0; at < packed.length; ) at += writeSync(this.#file, packed, at);
      this.parts.push({ offset: this.#written, bytes: packed.length, size: used, crc, set, stretches });
      this.#written += packed.length;
      if (buffer.length === this.#size && this.#spare.length < IN_FLIGHT) this.#spare.push(buffer);
    };
    // One programme may go to so many ids that waiting for the threads would pile up memory.
    const packed =
      this.#flying >= TOO_MANY
        ? Promise.resolve(deflateRawSync(content, options))
        : new Promise<Buffer>((resolve, reject) => {
            deflateRaw(content, options, (error, result) => (error ? reject(error) : resolve(result)));
          });
    this.#flying++;
    this.#tail = this.#tail
      .then(async () => write(await packed))
      .catch((error) => {
        this.#failure ??= { error };
      })
      .then(() => {
        this.#flying--;
      });
    packed.catch(() => {});
  }
}

/** Copies a range; short ones byte by byte, which is quicker than to call for it. Returns where it ends. */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > 96) return at + from.copy(to, at, start, end);
  for (let i = start; i < end; i++) to[at++] = from[i] as number;
  return at;
}
