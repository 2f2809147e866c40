// Finds a way to a tune's pictures: every candidate once, or again and again for a while.
import { HeadendError } from "../errors.ts";
import type { Clock, Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { Breaker } from "./breaker.ts";
import type { Tenure } from "./tenure.ts";
import { type Candidate, type Opened, openCandidate } from "./upstream.ts";

export interface SearchOptions {
  /** The channel's name. */
  readonly channel: string;
  candidates(): readonly Candidate[];
  readonly tenure: Tenure;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Which candidates are not to be tried now. */
export interface Except {
  /** Those that had their turn. */
  readonly keys?: ReadonlySet<string>;
  /** Those that are to be left in peace for a while. */
  readonly resting?: boolean;
}

export interface Search {
  /** The first of all candidates that opens. @throws what the last one said; `otherwise` when there was none to try */
  any(except?: Except, otherwise?: unknown): Promise<Opened>;
  /** Tries, with rests, until one opens or `until` on the monotonic clock has come. */
  again(until: number): Promise<Opened | undefined>;
  /** Why the last one did not open. */
  readonly error: unknown;
  /** The candidate that is being opened. */
  readonly trying: Candidate | undefined;
}

/** Milliseconds between two tries while nothing works, at least; and until a tuner is asked for again. */
const shortestRest = 250;
const busyRest = 1000;

export function createSearch(o: SearchOptions): Search {
  const { breaker, clock, signal } = o;
  /** Until when those rest for which there was no tuner. */
  const busy = new Map<string, number>();
  let error: unknown;
  let trying: Candidate | undefined;

  async function open(candidate: Candidate): Promise<Opened> {
    trying = candidate;
    try {
      await o.tenure.take(candidate, signal);
      return await openCandidate(candidate, clock, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      error = thrown;
      // That all tuners are in use is no fault of the upstream's.
      if (thrown instanceof HeadendError && thrown.code.startsWith("tune."))
        busy.set(candidate.key, clock.monotonic() + busyRest);
      else breaker.failed(candidate.key, clock.monotonic());
      o.log.warn(`${o.channel}: ${reasonOf(thrown)}`);
      throw thrown;
    } finally {
      trying = undefined;
    }
  }

  const restOf = ({ key }: Candidate, now: number) => Math.max(breaker.rest(key, now), (busy.get(key) ?? 0) - now);

  return {
    get error() {
      return error;
    },
    get trying() {
      return trying;
    },

    async any({ keys, resting = false } = {}, otherwise) {
      let last: unknown =
        otherwise ?? new HeadendError("tune.failed", { channel: o.channel, reason: "it has no address" });
      const begun = clock.monotonic();
      for (const candidate of breaker.order(o.candidates(), begun)) {
        if (keys?.has(candidate.key) || (resting && breaker.rest(candidate.key, begun) > 0)) continue;
        try {
          return await open(candidate);
        } catch (thrown) {
          signal.throwIfAborted();
          last = thrown;
        }
      }
      throw last;
    },

    async again(until) {
      for (;;) {
        const now = clock.monotonic();
        const [candidate] = o.candidates().toSorted((a, b) => restOf(a, now) - restOf(b, now));
        const rest = candidate ? Math.max(shortestRest, restOf(candidate, now)) : 0;
        if (!candidate || now + rest >= until) {
          await clock.sleep(Math.max(0, until - now), signal);
          return undefined;
        }
        await clock.sleep(rest, signal);
        try {
          return await open(candidate);
        } catch {
          signal.throwIfAborted();
        }
      }
    },
  };
}
