// Where kept programmes wait: compressed on other threads in parts that can each be inflated alone, one file for all.
import { Buffer } from "node:buffer";
import { closeSync, openSync, writeSync } from "node:fs";
import { constants, crc32, deflateRaw, deflateRawSync } from "node:zlib";
import type { Part, Stretch } from "./parts.ts";

/** A part and the stretches in it, by output channel. */
export interface SpooledPart extends Part {
  readonly stretches: ReadonlyMap<number, Omit<Stretch, "part" | "channel">>;
}

/** Bytes of all parts being filled at once, and the size of one. */
const ALL = 8 * 1024 * 1024;
const LARGEST = 512 * 1024;
const SMALLEST = 32 * 1024;
/** Parts being compressed at once, and parts beyond which no other thread is waited for. */
const IN_FLIGHT = 6;
const TOO_MANY = 16;

/** A part while it is being filled. */
interface Filling {
  buffer: Buffer;
  used: number;
  stretches: Map<number, Omit<Stretch, "part" | "channel">>;
  /** The run of one channel at the end of the part: its stretch, where it begins, and its latest start. */
  channel: number;
  stretch: Omit<Stretch, "part" | "channel">;
  runStart: number;
  latest: number;
}

/** Where a programme goes: the set of its channel, the channel's place, and the id it gets. */
export interface Place {
  readonly set: number;
  readonly place: number;
  readonly id: Buffer;
}

/** A programme and where its id stands in it. */
export interface Element {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly idStart: number;
  readonly idEnd: number;
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
   * Adds one programme to the parts of a set: `bytes[start, end)` with `[idStart, idEnd)` replaced by the id. Times in
   * seconds. False when the same bytes stand in the run of the channel that the part ends with.
   */
  add({ set, place: channel, id }: Place, from: number, to: number, element: Element): boolean {
    const { bytes, start, end, idStart, idEnd } = element;
    const length = end - start + id.length - (idEnd - idStart) + 3;
    let part = this.#filling.get(set);
    if (!part || part.used + length > part.buffer.length) part = this.#next(set, length);
    const { buffer, used } = part;
    buffer[used] = 0x20;
    buffer[used + 1] = 0x20;
    let at = used + 2;
    at += bytes.copy(buffer, at, start, idStart);
    at += id.copy(buffer, at);
    at += bytes.copy(buffer, at, idEnd, end);
    buffer[at++] = 0x0a;
    if (part.channel !== channel) this.#startRun(part, channel, from, to);
    else if (from <= part.latest) {
      // Runs rise in time, so that it is seldom looked whether a programme stands there already.
      if (buffer.subarray(part.runStart, used).includes(buffer.subarray(used, at))) return false;
    } else part.latest = from;
    part.used = at;
    const { stretch } = part;
    stretch.count++;
    if (from < stretch.from) stretch.from = from;
    if (to > stretch.to) stretch.to = to;
    return true;
  }

  /** A part with room for so many bytes, where there was none or not enough. */
  #next(set: number, length: number): Filling {
    const full = this.#filling.get(set);
    if (full) this.#compress(set, full);
    const spare = this.#spare.pop();
    const buffer = spare && spare.length >= length ? spare : Buffer.allocUnsafeSlow(Math.max(this.#size, length));
    const stretch = { count: 0, from: 0, to: 0 };
    const part = { buffer, used: 0, stretches: new Map(), channel: -1, stretch, runStart: 0, latest: 0 };
    this.#filling.set(set, part);
    return part;
  }

  #startRun(part: Filling, channel: number, from: number, to: number): void {
    part.channel = channel;
    part.runStart = part.used;
    part.latest = from;
    part.stretch = part.stretches.get(channel) ?? { count: 0, from, to };
    part.stretches.set(channel, part.stretch);
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
