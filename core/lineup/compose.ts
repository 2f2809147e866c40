// Puts the instances' channels together: order of numbers, duplicates as alternates, and what the guide is made for.
import { createPause, type Pause } from "../clock.ts";
import type { GuideTarget } from "../guide/types.ts";
import type { LineupChannel } from "../types.ts";
import { sortKey } from "./numbers.ts";
import { ownGuideId } from "./output.ts";
import { paced } from "./paced.ts";
import { type Leaders, mergeStations, type Stations } from "./stations.ts";

/** What becomes of channels that are the same station: each stays, or one gets the others' addresses as alternates. */
export type Duplicates = "keep" | "alternates";

export interface Composed {
  /** In order of number. */
  readonly channels: readonly LineupChannel[];
  /** A channel by its id; a duplicate's id leads to the channel that took it in. */
  get(id: string): LineupChannel | undefined;
}

export const emptyLineup: Composed = { channels: [], get: () => undefined };

/** Puts parts together; `leaders` are who gives a station its id, and learn more where duplicates are merged. */
export async function compose(
  parts: readonly { readonly name: string; readonly channels: readonly LineupChannel[] }[],
  duplicates: Duplicates,
  pause: Pause,
  leaders: Leaders = new Map(),
): Promise<Composed & Pick<Stations, "learned" | "vacant">> {
  const merged = duplicates === "alternates" ? await mergeStations(parts, leaders, pause) : undefined;
  const list = merged?.list ?? (parts.length === 1 ? (parts[0]?.channels ?? []) : parts.flatMap((p) => p.channels));
  return {
    channels: await byNumber(list, pause),
    get: createLookup(list, merged?.others ?? new Map()),
    learned: merged?.learned ?? false,
    vacant: merged?.vacant ?? [],
  };
}

/** Looks ids up: one after the other until the index is made, which begins with the first question and holds nobody up. */
function createLookup(
  list: readonly LineupChannel[],
  others: ReadonlyMap<string, LineupChannel>,
): (id: string) => LineupChannel | undefined {
  let index: Map<string, LineupChannel> | undefined;
  let indexing = false;
  const makeIndex = async () => {
    const byId = new Map<string, LineupChannel>();
    await paced(list.length, createPause(), (place) => {
      const channel = list[place] as LineupChannel;
      byId.set(channel.id, channel);
    });
    index = byId;
  };
  return (id) => {
    if (!indexing) void makeIndex();
    indexing = true;
    return others.get(id) ?? (index ? index.get(id) : list.find((channel) => channel.id === id));
  };
}

/** Places a key has room for: with numbers of at most seven digits and three behind the dot it stays an exact integer. */
const room = 2 ** 19;

/** Sorts in one native pass, where they are not in order already: the number above, the place below. */
async function byNumber(list: readonly LineupChannel[], pause: Pause): Promise<readonly LineupChannel[]> {
  if (list.length > room) return [...list].sort((a, b) => sortKey(a.number) - sortKey(b.number));
  const keys = new Float64Array(list.length);
  let before = 0;
  let sorted = true;
  await paced(list.length, pause, (place) => {
    const key = sortKey((list[place] as LineupChannel).number) * room + place;
    keys[place] = key;
    sorted &&= key > before;
    before = key;
  });
  if (sorted) return list;
  keys.sort();
  const ordered: LineupChannel[] = [];
  await paced(keys.length, pause, (place) => {
    ordered.push(list[(keys[place] as number) % room] as LineupChannel);
  });
  return ordered;
}

/** What the guide is made for: one target an output id, with everything by which sources may call it. */
export async function guideTargets(composed: Composed, pause: Pause): Promise<GuideTarget[]> {
  const targets = new Map<string, Building>();
  const shifted: LineupChannel[] = [];
  for (const channel of composed.channels) {
    add(targets, channel.guideId, channel, channel.guideShift ?? 0);
    if (channel.guideShift) shifted.push(channel);
    const rest = pause();
    if (rest) await rest;
  }
  // A playlist that is passed on unchanged keeps its unshifted id and lets the client shift.
  for (const channel of shifted) {
    const plain = ownGuideId(channel);
    if (plain && !targets.has(plain)) add(targets, plain, channel, 0);
  }
  return [...targets.values()];
}

interface Building extends GuideTarget {
  names: string[];
  instances: string[];
  channelIds: string[];
}

function add(targets: Map<string, Building>, id: string, channel: LineupChannel, shift: number): void {
  const guideId = ownGuideId(channel);
  let target = targets.get(id);
  if (!target) {
    target = {
      id,
      ...(guideId === undefined ? {} : { guideId }),
      names: [],
      instances: [],
      channelIds: [],
      shift,
      name: channel.name,
      number: channel.number,
      ...(channel.logo === undefined ? {} : { logo: channel.logo }),
    };
    targets.set(id, target);
  }
  for (const name of [channel.guideName, channel.name])
    if (name && !target.names.includes(name)) target.names.push(name);
  if (!target.instances.includes(channel.instance)) target.instances.push(channel.instance);
  if (channel.ownId !== undefined) target.channelIds.push(`${channel.instance}:${channel.ownId}`);
}
