// Long loops that let everything else run now and then.
import type { Pause } from "../clock.ts";

/** Calls `work` for 0 to `count - 1`. The calls are made from a plain loop: one that awaits takes far longer to be compiled. */
export async function paced(count: number, pause: Pause, work: (place: number) => void): Promise<void> {
  let rest: Promise<void> | undefined;
  for (let at = 0; at < count; ) {
    [at, rest] = some(at, count, pause, work);
    if (rest) await rest;
  }
}

function some(
  from: number,
  count: number,
  pause: Pause,
  work: (place: number) => void,
): [at: number, rest: Promise<void> | undefined] {
  let at = from;
  let rest: Promise<void> | undefined;
  while (at < count && !rest) {
    work(at++);
    rest = pause();
  }
  return [at, rest];
}
