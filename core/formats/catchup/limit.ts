// How far back a channel's past reaches, as it says itself.
import type { Channel } from "../../types.ts";

const day = 86_400_000;

/** Players ask for the oldest instant there is; what passes until they do should not count against them. */
const slack = 600_000;

/**
 * Why an instant of a channel cannot be had, or undefined when it can: it is past, and within `catchup-days`. A channel
 * that does not say how many days it keeps has no limit.
 *
 * @param at milliseconds since the Unix epoch, as is `now`
 * @returns a sentence without its subject, which is the channel: `has no catch-up`
 * @example findCatchupFault({ catchup: { mode: "shift", days: 1 } }, now - 172_800_000, now)
 */
export function findCatchupFault(channel: Pick<Channel, "catchup">, at: number, now: number): string | undefined {
  const { catchup } = channel;
  if (!catchup) return "has no catch-up";
  if (at > now) return `${stamp(at)} is yet to come`;
  const { days } = catchup;
  if (days === undefined || at >= now - days * day - slack) return undefined;
  const span = days === 1 ? "a day" : `${days} days`;
  return `keeps ${span}, since ${stamp(now - days * day)}; ${stamp(at)} is too long ago`;
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
