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

/** How often a pause looks at the wall clock, and how far that may fall back before the work is done anew. */
const glance = 60_000;
const fallback = 3_600_000;

/**
 * Sleeps for a pause, or less when the wall clock has left it behind: after a machine has slept, or has learned the
 * date only after its start, what was made before is of another time.
 */
async function rest(clock: Clock, pause: number, signal: AbortSignal): Promise<void> {
  const [began, date] = [clock.monotonic(), clock.now()];
  for (;;) {
    const left = pause - (clock.monotonic() - began);
    const moved = clock.now() - date;
    // Less than a millisecond is what rounding leaves.
    if (left < 1 || moved >= pause || moved < -fallback) return;
    await clock.sleep(Math.min(glance, left), signal);
  }
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
  let due: number | undefined;
  let interrupt = new AbortController();
  let waiting: (() => void)[] = [];
  const loop = async () => {
    while (!signal.aborted) {
      const served = waiting;
      waiting = [];
      due = undefined;
      const pause = await run();
      for (const done of served) done();
      if (waiting.length > 0) continue;
      due = clock.monotonic() + pause;
      interrupt = new AbortController();
      await rest(clock, pause, AbortSignal.any([signal, interrupt.signal])).catch(() => {});
    }
    for (const done of waiting) done();
  };
  void loop();
  return {
    get next() {
      return due === undefined ? undefined : clock.now() + due - clock.monotonic();
    },
    wake: () =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        waiting.push(resolve);
        interrupt.abort();
      }),
  };
}
