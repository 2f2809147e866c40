// A channel's blocks on disk: what is there after a start, which one is written next, and which goes first.
import { mkdir, type open, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { packetLength } from "../formats/mpegts.ts";
import type { Clock } from "../plugin.ts";
import { type Block, createBlock, parseIndex, usualCapacity } from "./block.ts";
import type { Holder, Space } from "./space.ts";

/** What is kept of a channel. */
export interface Limits {
  /** Milliseconds. */
  readonly span: number;
  /** Bytes. */
  readonly size: number;
}

export interface Store extends Holder {
  readonly folder: string;
  /** The block to write to: the last one, or one that begins. @throws what the disk said; undefined: there is no room */
  room(): Promise<Block | undefined>;
  /** The block after one, which may be gone. */
  after(block: Block): Block | undefined;
  /** There was no room on the disk for what should be written to a block. */
  full(block: Block): Promise<void>;
  dataPath(block: Block): string;
  indexPath(block: Block): string;
  /** Resolves when something has been added, or may not be added any more. */
  news(): Promise<void>;
  notify(): void;
  /** Deletes everything. */
  remove(): Promise<void>;
}

/** So long a channel makes do with the blocks it has, once the disk was full. */
const caution = 600_000;

export interface StoreOptions {
  readonly clock: Clock;
  readonly space: Space;
  limits(): Limits;
  /** Bytes of a block. */
  readonly capacity?: number;
}

/** @throws what the disk said, when the folder cannot be made or read */
export async function openStore(folder: string, o: StoreOptions): Promise<Store> {
  const { clock, space, capacity = usualCapacity } = o;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const blocks = await readBlocks(folder);
  let sequence = blocks.at(-1)?.sequence ?? 0;
  let cautiousUntil = Number.NEGATIVE_INFINITY;
  let told = Promise.withResolvers<void>();

  function begin(slot: number): Block {
    const block = createBlock(slot, ++sequence, capacity);
    blocks.push(block);
    return block;
  }

  function freeSlot(): number {
    const taken = new Set(blocks.map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot++;
    return slot;
  }

  function forget(block: Block): void {
    block.gone = true;
    const place = blocks.indexOf(block);
    if (place !== -1) blocks.splice(place, 1);
  }

  const store: Store = {
    folder,
    blocks,
    capacity,
    get spare() {
      return blocks.length > 1 ? blocks[0] : undefined;
    },

    async room() {
      const last = blocks.at(-1);
      if (last && !last.ended && last.size < last.capacity) return last;
      const { span, size } = o.limits();
      const most = Math.max(2, Math.floor(size / capacity));
      while (blocks.length > most && store.spare) await store.drop(store.spare);
      const old = store.spare?.to;
      const reusable = old !== undefined && Math.abs(clock.now() - old) > span;
      if (!reusable && blocks.length < most && clock.monotonic() >= cautiousUntil) {
        const grown = await space.grow(store, () => begin(freeSlot()));
        if (grown) return grown;
      }
      // One that the disk cut short has no room of its own to write over.
      while (store.spare?.ended) await store.drop(store.spare);
      const { spare } = store;
      if (!spare) return undefined;
      forget(spare);
      return begin(spare.slot);
    },

    after: (block) => blocks.find((each) => each.sequence > block.sequence),

    async full(block) {
      cautiousUntil = clock.monotonic() + caution;
      block.ended = true;
      if (block.size === 0) await store.drop(block);
    },

    async drop(block) {
      forget(block);
      await rm(store.indexPath(block), { force: true });
      await rm(store.dataPath(block), { force: true });
    },

    dataPath: ({ slot }) => join(folder, `${slot}.ts`),
    indexPath: ({ slot }) => join(folder, `${slot}.index`),
    news: () => told.promise,
    notify() {
      told.resolve();
      told = Promise.withResolvers<void>();
    },

    async remove() {
      space.remove(store);
      for (const block of blocks.splice(0)) block.gone = true;
      store.notify();
      await rm(folder, { recursive: true, force: true });
    },
  };
  space.add(store);
  return store;
}

/** The blocks that a folder has, in order; what tells of none is deleted. */
async function readBlocks(folder: string): Promise<Block[]> {
  const names = new Set(await readdir(folder));
  const slots = new Set(Array.from(names, (name) => /^(0|[1-9]\d{0,5})\.(?:ts|index)$/.exec(name)?.[1] ?? ""));
  const blocks: Block[] = [];
  const known = new Set<number>();
  for (const slot of slots) {
    if (slot === "") continue;
    const path = join(folder, slot);
    const index = await readFile(`${path}.index`).catch(() => undefined);
    const file = await stat(`${path}.ts`).catch(() => undefined);
    const block = index && file?.isFile() ? parseIndex(index, Number(slot), file.size) : undefined;
    if (block && !known.has(block.sequence)) {
      known.add(block.sequence);
      blocks.push(block);
    } else for (const end of ["index", "ts"]) await rm(`${path}.${end}`, { force: true }).catch(() => {});
  }
  return blocks.sort((a, b) => a.sequence - b.sequence);
}

/** The bytes of a block from one offset to another; fewer when the file was cut short. @throws what the disk said */
export async function readBlock(file: Awaited<ReturnType<typeof open>>, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done - (done % packetLength));
}
