// Waiting for something that may not come: bounded by the clock and by whoever asked.
import type { Clock } from "../../core/plugin.ts";

/** Wakes all who wait, again and again. */
export interface Bell {
  ring(): void;
  readonly rung: Promise<void>;
}

export function createBell(): Bell {
  let next = Promise.withResolvers<void>();
  return {
    ring() {
      const now = next;
      next = Promise.withResolvers<void>();
      now.resolve();
    },
    get rung() {
      return next.promise;
    },
  };
}

/**
 * What a promise gives, unless the limit passes or the signal aborts first.
 * @throws what `late()` makes; the signal's reason; what the promise is rejected with
 */
export async function within<T>(
  promise: Promise<T>,
  limit: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal; late(): Error },
): Promise<T> {
  const enough = new AbortController();
  const signal = AbortSignal.any([limit.signal, enough.signal]);
  const alarm = limit.clock.sleep(limit.ms, signal).then(() => {
    throw limit.late();
  });
  try {
    return await Promise.race([promise, alarm]);
  } finally {
    enough.abort();
    alarm.catch(() => {});
  }
}
