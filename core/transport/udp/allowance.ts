// How many answers may be sent: so many a second to one address and to all, so that nobody can be flooded by way of us.
import type { Clock } from "../../plugin.ts";

export interface AllowanceOptions {
  readonly clock: Clock;
  /** Answers a second to one address; twice as many at once after a pause. */
  readonly each: number;
  /** The same to all addresses together. */
  readonly all: number;
}

export interface Allowance {
  /** Takes one from what is allowed; false when there is none left. */
  take(address: string): boolean;
}

interface Bucket {
  left: number;
  /** When `left` was right, by the monotonic clock. */
  at: number;
}

/** Addresses that are remembered; who is forgotten starts afresh, which the limit for all bounds. */
const mostAddresses = 1024;
/** Seconds of its rate that a full bucket holds. */
const burst = 2;

export function createAllowance({ clock, each, all }: AllowanceOptions): Allowance {
  const whole: Bucket = { left: all * burst, at: clock.monotonic() };
  const byAddress = new Map<string, Bucket>();

  const fill = (bucket: Bucket, rate: number): Bucket => {
    const now = clock.monotonic();
    bucket.left = Math.min(rate * burst, bucket.left + ((now - bucket.at) * rate) / 1000);
    bucket.at = now;
    return bucket;
  };
  const bucketOf = (address: string): Bucket =>
    fill(byAddress.get(address) ?? { left: each * burst, at: clock.monotonic() }, each);

  return {
    take(address) {
      const bucket = bucketOf(address);
      if (fill(whole, all).left < 1 || bucket.left < 1) return false;
      bucket.left--;
      whole.left--;
      byAddress.delete(address);
      byAddress.set(address, bucket);
      const oldest = byAddress.size > mostAddresses ? byAddress.keys().next().value : undefined;
      if (oldest !== undefined) byAddress.delete(oldest);
      return true;
    },
  };
}
