// A channel scan as clients see it: it starts, progresses and ends. The lineup is there before, after and meanwhile.
import type { Clock } from "../../core/plugin.ts";

/** How long a scan takes, in milliseconds: clients ask once a second and want to see it progress. */
const duration = 5000;

export interface Scan {
  start(): void;
  abort(): void;
  /** Per cent; undefined: none is running. */
  readonly progress: number | undefined;
}

export function createScan(clock: Clock): Scan {
  let began: number | undefined;
  return {
    start() {
      began ??= clock.monotonic();
    },
    abort() {
      began = undefined;
    },
    get progress() {
      if (began === undefined) return undefined;
      const share = (clock.monotonic() - began) / duration;
      if (share >= 1) began = undefined;
      return share >= 1 ? undefined : Math.floor(share * 100);
    },
  };
}
