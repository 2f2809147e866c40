// Promises that are settled from outside, and waits that a signal or a clock can end.
import type { Clock } from "../plugin.ts";

/** A promise and what settles it. A rejection that nobody waits for is none. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function createDeferred<T>(): Deferred<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** What a promise gives, unless the signal aborts before. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Waits for what is closing, whether or not that fails, but no longer than `ms`. True: it is over. */
export async function within(clock: Clock, ms: number, closing: Promise<unknown>): Promise<boolean> {
  const enough = new AbortController();
  const over = closing.then(
    () => true,
    () => true,
  );
  const late = clock.sleep(ms, enough.signal).then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([over, late]);
  } finally {
    enough.abort();
  }
}

/** Rings once after `ms`, unless it is aborted before. */
export function alarm(clock: Clock, ms: number, ring: () => void): AbortController {
  const control = new AbortController();
  clock.sleep(ms, control.signal).then(ring, () => {});
  return control;
}
