// One timer for all connections that are read seldom, so that the process wakes once for all of them.
import type { Clock } from "../../plugin.ts";

export interface Beat {
  /** Calls it at the next beat, once. */
  next(call: () => void): void;
}

/** Milliseconds between two beats: four pictures of a camera come together. */
export const beatPause = 160;
const beats = new WeakMap<Clock, Beat>();

/** The one of this clock. */
export function createBeat(clock: Clock): Beat {
  const known = beats.get(clock);
  if (known) return known;
  let calls = new Set<() => void>();
  let last = Number.NEGATIVE_INFINITY;

  async function strike(): Promise<void> {
    // The beat goes on from where it was, so that new calls do not move it.
    const now = clock.monotonic();
    await clock.sleep(beatPause - ((now - last) % beatPause || 0));
    last = clock.monotonic();
    const due = calls;
    calls = new Set();
    for (const call of due) call();
  }

  const beat: Beat = {
    next(call) {
      calls.add(call);
      if (calls.size === 1) void strike();
    },
  };
  beats.set(clock, beat);
  return beat;
}
