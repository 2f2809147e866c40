// When work is done again: with jitter after success, with growing pauses after failure, never two runs at once.
import type { Clock } from "./plugin.ts";

/** Pause after the nth failure in a row: half a minute, doubled each time, at most the normal interval. */
export function backoff(failures: number, every: number): number {
  return Math.min(every, 30_000 * 2 ** Math.min(failures - 1, 12));
}

/** Spreads a pause by up to a tenth either way, so that many headends never ask at one instant. */
export function jitter(pause: number, random: () => number = Math.random): number {
  return pause * (0.9 + 0.2 * random());
}

/** A loop that can be woken early; it ends with its signal. */
export interface Loop {
  /** When the next run is due: milliseconds since the Unix epoch; undefined while one is running. */
  readonly next: number | undefined;
  /** Runs now, or right after the run in progress; resolves when that run has ended. */
  wake(): Promise<void>;
}

/**
 * Runs `run` at once and then again and again. It never throws: `run` reports the pause before the next run.
 */
export function startLoop(clock: Clock, signal: AbortSignal, run: () => Promise<number>): Loop {
  let next: number | undefined;
  let interrupt = new AbortController();
  let waiting: (() => void)[] = [];
  const loop = async () => {
    while (!signal.aborted) {
      const served = waiting;
      waiting = [];
      next = undefined;
      const pause = await run();
      for (const done of served) done();
      if (waiting.length > 0) continue;
      next = clock.now() + pause;
      interrupt = new AbortController();
      await clock.sleep(pause, AbortSignal.any([signal, interrupt.signal])).catch(() => {});
    }
    for (const done of waiting) done();
  };
  void loop();
  return {
    get next() {
      return next;
    },
    wake: () =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        waiting.push(resolve);
        interrupt.abort();
      }),
  };
}
