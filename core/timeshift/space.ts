// The disk space that the timeshift of all channels may take together.
import { statfs } from "node:fs/promises";
import type { Block } from "./block.ts";

/** A channel's blocks. */
export interface Holder {
  readonly blocks: readonly Block[];
  /** Bytes of a block that is made. */
  readonly capacity: number;
  /** The oldest block that can be done without. */
  readonly spare: Block | undefined;
  drop(block: Block): Promise<void>;
}

export interface Space {
  /** Bytes on disk. */
  readonly bytes: number;
  add(holder: Holder): void;
  remove(holder: Holder): void;
  /**
   * Makes one more block for a channel, if there is room for one: then `make` is called. What is oldest in others makes
   * room. @returns undefined when there is none, or nothing older than the channel's own
   */
  grow(holder: Holder, make: () => Block): Promise<Block | undefined>;
}

/** So much of a disk is left to others: bytes, and a part of it. */
const leftFree = 2 ** 30;
const leftPart = 0.05;

/** @param limit bytes for all */
export function createSpace(folder: string, limit: () => number): Space {
  const holders = new Set<Holder>();
  let queue: Promise<unknown> = Promise.resolve();

  const bytes = () => {
    let sum = 0;
    for (const { blocks } of holders) for (const { capacity } of blocks) sum += capacity;
    return sum;
  };

  function oldest(): { holder: Holder; spare: Block } | undefined {
    let found: { holder: Holder; spare: Block } | undefined;
    for (const holder of holders) {
      const { spare } = holder;
      if (spare && (!found || (spare.to ?? 0) < (found.spare.to ?? 0))) found = { holder, spare };
    }
    return found;
  }

  async function isFree(wanted: number): Promise<boolean> {
    const { bavail, bsize, blocks } = await statfs(folder);
    return bavail * bsize - wanted >= Math.min(leftFree, blocks * bsize * leftPart);
  }

  async function grow(holder: Holder, make: () => Block): Promise<Block | undefined> {
    while (bytes() + holder.capacity > limit()) {
      const last = oldest();
      if (!last) return undefined;
      // Its own it writes over, unless there is more than there may be.
      if (last.holder === holder && bytes() <= limit()) return undefined;
      await last.holder.drop(last.spare);
    }
    return (await isFree(holder.capacity)) ? make() : undefined;
  }

  return {
    get bytes() {
      return bytes();
    },
    add: (holder) => holders.add(holder),
    remove: (holder) => holders.delete(holder),
    grow(holder, make) {
      const growing = queue.then(() => grow(holder, make));
      queue = growing.catch(() => {});
      return growing;
    },
  };
}
