// The index of a guide: where its parts lie, and which channels' programmes are in which, over what times.
import { Buffer } from "node:buffer";

/** A piece of the deflate stream that can be inflated by itself. */
export interface Part {
  /** Where it lies in the file, in bytes. */
  offset: number;
  readonly bytes: number;
  /** Inflated. */
  readonly size: number;
  readonly crc: number;
  /** Which set of instances its programmes are for. */
  readonly set: number;
}

/** Programmes of one channel in one part; times in seconds since the Unix epoch. */
export interface Stretch {
  /** Place in the list of parts, and in that of ids. */
  readonly part: number;
  readonly channel: number;
  count: number;
  /** The earliest start and the latest stop (or start). */
  from: number;
  to: number;
}

/** What the index holds as JSON. */
export interface IndexHead {
  readonly ids: readonly string[];
  /** The instances of every set; the first set is for programmes of more combinations than are kept apart. */
  readonly sets: readonly (readonly string[])[];
  /** Which set each id belongs to. */
  readonly setOf: readonly number[];
}

const MAGIC = 0x48475831;
const PART_FIELDS = 5;
const STRETCH_FIELDS = 5;

/** The index as the bytes of a file: a head in JSON, then numbers. */
export function formatIndex(head: IndexHead, parts: readonly Part[], stretches: readonly Stretch[]): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const padded = Math.ceil(json.length / 8) * 8;
  const start = 16 + padded;
  const buffer = Buffer.alloc(start + parts.length * PART_FIELDS * 8 + stretches.length * STRETCH_FIELDS * 4);
  for (const [i, number] of [MAGIC, json.length, parts.length, stretches.length].entries())
    buffer.writeUInt32LE(number, i * 4);
  json.copy(buffer, 16);
  let at = start;
  for (const part of parts) {
    for (const number of [part.offset, part.bytes, part.size, part.crc, part.set])
      at = buffer.writeDoubleLE(number, at);
  }
  for (const s of [...stretches].sort((a, b) => a.channel - b.channel || a.part - b.part)) {
    for (const number of [s.part, s.channel, s.count, seconds(s.from), seconds(s.to)])
      at = buffer.writeUInt32LE(number, at);
  }
  return buffer;
}

const seconds = (value: number): number => Math.min(0xffffffff, Math.max(0, value));

/** A guide's index, read; memory grows with channels and parts, not with programmes. */
export class GuideIndex {
  readonly head: IndexHead;
  readonly parts: readonly Part[];
  readonly #stretches: Uint32Array;
  /** Where each channel's stretches begin. */
  readonly #starts: Uint32Array;
  #places: Map<string, number> | undefined;

  /** @throws Error when the bytes are no index. */
  constructor(bytes: Buffer) {
    if (bytes.length < 16 || bytes.readUInt32LE(0) !== MAGIC) throw new Error("not a guide index");
    const json = bytes.readUInt32LE(4);
    const partCount = bytes.readUInt32LE(8);
    const stretchCount = bytes.readUInt32LE(12);
    const start = 16 + Math.ceil(json / 8) * 8;
    const end = start + partCount * PART_FIELDS * 8 + stretchCount * STRETCH_FIELDS * 4;
    if (bytes.length !== end) throw new Error("a guide index of another size than it says");
    this.head = JSON.parse(bytes.toString("utf8", 16, 16 + json)) as IndexHead;
    this.parts = Array.from({ length: partCount }, (_, i) => {
      const number = (field: number) => bytes.readDoubleLE(start + (i * PART_FIELDS + field) * 8);
      return { offset: number(0), bytes: number(1), size: number(2), crc: number(3), set: number(4) };
    });
    const numbers = new Uint8Array(bytes.subarray(start + partCount * PART_FIELDS * 8));
    this.#stretches = new Uint32Array(numbers.buffer, 0, stretchCount * STRETCH_FIELDS);
    this.#starts = new Uint32Array(this.head.ids.length + 1);
    for (let i = 0; i < stretchCount; i++) {
      const after = (this.#stretches[i * STRETCH_FIELDS + 1] as number) + 1;
      this.#starts[after] = (this.#starts[after] as number) + 1;
    }
    for (let i = 1; i < this.#starts.length; i++)
      this.#starts[i] = (this.#starts[i] as number) + (this.#starts[i - 1] as number);
  }

  /** Where an id stands in the list, or -1. */
  place(id: string): number {
    this.#places ??= new Map(this.head.ids.map((known, place) => [known, place]));
    return this.#places.get(id) ?? -1;
  }

  /** The stretches of one channel. */
  *stretches(channel: number): Iterable<Stretch> {
    for (let i = this.#starts[channel] ?? 0; i < (this.#starts[channel + 1] ?? 0); i++) {
      const number = (field: number) => this.#stretches[i * STRETCH_FIELDS + field] as number;
      yield { part: number(0), channel, count: number(2), from: number(3), to: number(4) };
    }
  }
}
