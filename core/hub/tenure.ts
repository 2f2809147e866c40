// What a stream holds of the ledger, from one upstream to the next.
import { HeadendError } from "../errors.ts";
import type { Clock } from "../plugin.ts";
import { alarm } from "./deferred.ts";
import { type Claim, Full, type Lease, type Ledger } from "./ledger.ts";
import type { Candidate } from "./upstream.ts";

export interface TenureOptions extends Pick<Claim, "loss" | "evict"> {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** The channel's name. */
  readonly channel: string;
  /** Of the most important viewer. */
  rank(): number;
  /** Who asks, if its own holdings may be taken for it. */
  client(): string | undefined;
  /** Nobody gave way. */
  refused(): void;
}

export interface Tenure {
  /** Holds what a candidate wants, and nothing else. @throws HeadendError `tune.busy`, `tune.bandwidth`; the signal's reason */
  take(candidate: Candidate, signal: AbortSignal): Promise<void>;
  release(): void;
}

/** How long a claim waits for what it takes from others. */
const claimLimit = 15_000;

export function createTenure(o: TenureOptions): Tenure {
  let lease: Lease | undefined;
  let held = "";

  function release(): void {
    lease?.release();
    lease = undefined;
    held = "";
  }

  return {
    release,
    async take(candidate, signal) {
      const wants = candidate.wants(o.rank());
      const keys = wants.map(({ key }) => key).join("\n");
      if (lease && keys === held) return;
      release();
      if (wants.length === 0) return;
      const { instance } = candidate;
      const patience = new AbortController();
      const late = new HeadendError("tune.busy", { instance, limit: wants[0]?.limit ?? 0 });
      const timer = alarm(o.clock, claimLimit, () => patience.abort(late));
      const onAbort = () => patience.abort(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      try {
        const claim: Claim = { wants, rank: o.rank(), client: o.client(), loss: o.loss, evict: o.evict };
        lease = await o.ledger.claim(claim, patience.signal);
        held = keys;
      } catch (thrown) {
        if (!(thrown instanceof Full)) throw thrown;
        o.refused();
        throw errorOf(thrown, instance, o.channel);
      } finally {
        timer.abort();
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}

function errorOf({ want, used }: Full, instance: string, channel: string): HeadendError {
  if (want.key.startsWith("tuners ")) return new HeadendError("tune.busy", { instance, limit: want.limit });
  const [inUse, limit, needed] = [used, want.limit, want.amount].map((bits) => `${(bits / 1e6).toFixed(1)} Mbit/s`);
  return new HeadendError("tune.bandwidth", {
    instance,
    channel,
    used: inUse ?? "",
    limit: limit ?? "",
    needed: needed ?? "",
  });
}
