// Writes a stream to a channel's blocks: finds its random-access points, gathers, and never waits for a disk that refuses.
import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { createProgrammeReader, programmeFlags } from "../formats/keyframe.ts";
import { packetLength, writeCounter } from "../formats/mpegts.ts";
import type { Clock, Logger } from "../plugin.ts";
import { diskReason } from "../replacement.ts";
import { applyLine, type Block, formatHead, formatLine, type Line } from "./block.ts";
import type { Store } from "./store.ts";

export interface Writer {
  /** Takes whole packets. Never throws for the disk: what it refuses is a gap. */
  append(packets: Uint8Array): Promise<void>;
  /** What follows does not continue what came before. */
  gap(): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

export interface WriterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The channel's name. */
  readonly channel: string;
}

/** A random-access point in what is being added, and the tables before it. */
interface Point {
  readonly offset: number;
  readonly at: number;
  readonly tables: Uint8Array;
}

/** What is written at once, at most: bytes, and milliseconds for which they are gathered. */
const flushBytes = 512 * 1024;
const flushPause = 1000;
/** How long a disk that refused is left in peace. */
const restPause = 10_000;
/** Points of a stream without pictures are at least so far apart: milliseconds. */
const soundPause = 500;
/** A clock that goes back by less is waited for. */
const patience = 2000;

export function createWriter(o: WriterOptions): Writer {
  const { store, clock, log } = o;
  let programme = createProgrammeReader();
  let file: OpenBlock | undefined;
  let parts: Uint8Array[] = [];
  let pending = 0;
  let points: Point[] = [];
  let gap = true;
  /** Nothing is taken before a random-access point. */
  let waiting = false;
  let restUntil: number | undefined;
  let refused = false;
  let flushedAt = clock.monotonic();
  let pointAt = Number.NEGATIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;

  /** The clock's time, but not a little before the last one. */
  function stamp(): number {
    const now = clock.now();
    last = now < last && now >= last - patience ? last : now;
    return last;
  }

  /** PAT and PMT as last seen; their counters say nothing where they are read later. */
  function tables(): Uint8Array {
    const { pat, pmt } = programme;
    const all = new Uint8Array(Buffer.concat(pat ? [pat, ...pmt] : []));
    for (let at = 0; at < all.length; at += packetLength) writeCounter(all, at, 0);
    return all;
  }

  function findPoints(packets: Uint8Array, at: number): Point[] {
    const found: Point[] = [];
    for (let offset = 0; offset < packets.length; offset += packetLength) {
      if ((programme.read(packets, offset) & programmeFlags.randomAccess) === 0) continue;
      const now = clock.monotonic();
      if (!programme.hasVideo && now - pointAt < soundPause) continue;
      pointAt = now;
      found.push({ offset, at, tables: tables() });
    }
    return found;
  }

  async function flush(now: number): Promise<void> {
    flushedAt = clock.monotonic();
    if (!file || pending === 0) return;
    const { block } = file;
    const line: Line = {
      end: block.size + pending,
      at: now,
      points: points.map(({ offset, at }) => [offset, at] as const),
      tables: changedTables(block, points),
      ...(gap ? { gap } : {}),
    };
    const written = parts;
    parts = [];
    pending = 0;
    points = [];
    await file.write(written, line);
    gap = false;
    applyLine(block, line);
    if (refused) log.info(`${o.channel}: its timeshift goes on`);
    refused = false;
    store.notify();
    if (block.size === block.capacity) await shut();
  }

  async function shut(): Promise<void> {
    const closing = file;
    file = undefined;
    await closing?.close();
  }

  /** Puts packets into blocks. @throws what the disk said */
  async function put(packets: Uint8Array, found: readonly Point[], now: number): Promise<void> {
    for (let at = 0; at < packets.length; ) {
      file ??= await openBlock(store);
      const { size, capacity } = file.block;
      const end = Math.min(packets.length, at + capacity - size - pending);
      for (const point of found)
        if (point.offset >= at && point.offset < end)
          points.push({ ...point, offset: size + pending + point.offset - at });
      parts.push(packets.subarray(at, end));
      pending += end - at;
      at = end;
      if (size + pending === capacity || pending >= flushBytes) await flush(now);
    }
    if (clock.monotonic() - flushedAt >= flushPause) await flush(now);
  }

  async function lose(error: unknown): Promise<void> {
    const block = file?.block;
    [parts, pending, points, gap] = [[], 0, [], true];
    restUntil = clock.monotonic() + restPause;
    await shut().catch(() => {});
    const isFull = error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
    if (isFull && block) await store.full(block).catch(() => {});
    // At once, where there are blocks to write over; else when there may be room again.
    if (isFull && store.spare) restUntil = undefined;
    waiting = true;
    if (!refused) log.warn(`${o.channel}: its timeshift has a gap: ${diskReason(error)}`);
    refused = true;
  }

  return {
    gap() {
      programme = createProgrammeReader();
      pointAt = Number.NEGATIVE_INFINITY;
      gap = true;
    },

    async append(packets) {
      const now = stamp();
      const found = findPoints(packets, now);
      if (restUntil !== undefined && clock.monotonic() < restUntil) return;
      restUntil = undefined;
      try {
        const [first] = found;
        if (!waiting) return await put(packets, found, now);
        if (!first) return;
        waiting = false;
        const shift = first.tables.length - first.offset;
        const moved = found.map((point) => ({ ...point, offset: point.offset + shift }));
        await put(Buffer.concat([first.tables, packets.subarray(first.offset)]), moved, now);
      } catch (error) {
        await lose(error);
      }
    },

    async close() {
      try {
        await flush(stamp());
      } catch (error) {
        await lose(error);
      }
      await shut().catch(() => {});
    },
  };
}

