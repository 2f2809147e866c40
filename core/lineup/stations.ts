// Stations that several channels are: one of them gives id and number, for ever, the others further ways to the pictures.
import type { Pause } from "../clock.ts";
import type { LineupChannel, Upstream } from "../types.ts";
import { paced } from "./paced.ts";

/** What a station is known by outside, taken from the first channel that it had. */
export interface Leader {
  readonly id: string;
  readonly number: string;
  readonly guideId: string;
}

/** By station. Those with one channel only are not in it: its own id and number are the station's. */
export type Leaders = Map<string, Leader>;

export interface Stations {
  readonly list: LineupChannel[];
  /** By the ids of the channels that are not shown by themselves. */
  readonly others: ReadonlyMap<string, LineupChannel>;
  /** Whether something must be remembered that was not before. */
  readonly learned: boolean;
  /** Ids that channels stand for which are gone. */
  readonly vacant: readonly string[];
}

/**
 * Makes one channel of those with the same guide id: the first one's ways come first. When the leader's instance loses
 * the station, the next channel is shown under the leader's id and number; `leaders` learns who leads.
 */
export async function mergeStations(
  parts: readonly { readonly channels: readonly LineupChannel[] }[],
  leaders: Leaders,
  pause: Pause,
): Promise<Stations> {
  const stations = new Map<string, LineupChannel[]>();
  for (const { channels } of parts) {
    await paced(channels.length, pause, (at) => {
      const channel = channels[at] as LineupChannel;
      const key = channel.guideId.toLowerCase();
      const members = stations.get(key);
      if (members) members.push(channel);
      else stations.set(key, [channel]);
    });
  }
  const elsewhere = await foundElsewhere(parts, stations, leaders, pause);
  const list: LineupChannel[] = [];
  const others = new Map<string, LineupChannel>();
  const vacant: string[] = [];
  let learned = false;
  const groups = [...stations];
  await paced(groups.length, pause, (at) => {
    const [key, members] = groups[at] as [string, LineupChannel[]];
    const [first, ...rest] = members as [LineupChannel, ...LineupChannel[]];
    const before = leaders.get(key);
    const member = before && members.find(({ id }) => id === before.id);
    // The id of a channel that goes by another guide id now is its own.
    let leader = member ?? (before && !elsewhere.has(before.id) ? before : undefined);
    if (leader && !member) vacant.push(leader.id);
    if (!leader && rest.length === 0) {
      list.push(first);
      return;
    }
    leader ??= first;
    const { id, number, guideId } = leader;
    if (before?.id !== id || before.number !== number || before.guideId !== guideId) {
      leaders.set(key, { id, number, guideId });
      learned = true;
    }
    const channel = { ...first, id, number, guideId, alternates: [...first.alternates, ...rest.flatMap(waysOf)] };
    list.push(channel);
    for (const { id } of members) if (id !== channel.id) others.set(id, channel);
  });
  return { list, others, learned, vacant };
}

/** Ids of leaders that their stations have not, but that other channels are. */
async function foundElsewhere(
  parts: readonly { readonly channels: readonly LineupChannel[] }[],
  stations: ReadonlyMap<string, readonly LineupChannel[]>,
  leaders: Leaders,
  pause: Pause,
): Promise<ReadonlySet<string>> {
  const missing = new Set<string>();
  for (const [key, { id }] of leaders) if (!stations.get(key)?.some((member) => member.id === id)) missing.add(id);
  const found = new Set<string>();
  if (missing.size === 0) return found;
  for (const { channels } of parts) {
    await paced(channels.length, pause, (at) => {
      const { id } = channels[at] as LineupChannel;
      if (missing.has(id)) found.add(id);
    });
  }
  return found;
}

/** A channel's ways to its pictures. */
function waysOf({ url, headers, catchup, instance, account, alternates }: LineupChannel): Upstream[] {
  const own: Upstream[] = url
    ? [{ url, instance, ...(account && { account }), ...(headers && { headers }), ...(catchup && { catchup }) }]
    : [];
  return [...own, ...alternates];
}
