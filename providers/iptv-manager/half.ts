// One half of a source, channels or guide: asked, read, kept; and what is known of it.
import type { Clock } from "../../core/plugin.ts";
import type { Counts } from "./documents.ts";

/** Where one half comes from. */
export interface Ask {
  /** How it is asked, in a few words without secrets. */
  readonly how: string;
  /** The document's own address, for what is relative in it. */
  readonly base?: string | undefined;
  /** One attempt. */
  bytes(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** What is known of a half; times as ISO 8601. */
export interface HalfStatus {
  readonly how: string;
  /** `ok`; `last good`: this time it failed, what came before stays; `failed`: there is nothing; `waiting`: nothing came yet. */
  readonly state: "ok" | "last good" | "failed" | "waiting";
  readonly asked?: string;
  /** When what is in use came. */
  readonly good?: string;
  readonly seconds?: number;
  /** Channels or programmes in use; absent where the document is XMLTV. */
  readonly count?: number;
  readonly dropped?: Counts;
  readonly mended?: Counts;
  readonly error?: string;
}

/** What is kept of a good answer, beside the answer. */
export interface Good {
  readonly at: number;
  readonly count?: number;
  readonly dropped: Counts;
  readonly mended?: Counts;
}

export interface HalfLog {
  begin(): void;
  succeed(good: Good): void;
  fail(error: unknown): void;
  /** Why the last attempt failed; undefined when it did not. */
  readonly error: unknown;
  readonly good: Good | undefined;
  /** Whether this run has had a good answer within the last `ms` milliseconds, and none that failed since. */
  fresh(ms: number): boolean;
  status(say: (error: unknown) => string): HalfStatus;
}

/** Notes what happens to a half, from what an earlier run kept of it. */
export function createHalfLog(how: string, clock: Clock, kept: Good | undefined): HalfLog {
  let good = kept;
  let error: unknown;
  let started = 0;
  let asked: number | undefined;
  let came: number | undefined;
  let seconds: number | undefined;
  const end = () => {
    seconds = Math.round(clock.monotonic() - started) / 1000;
  };
  return {
    begin() {
      started = clock.monotonic();
      asked = clock.now();
    },
    succeed(now) {
      end();
      good = now;
      came = clock.monotonic();
      error = undefined;
    },
    fail(why) {
      end();
      error = why;
    },
    get error() {
      return error;
    },
    get good() {
      return good;
    },
    fresh: (ms) => error === undefined && came !== undefined && clock.monotonic() - came < ms,
    status(say) {
      const state = error ? (good ? "last good" : "failed") : seconds === undefined && !good ? "waiting" : "ok";
      return {
        how,
        state,
        ...(asked !== undefined && { asked: iso(asked) }),
        ...(good && { good: iso(good.at) }),
        ...(seconds !== undefined && { seconds }),
        ...(good?.count !== undefined && { count: good.count }),
        ...(good && Object.keys(good.dropped).length > 0 && { dropped: good.dropped }),
        ...(good?.mended && Object.keys(good.mended).length > 0 && { mended: good.mended }),
        ...(error !== undefined && { error: say(error) }),
      };
    },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
