// A test clock that costs little: one turn of the event loop an instant, as nothing here waits for a socket or a file.
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../../core/plugin.ts";

export interface ModelClock extends Clock {
  advance(ms: number): Promise<void>;
  readonly sleeping: number;
}

export function createModelClock(): ModelClock {
  const sleepers = new Set<{ readonly due: number; wake(): void }>();
  let time = 0;
  return {
    now: () => time,
    monotonic: () => time,
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
        const sleeper = {
          due: time + Math.max(0, ms),
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
      const target = time + ms;
      await setImmediate();
      for (;;) {
        let due = Number.POSITIVE_INFINITY;
        for (const sleeper of sleepers) if (sleeper.due < due) due = sleeper.due;
        if (due > target) break;
        time = Math.max(time, due);
        for (const sleeper of [...sleepers]) if (sleeper.due <= time && sleepers.has(sleeper)) sleeper.wake();
        await setImmediate();
      }
      time = target;
    },
  };
}
