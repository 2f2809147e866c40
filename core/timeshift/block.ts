// A block of a timeshift: a file of packets that is written in place again and again, and the lines that say what is in it.
import { Buffer } from "node:buffer";
import { packetLength } from "../formats/mpegts.ts";

/** Bytes of a block, unless it is said otherwise: whole packets in nearly 16 MiB. */
export const usualCapacity = Math.floor(2 ** 24 / packetLength) * packetLength;

/** Where bytes do not continue those before them, or time goes back. */
export interface Break {
  readonly offset: number;
  /** When what lies before it ended; undefined: at the end of the block before. */
  readonly before: number | undefined;
  /** False: only the clock was set back. */
  readonly splice: boolean;
}

/** Offsets in bytes; times in milliseconds since the Unix epoch, as the clock was when the bytes came. */
export interface Block {
  /** What its files are called. */
  readonly slot: number;
  /** Its place in what was recorded: higher is later, whatever the clock said. */
  readonly sequence: number;
  /** Bytes that it has room for. */
  readonly capacity: number;
  /** Bytes that are there. */
  size: number;
  /** Bytes of its index that count. */
  indexSize: number;
  /** Of its first and its last bytes; undefined while it has none. */
  from: number | undefined;
  to: number | undefined;
  /** Random-access points in order, and when they came. */
  readonly points: number[];
  readonly times: number[];
  /** Tables as they are from a point on: whole packets, their counters zero. */
  readonly tables: { readonly offset: number; readonly bytes: Uint8Array }[];
  readonly breaks: Break[];
  /** Nothing more is to be written to it. */
  ended: boolean;
  /** Written over, or deleted: what a reader has of it counts no more. */
  gone: boolean;
}

/** What came since the line before. */
export interface Line {
  /** The block's size with it. */
  readonly end: number;
  /** When its last bytes came. */
  readonly at: number;
  readonly points?: readonly (readonly [offset: number, at: number])[];
  /** In Base64. */
  readonly tables?: readonly (readonly [offset: number, packets: string])[];
  /** Its first bytes do not continue those before. */
  readonly gap?: boolean;
}

export function createBlock(slot: number, sequence: number, capacity: number): Block {
  const nothing = { size: 0, indexSize: 0, from: undefined, to: undefined, ended: false, gone: false };
  return { slot, sequence, capacity, ...nothing, points: [], times: [], tables: [], breaks: [] };
}

/** Whether a block begins with what comes after another's last byte: neither is anything lost between them, nor at its end. */
export function continues(block: Block, before: Block): boolean {
  return block.sequence === before.sequence + 1 && before.size === before.capacity;
}

/** The first line of a block's index. */
export function formatHead({ sequence, capacity }: Block): Uint8Array {
  return Buffer.from(`${JSON.stringify({ timeshift: 1, block: sequence, capacity })}\n`);
}

export function formatLine(line: Line): Uint8Array {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}

/** Adds to a block what a line says. False, and nothing is added, when it cannot be. */
export function applyLine(block: Block, line: Line): boolean {
  const { end, at, points = [], tables = [], gap = false } = line;
  const packets = tables.map(([offset, text]) => ({ offset, bytes: new Uint8Array(Buffer.from(text, "base64")) }));
  let last = block.size;
  const ordered = points.every(([offset, time]) => {
    const right = offset >= last && offset < end && Number.isFinite(time) && offset % packetLength === 0;
    last = offset;
    return right;
  });
  const whole = packets.every(({ bytes }) => bytes.length % packetLength === 0);
  const grows = Number.isSafeInteger(end) && end > block.size && end <= block.capacity && end % packetLength === 0;
  if (!grows || !ordered || !whole || !Number.isFinite(at)) return false;
  const back = block.to !== undefined && at < block.to;
  if (gap || back) block.breaks.push({ offset: block.size, before: block.to, splice: gap });
  for (const [offset, time] of points) {
    block.points.push(offset);
    block.times.push(time);
  }
  block.tables.push(...packets);
  block.from ??= points[0]?.[1] ?? at;
  block.to = at;
  block.size = end;
  return true;
}

/**
 * The block that an index tells of, as far as it can be read and the file holds it: a line that a kill or a power cut
 * tore ends it.
 *
 * @param fileSize bytes of the block's file
 * @returns undefined when it tells of nothing
 */
export function parseIndex(index: Uint8Array, slot: number, fileSize: number): Block | undefined {
  const bytes = Buffer.from(index.buffer, index.byteOffset, index.length);
  let block: Block | undefined;
  for (let at = 0, end = bytes.indexOf(10); end !== -1; at = end + 1, end = bytes.indexOf(10, at)) {
    const said = parseJson(bytes.toString("utf8", at, end));
    if (!block) {
      if (!isHead(said)) return undefined;
      block = createBlock(slot, said.block, said.capacity);
    } else if (!isLine(said) || said.end > fileSize || !applyLine(block, said)) break;
    block.indexSize = end + 1;
  }
  return block && block.size > 0 ? block : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isHead(value: unknown): value is { readonly block: number; readonly capacity: number } {
  if (!isRecord(value) || value.timeshift !== 1) return false;
  return [value.block, value.capacity].every((number) => Number.isSafeInteger(number) && Number(number) >= 0);
}

function isLine(value: unknown): value is Line {
  if (!isRecord(value)) return false;
  const { end, at, points = [], tables = [] } = value;
  const pairs = (list: unknown, second: "number" | "string") =>
    Array.isArray(list) &&
    list.every((pair) => Array.isArray(pair) && typeof pair[0] === "number" && typeof pair[1] === second);
  return typeof end === "number" && typeof at === "number" && pairs(points, "number") && pairs(tables, "string");
}
