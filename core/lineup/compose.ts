// Puts the instances' channels together: order of numbers, duplicates as alternates, and what the guide is made for.
import type { Pause } from "../clock.ts";
import type { GuideTarget } from "../guide/types.ts";
import type { LineupChannel, Upstream } from "../types.ts";
import { sortKey } from "./numbers.ts";
import { ownGuideId } from "./output.ts";

/** What becomes of channels that are the same station: each stays, or one gets the others' addresses as alternates. */
export type Duplicates = "keep" | "alternates";

export interface Composed {
  /** In order of number. */
  readonly channels: readonly LineupChannel[];
  /** Every channel by id; a duplicate's id leads to the channel that took it in. */
  readonly byId: ReadonlyMap<string, LineupChannel>;
}

export const emptyLineup: Composed = { channels: [], byId: new Map() };

export async function compose(
  parts: readonly { readonly name: string; readonly channels: readonly LineupChannel[] }[],
  duplicates: Duplicates,
  pause: Pause,
): Promise<Composed> {
  const byId = new Map<string, LineupChannel>();
  const list: LineupChannel[] = [];
  const places = new Map<string, number>();
  const taken: { id: string; place: number }[] = [];
  for (const { channels } of parts) {
    for (const channel of channels) {
      const key = duplicates === "alternates" ? stationKey(channel) : undefined;
      const place = key === undefined ? undefined : places.get(key);
      if (place === undefined) {
        if (key !== undefined) places.set(key, list.length);
        byId.set(channel.id, channel);
        list.push(channel);
      } else {
        list[place] = withAlternate(list[place] as LineupChannel, channel);
        taken.push({ id: channel.id, place });
      }
      const rest = pause();
      if (rest) await rest;
    }
  }
  for (const { id, place } of taken) {
    const into = list[place] as LineupChannel;
    byId.set(id, into);
    byId.set(into.id, into);
  }
  return { channels: await byNumber(list, pause), byId };
}

/** Places a key has room for: with numbers of at most seven digits and three behind the dot it stays an exact integer. */
const room = 2 ** 19;

/** Sorts in one native pass, where they are not in order already: the number above, the place below. */
async function byNumber(list: readonly LineupChannel[], pause: Pause): Promise<readonly LineupChannel[]> {
  if (list.length > room) return [...list].sort((a, b) => sortKey(a.number) - sortKey(b.number));
  const keys = new Float64Array(list.length);
  let before = 0;
  let sorted = true;
  for (const [place, channel] of list.entries()) {
    const key = sortKey(channel.number) * room + place;
    keys[place] = key;
    sorted &&= key > before;
    before = key;
    const rest = pause();
    if (rest) await rest;
  }
  if (sorted) return list;
  keys.sort();
  const ordered: LineupChannel[] = [];
  for (const key of keys) {
    ordered.push(list[key % room] as LineupChannel);
    const rest = pause();
    if (rest) await rest;
  }
  return ordered;
}

function stationKey(channel: LineupChannel): string {
  return channel.guideId.toLowerCase();
}

function withAlternate(channel: LineupChannel, other: LineupChannel): LineupChannel {
  const more: Upstream[] = other.url
    ? [{ url: other.url, ...(other.headers ? { headers: other.headers } : {}) }, ...other.alternates]
    : [...other.alternates];
  return { ...channel, alternates: [...channel.alternates, ...more] };
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
