// Gathers small pieces, as they are pushed, into few larger chunks that are read one by one; bounded when nobody reads.
import { Buffer } from "node:buffer";
import type { Clock } from "../../plugin.ts";

/** The largest chunk, in bytes: 348 packets of a transport stream. */
const chunkBytes = 65_424;
/** Milliseconds after the first piece of a chunk from which the next piece completes it. */
const chunkTime = 5;
/** Milliseconds after which it is handed on though nothing comes: waking up for it costs more than all the rest. */
const pauseTime = 15;

export interface GatherOptions {
  readonly clock: Clock;
  /** Most bytes that wait for the reader. */
  readonly limit: number;
  /** Drops nothing; says instead when the limit is passed (true), and when half of it is read again (false). */
  readonly hold?: (full: boolean) => void;
  /** Hands on full chunks only, and the rest when `flush()` says so. */
  readonly untimed?: boolean;
  /** Closes what pushes; the reader sees the end only after it. Called once. */
  readonly close: () => Promise<void>;
  /** Ends it: the reader gets the signal's reason. */
  readonly signal: AbortSignal;
}

/** The pushing side, and the reading side: `chunks`, for one reader. */
export interface Gather {
  /** Takes a piece, whose memory must not change any more. */
  push(piece: Uint8Array): void;
  /** Hands on what there is: nothing more comes soon. */
  flush(): void;
  /** Ends it; what has come is still read. Only the first end counts. */
  end(error?: Error): void;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves when the first piece has come; rejects when it ends before, after it is closed. */
  readonly opened: Promise<void>;
  /** Bytes that were dropped because they were not read in time. */
  readonly dropped: number;
  /** Bytes that wait. */
  readonly waiting: number;
}

interface Waiter {
  resolve(result: IteratorResult<Uint8Array>): void;
  reject(error: unknown): void;
}

export function createGather({ clock, limit, hold, untimed = false, close, signal }: GatherOptions): Gather {
  const queue: Uint8Array[] = [];
  const waiters: Waiter[] = [];
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  let pieces: Uint8Array[] = [];
  let gathered = 0;
  let queued = 0;
  let dropped = 0;
  let held = false;
  let begun = false;
  let timing = false;
  let since = 0;
  let ending: { readonly error?: unknown } | undefined;
  let closing: Promise<void> | undefined;
  // Whoever never waits for the first piece must not fail for it.
  opened.promise.catch(() => {});

  const closeOnce = () => (closing ??= close().catch(() => {}));
  const setHeld = (full: boolean) => {
    held = full;
    hold?.(full);
  };
  const hand = (chunk: Uint8Array) => {
    const waiter = waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: chunk });
    queue.push(chunk);
    queued += chunk.length;
    if (hold) {
      if (!held && queued > limit) setHeld(true);
      return;
    }
    while (queued > limit && queue.length > 1) {
      const oldest = queue.shift()?.length ?? 0;
      queued -= oldest;
      dropped += oldest;
    }
  };
  const flush = () => {
    if (gathered === 0) return;
    const [only] = pieces;
    const chunk = only && untimed && pieces.length === 1 ? only : Buffer.concat(pieces, gathered);
    pieces = [];
    gathered = 0;
    hand(chunk);
  };
  const time = () => {
    timing = true;
    const due = () => {
      timing = false;
      flush();
    };
    clock.sleep(pauseTime, stop.signal).then(due, () => {});
  };
  const settle = (waiter: Waiter) => {
    const failed = ending;
    closeOnce().then(() => {
      if (failed && "error" in failed) waiter.reject(failed.error);
      else waiter.resolve({ done: true, value: undefined });
    });
    // The error is told once.
    ending = {};
  };
  const finish = (how: { readonly error?: unknown }) => {
    if (ending) return;
    flush();
    ending = how;
    stop.abort();
    signal.removeEventListener("abort", onAbort);
    closeOnce();
    if (!begun) closing?.then(() => ("error" in how ? opened.reject(how.error) : opened.resolve()));
    for (const waiter of waiters.splice(0)) settle(waiter);
  };
  const empty = () => {
    queue.length = 0;
    queued = 0;
  };
  const onAbort = () => {
    finish({ error: signal.reason });
    empty();
  };
  if (signal.aborted) queueMicrotask(onAbort);
  else signal.addEventListener("abort", onAbort, { once: true });

  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      const chunk = queue.shift();
      if (chunk) {
        queued -= chunk.length;
        if (held && queued < limit / 2) setHeld(false);
        return Promise.resolve({ done: false, value: chunk });
      }
      return new Promise((resolve, reject) => {
        const waiter = { resolve, reject };
        if (ending) settle(waiter);
        else waiters.push(waiter);
      });
    },
    async return() {
      finish({});
      empty();
      await closeOnce();
      return { done: true, value: undefined };
    },
  };

  return {
    chunks: { [Symbol.asyncIterator]: () => iterator },
    opened: opened.promise,
    get dropped() {
      return dropped;
    },
    get waiting() {
      return queued + gathered;
    },
    flush,
    push(piece) {
      if (ending || piece.length === 0) return;
      if (!begun) {
        begun = true;
        opened.resolve();
      }
      if (gathered + piece.length > chunkBytes) flush();
      const last = untimed ? pieces.at(-1) : undefined;
      if (last && last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset)
        pieces[pieces.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + piece.length);
      else pieces.push(piece);
      gathered += piece.length;
      if (untimed) return;
      const now = clock.monotonic();
      if (gathered === piece.length) since = now;
      if (now - since >= chunkTime) flush();
      else if (!timing) time();
    },
    end(error) {
      finish(error ? { error } : {});
    },
  };
}
