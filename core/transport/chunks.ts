// Streams of bytes that close when they are told to, even while a read waits; and that begin with what was read already.
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import type { Clock } from "../plugin.ts";

/** Bytes that can be read once. `return()` resolves when whatever gave them is closed. */
export interface Chunks extends AsyncIterable<Uint8Array> {
  [Symbol.asyncIterator](): ChunkReader;
}

export interface ChunkReader extends AsyncIterator<Uint8Array, undefined, undefined> {
  return(): Promise<IteratorResult<Uint8Array, undefined>>;
}

/** What ends a generator whose reader has left; nobody gets to see it. */
const left = new DOMException("its reader has left", "AbortError");
const done: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/**
 * A generator that can be closed at any time: what it gives is a signal that aborts when the reader leaves, or when
 * `signal` does. The generator must end soon after, and close in its `finally` what it holds.
 */
export function closable(generate: (signal: AbortSignal) => AsyncGenerator<Uint8Array>, signal: AbortSignal): Chunks {
  const control = new AbortController();
  const onAbort = () => control.abort(signal.reason);
  const started = () => {
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    return generate(control.signal);
  };
  const ended = () => signal.removeEventListener("abort", onAbort);
  let generator: AsyncGenerator<Uint8Array> | undefined;
  let reading: Promise<unknown> = Promise.resolve();

  const reader: ChunkReader = {
    async next() {
      if (control.signal.reason === left) return done;
      generator ??= started();
      const next = generator.next();
      reading = next;
      try {
        const result = await next;
        if (result.done) ended();
        return result.done ? done : result;
      } catch (error) {
        ended();
        if (control.signal.reason === left) return done;
        throw control.signal.aborted ? control.signal.reason : error;
      }
    },
    async return() {
      control.abort(left);
      await reading.catch(() => {});
      await generator?.return(undefined).catch(() => {});
      ended();
      return done;
    },
  };
  return { [Symbol.asyncIterator]: () => reader };
}

/** A time limit for what happens before the first data, in words for an error. */
export interface Opening {
  /** The address, without secrets. */
  readonly shown: string;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly limit: number;
}

/**
 * Waits for the first chunk, which is not lost: what it gives begins with it.
 *
 * @returns undefined when there is none
 * @throws HeadendError `dial.timeout` after it has closed the chunks; and what they throw
 */
export async function primed(chunks: Chunks, { shown, clock, limit }: Opening): Promise<Primed | undefined> {
  const reader = chunks[Symbol.asyncIterator]();
  const timer = new AbortController();
  const late = new HeadendError("dial.timeout", { url: shown, limit: formatDuration(limit) });
  const first = reader.next();
  try {
    const result = await Promise.race([
      first,
      clock.sleep(limit, timer.signal).then(() => {
        throw late;
      }),
    ]);
    return result.done ? undefined : { first: result.value, chunks: resumed([result.value], reader) };
  } catch (error) {
    first.catch(() => {});
    await reader.return();
    throw error;
  } finally {
    timer.abort();
  }
}

export interface Primed {
  readonly first: Uint8Array;
  readonly chunks: Chunks;
}

/** What was read already, then the rest. */
export function resumed(read: readonly Uint8Array[], rest: ChunkReader): Chunks {
  const waiting = [...read];
  const reader: ChunkReader = {
    async next() {
      const chunk = waiting.shift();
      return chunk ? { done: false, value: chunk } : await rest.next();
    },
    return() {
      waiting.length = 0;
      return rest.return();
    },
  };
  return { [Symbol.asyncIterator]: () => reader };
}

/** Every chunk changed by a function; empty ones are left out. */
export function mapped(chunks: Chunks, change: (chunk: Uint8Array) => Uint8Array): Chunks {
  const source = chunks[Symbol.asyncIterator]();
  const reader: ChunkReader = {
    async next() {
      for (;;) {
        const result = await source.next();
        if (result.done) return result;
        const value = change(result.value);
        if (value.length > 0) return { done: false, value };
      }
    },
    return: () => source.return(),
  };
  return { [Symbol.asyncIterator]: () => reader };
}
