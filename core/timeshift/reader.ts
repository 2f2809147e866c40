// Plays what was recorded from a point on, and goes on with what is being recorded.
import { type FileHandle, open } from "node:fs/promises";
import { HeadendError } from "../errors.ts";
import { packetLength, pidOf, writeCounter } from "../formats/mpegts.ts";
import { counterBefore, createSplicer } from "../formats/splice.ts";
import { type Block, continues } from "./block.ts";
import { oldest, type Spot, stopAt } from "./locate.ts";
import { readBlock, type Store } from "./store.ts";

/** What the reader does when it has read everything there is. */
export interface Follower {
  /** Waits a while for more. False: there will be none. @throws why there is none, although it is wanted */
  more(): Promise<boolean>;
  close(): Promise<void>;
}

export interface ReaderOptions {
  readonly store: Store;
  readonly spot: Spot;
  /** Milliseconds since the Unix epoch; absent: as long as there is more. */
  readonly until?: number | undefined;
  readonly follower: Follower;
  readonly signal: AbortSignal;
  /** The channel's name. */
  readonly channel: string;
}

const readBytes = 1392 * packetLength;
/** Tables come within so many bytes, or they are marked. */
const lookBytes = 8 * readBytes;
/** A packet that says nothing (ISO/IEC 13818-1 §2.4.3.3): shows that more may come. */
const stuffing = new Uint8Array(packetLength).fill(0xff);
stuffing.set([0x47, 0x1f, 0xff, 0x10]);

/** Whole packets; what does not continue is marked. @throws HeadendError `tune.past`; the follower's; the signal's reason */
export async function* readPast(o: ReaderOptions): AsyncGenerator<Uint8Array> {
  const { store, until, follower, signal } = o;
  const splicer = createSplicer();
  let { block, offset } = o.spot;
  let file: FileHandle | undefined;
  let filed: Block | undefined;
  let sent = 0;

  async function read(from: Block, at: number, to: number): Promise<Uint8Array | undefined> {
    try {
      if (filed !== from) {
        await file?.close();
        file = filed = undefined;
        file = await open(store.dataPath(from), "r");
        filed = from;
      }
      const bytes = file && (await readBlock(file, at, to));
      // It may have been written over while it was read.
      return from.gone || !bytes?.length ? undefined : bytes;
    } catch {
      return undefined;
    }
  }

  /** Puts marks before the packets that want one. */
  function marked(bytes: Uint8Array): Uint8Array[] {
    const all: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; at += packetLength) {
      const mark = splicer.markBefore(bytes, at);
      if (!mark) continue;
      if (at > from) all.push(bytes.subarray(from, at));
      all.push(mark);
      from = at;
    }
    if (from < bytes.length) all.push(bytes.subarray(from));
    return all;
  }

  /** The tables, so counted that those of the stream continue them. */
  async function* enter(spot: Spot): AsyncGenerator<Uint8Array> {
    ({ block, offset } = spot);
    const tables = spot.tables.slice();
    if (sent > 0) splicer.splice();
    const pieces = [await read(block, offset, Math.min(block.size, offset + lookBytes))];
    const next = store.after(block);
    if (next && offset + lookBytes > block.size && continues(next, block))
      pieces.push(await read(next, 0, Math.min(next.size, lookBytes)));
    const leads = leadTo(tables, pieces);
    for (const part of marked(tables)) yield part;
    if (!leads) splicer.splice();
  }

  /** What cannot be read is passed over. False: nothing comes after it. */
  function pass(): boolean {
    const next = store.after(block);
    if (!next) return false;
    splicer.splice();
    [block, offset] = [next, 0];
    return true;
  }

  try {
    signal.throwIfAborted();
    yield* enter(o.spot);
    for (;;) {
      signal.throwIfAborted();
      if (block.gone) {
        // Its reader paused for longer than is kept.
        const first = oldest(store.blocks);
        if (!first) throw lost(o.channel);
        if (first.block.sequence > block.sequence) yield* enter(first);
        else if (!pass()) throw lost(o.channel);
      }
      const stop = until === undefined ? undefined : stopAt(block, offset, until);
      const here = block.breaks.some((each) => each.splice && each.offset === offset && offset + sent > 0);
      const gap = block.breaks.find((each) => each.splice && each.offset > offset);
      const to = Math.min(stop ?? block.size, gap?.offset ?? block.size, offset + readBytes);
      if (to > offset) {
        const bytes = await read(block, offset, to);
        if (!bytes) {
          if (block.gone) continue;
          if (!pass()) throw lost(o.channel);
          continue;
        }
        if (here) splicer.splice();
        offset += bytes.length;
        sent += bytes.length;
        for (const part of marked(bytes)) yield part;
      } else if (stop !== undefined) return;
      else {
        const next = store.after(block);
        if (next) {
          if (!continues(next, block)) splicer.splice();
          [block, offset] = [next, 0];
        } else if (!(await follower.more())) return;
        else if (block.size === offset && !store.after(block) && !block.gone) yield stuffing;
      }
    }
  } finally {
    await file?.close().catch(() => {});
    await follower.close();
  }
}

/** Counts tables so that they lead to the next ones of their PIDs. False: not all of those come. */
function leadTo(tables: Uint8Array, pieces: readonly (Uint8Array | undefined)[]): boolean {
  const counters = new Map<number, number>();
  for (let at = tables.length - packetLength; at >= 0; at -= packetLength) {
    const pid = pidOf(tables, at);
    let counter = counters.get(pid);
    for (const next of pieces)
      for (let look = 0; next && counter === undefined && look < next.length; look += packetLength)
        if (pidOf(next, look) === pid) counter = counterBefore(next, look);
    if (counter === undefined) return false;
    writeCounter(tables, at, counter);
    counters.set(pid, counter + 15);
  }
  return true;
}

function lost(channel: string): HeadendError {
  return new HeadendError("tune.past", { channel, reason: "what was recorded of it is gone" });
}
