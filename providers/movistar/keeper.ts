// Keeps what is known for the next start, and tells when all of it is on disk.
import type { Cache, Logger } from "../../core/plugin.ts";

export interface Keeper {
  /** A key that cannot be kept is told of in the log, and no fault of who asked. */
  keep(key: string, content: string | AsyncIterable<string>): Promise<void>;
  /** Resolves when what was asked for so far is done. */
  settled(): Promise<unknown>;
}

export function createKeeper(cache: Cache, log: Logger): Keeper {
  const writes = new Set<Promise<unknown>>();
  return {
    async keep(key, content) {
      const writing = cache.write(key, content).catch((error: unknown) => {
        log.warn(error instanceof Error ? error.message : String(error));
      });
      writes.add(writing);
      await writing;
      writes.delete(writing);
    },
    settled: () => Promise.all(writes),
  };
}
