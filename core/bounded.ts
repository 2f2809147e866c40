// Runs what a plugin does under a deadline and a signal, whether or not it heeds them.
import { HeadendError } from "./errors.ts";
import { formatDuration } from "./formats/duration.ts";
import type { Clock } from "./plugin.ts";

/** One attempt of at most `limit` milliseconds; `what` names it. @throws HeadendError `instance.deadline`, or the signal's reason */
export type Bounded = <T>(limit: number, what: string, attempt: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** Attempts that end when the signal aborts; one that ignores that, and its deadline, is left behind. */
export function createBounded(clock: Clock, signal: AbortSignal): Bounded {
  return async (limit, what, attempt) => {
    const deadline = new AbortController();
    const end = () => deadline.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const timer = new AbortController();
    const late = clock.sleep(limit, timer.signal).then(
      () => {
        const error = new HeadendError("instance.deadline", { what, limit: formatDuration(limit) });
        deadline.abort(error);
        throw error;
      },
      () => new Promise<never>(() => {}),
    );
    const stopped = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason), { once: true });
    });
    try {
      return await Promise.race([attempt(deadline.signal), late, stopped]);
    } finally {
      timer.abort();
      signal.removeEventListener("abort", end);
    }
  };
}
