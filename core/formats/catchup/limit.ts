// How far back a channel's past reaches, as it says itself and as it is kept here.
import type { Channel } from "../../types.ts";
import { formatDuration } from "../duration.ts";

const day = 86_400_000;

/** Players ask for the oldest instant there is; what passes until they do should not count against them. */
const slack = 600_000;

/**
 * Why an instant of a channel cannot be had, or undefined when it can: it is past, and within `catchup-days` or the
 * channel's timeshift, whichever reaches further. Catch-up that does not say how many days it keeps has no limit.
 *
 * @param at milliseconds since the Unix epoch, as is `now`
 * @returns a sentence without its subject, which is the channel: `has no catch-up`
 * @example findCatchupFault({ catchup: { mode: "shift", days: 1 } }, now - 172_800_000, now)
 */
export function findCatchupFault(
  channel: Pick<Channel, "catchup" | "timeshift">,
  at: number,
  now: number,
): string | undefined {
  const { catchup, timeshift = 0 } = channel;
  if (!catchup && timeshift === 0) return "has no catch-up";
  if (at > now) return `${stamp(at)} is yet to come`;
  const archive = catchup ? (catchup.days ?? Number.POSITIVE_INFINITY) * day : 0;
  const reach = Math.max(archive, timeshift);
  if (at >= now - reach - slack) return undefined;
  return `keeps ${nameSpan(reach)}, since ${stamp(now - reach)}; ${stamp(at)} is too long ago`;
}

function nameSpan(ms: number): string {
  if (ms === day) return "a day";
  return ms % day === 0 ? `${ms / day} days` : formatDuration(ms);
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