/** The tables of points that differ from those before, as a line has them. */
function changedTables(block: Block, points: readonly Point[]): [number, string][] {
  let before = block.tables.at(-1)?.bytes;
  const changed: [number, string][] = [];
  for (const { offset, tables } of points) {
    if (tables.length === 0 || (before && Buffer.compare(before, tables) === 0)) continue;
    before = tables;
    changed.push([offset, Buffer.from(tables).toString("base64")]);
  }
  return changed;
}

interface OpenBlock {
  readonly block: Block;
  /** Adds packets, then the line that says so. @throws what the disk said */
  write(parts: readonly Uint8Array[], line: Line): Promise<void>;
  close(): Promise<void>;
}

/** @throws what the disk said */
async function openBlock(store: Store): Promise<OpenBlock> {
  const block = await store.room();
  if (!block) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  const data = await openFile(store.dataPath(block), block.size === 0);
  if (!data) {
    // Somebody took the file away: what it held is lost, and nothing else.
    await store.drop(block);
    return await openBlock(store);
  }
  let index: FileHandle;
  try {
    index = await open(store.indexPath(block), block.size === 0 ? "w" : "r+", 0o600);
    // What a kill tore goes first; of a block that is written over, everything.
    await index.truncate(block.indexSize);
  } catch (error) {
    await data.close();
    throw error;
  }
  return {
    block,
    async write(parts, line) {
      await writeAll(data, parts, block.size);
      const head = block.indexSize === 0 ? [formatHead(block)] : [];
      block.indexSize = await writeAll(index, [...head, formatLine(line)], block.indexSize);
    },
    async close() {
      await data.close().finally(() => index.close());
    },
  };
}

/** A file to write into, where it is; undefined when it should be there and is not. */
async function openFile(path: string, make: boolean): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    return make ? await open(path, "w+", 0o600) : undefined;
  }
}

/** @returns where it ended */
async function writeAll(file: FileHandle, parts: readonly Uint8Array[], from: number): Promise<number> {
  let at = from;
  const all = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  for (let done = 0; done < all.length; ) {
    const { bytesWritten } = await file.write(all, done, all.length - done, at);
    done += bytesWritten;
    at += bytesWritten;
  }
  return at;
}
