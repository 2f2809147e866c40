// A clock that tests move by hand: nothing waits, every sleep ends in the order in which it falls due.
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../core/plugin.ts";

/** A Clock whose time stands still until it is advanced. */
export interface TestClock extends Clock {
  /** Moves both times by `ms`, ending each due sleep in order and letting what follows from it run before the next. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as an administrator or NTP would. */
  jump(ms: number): void;
  /** Sleeps that have not ended: zero when everything was stopped. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly due: number;
  wake(): void;
}

/**
 * Starts at `start` milliseconds since the Unix epoch (default noon of 1 January 2026, UTC). After each sleep that ends,
 * what follows from it has `turns` turns of the event loop: 1 is enough, and quicker, where nothing waits for a socket,
 * a file or a stream.
 */
export function createTestClock(start = Date.UTC(2026, 0, 1, 12), turns = 24): TestClock {
  let wall = start;
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();

  // Several turns: an awaited stream, a promise chain and a stream's reader each take one or more.
  const settle = async () => {
    for (let turn = 0; turn < turns; turn++) await setImmediate();
  };
  const earliest = (until: number) => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (sleeper.due <= until && (!first || sleeper.due < first.due)) first = sleeper;
    return first;
  };
  const moveTo = (instant: number) => {
    wall += instant - elapsed;
    elapsed = instant;
  };

  return {
    now: () => wall,
    monotonic: () => elapsed,
    get sleeping() {
      return sleepers.size;
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const end = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", onAbort);
        };
        const onAbort = () => {
          end();
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          due: elapsed + Math.max(0, ms),
          wake() {
            end();
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    async advance(ms) {
      const target = elapsed + ms;
      await settle();
      for (let next = earliest(target); next; next = earliest(target)) {
        moveTo(Math.max(elapsed, next.due));
        next.wake();
        await settle();
      }
      moveTo(target);
      await settle();
    },
    jump(ms) {
      wall += ms;
    },
  };
}
