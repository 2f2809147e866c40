// The only place that asks what time it is; also shares the event loop fairly.
import { setImmediate } from "node:timers/promises";
import type { Clock } from "./plugin.ts";

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      // Timers hold at most 2^31-1 ms; a longer sleep than 24 days is taken as 24 days.
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(ms, 0x7fffffff),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};

/** Shares the event loop: long loops call `due()` per item and await `rest()` when it says so. */
export interface Pacer {
  /** True when this slice of work has lasted long enough. */
  due(): boolean;
  /** Lets everything else run once, then starts a new slice. */
  rest(): Promise<void>;
}

/** Slices of `slice` milliseconds (default 4), so that no refresh holds the loop longer than 10. */
export function createPacer(slice = 4): Pacer {
  let until = performance.now() + slice;
  let calls = 0;
  return {
    // The clock is read every 16th call: reading it costs more than most items do.
    due: () => (++calls & 15) === 0 && performance.now() >= until,
    async rest() {
      await setImmediate();
      until = performance.now() + slice;
    },
  };
}

/** Gives a promise to await when it is time to let everything else run, else nothing. */
export type Pause = () => Promise<void> | undefined;

/** A pause for long loops: `const rest = pause(); if (rest) await rest;` */
export function createPause(slice?: number): Pause {
  const pacer = createPacer(slice);
  return () => (pacer.due() ? pacer.rest() : undefined);
}
