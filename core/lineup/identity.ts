// Recognises channels again: which entry of today's upstream is which channel of yesterday's lineup.
import type { Channel } from "../types.ts";

/** What is remembered of a channel, for ever, so that it can be recognised. */
export interface Known {
  /** The id within its instance. */
  readonly id: string;
  /** The provider's own id; empty when it gave none. */
  readonly own: string;
  readonly guideId: string;
  readonly name: string;
  readonly groups: string;
  /** A hash: an address may carry credentials. */
  readonly address: string;
  readonly number: string;
}

/** The traits of a channel by which it is known, without id and number. */
export type Traits = Omit<Known, "id" | "number">;

/** A lineup's worth of assigned ids, in the order of the entries. */
export interface Assigned {
  readonly channel: Channel;
  readonly id: string;
  readonly traits: Traits;
  /** What was remembered of it, or undefined for a channel never seen before. */
  readonly known: Known | undefined;
}

export function traitsOf(channel: Channel): Traits {
  return {
    own: channel.id ?? "",
    guideId: channel.guideId ?? "",
    name: channel.name,
    groups: channel.groups?.join(";") ?? "",
    address: channel.url ? hash(channel.url) + hash(channel.url, 0x9747b28c) : "",
  };
}

/** A key that several entries may share (they are told apart by their order), or one that counts only when unique. */
interface Tier {
  readonly unique: boolean;
  /** Empty: this tier says nothing about the channel. */
  key(traits: Traits): string;
}

const join = (...parts: string[]) => parts.join("\n");

/**
 * From certain to likely. An entry that a tier recognises is settled; the rest go on to the next tier. An address with a
 * rotating token falls through to guide id and name; a renamed channel is caught by its address or its guide id.
 */
const tiers: readonly Tier[] = [
  { unique: false, key: (t) => join(t.guideId, t.name, t.groups, t.address) },
  { unique: false, key: (t) => join(t.guideId, t.name, t.address) },
  { unique: false, key: (t) => join(t.guideId, t.name, t.groups) },
  { unique: false, key: (t) => join(t.guideId, t.name) },
  { unique: true, key: (t) => t.address },
  { unique: true, key: (t) => t.guideId },
  { unique: true, key: (t) => t.name },
];

/**
 * Gives every channel its id: the one it had, else a new one that no channel of this instance ever had.
 * A provider's own id decides alone. `pause` is awaited now and then so that a long lineup shares the event loop.
 */
export async function assignIds(
  channels: readonly Channel[],
  known: readonly Known[],
  pause: () => Promise<void> | undefined,
): Promise<Assigned[]> {
  const all = channels.map(traitsOf);
  const found = new Array<Known | undefined>(channels.length);
  const left = new Set<Known>();
  const ids = new Set<string>();
  const byOwn = new Map<string, Known>();
  for (const entry of known) {
    ids.add(entry.id);
    if (entry.own) byOwn.set(entry.own, entry);
    else left.add(entry);
    const rest = pause();
    if (rest) await rest;
  }
  let open: number[] = [];
  for (const [index, traits] of all.entries()) {
    if (!traits.own) open.push(index);
    else {
      found[index] = byOwn.get(traits.own);
      byOwn.delete(traits.own);
    }
  }
  for (const tier of tiers) {
    if (open.length === 0 || left.size === 0) break;
    open = await settle(tier, open, all, left, found, pause);
  }
  const assigned: Assigned[] = [];
  for (const [index, channel] of channels.entries()) {
    const traits = all[index] as Traits;
    const id = found[index]?.id ?? newId(traits, ids);
    ids.add(id);
    assigned.push({ channel, id, traits, known: found[index] });
    const rest = pause();
    if (rest) await rest;
  }
  return assigned;
}

/** Runs one tier over the open entries; returns those it leaves open. */
async function settle(
  tier: Tier,
  open: readonly number[],
  all: readonly Traits[],
  left: Set<Known>,
  found: (Known | undefined)[],
  pause: () => Promise<void> | undefined,
): Promise<number[]> {
  const candidates = new Map<string, Known[]>();
  for (const entry of left) {
    const key = tier.key(entry);
    if (key) {
      const list = candidates.get(key);
      if (list) list.push(entry);
      else candidates.set(key, [entry]);
    }
    const rest = pause();
    if (rest) await rest;
  }
  const shared = new Set<string>();
  if (tier.unique) {
    const seen = new Set<string>();
    for (const index of open) {
      const key = tier.key(all[index] as Traits);
      if (seen.has(key)) shared.add(key);
      seen.add(key);
    }
  }
  const still: number[] = [];
  for (const index of open) {
    const key = tier.key(all[index] as Traits);
    const list = key ? candidates.get(key) : undefined;
    if (!list?.length || (tier.unique && (list.length > 1 || shared.has(key)))) still.push(index);
    else {
      const entry = list.shift() as Known;
      left.delete(entry);
      found[index] = entry;
    }
    const rest = pause();
    if (rest) await rest;
  }
  return still;
}

/** A new id, safe in a URL path: the provider's own, else from the guide id or the name. */
function newId(traits: Traits, taken: ReadonlySet<string>): string {
  const base = traits.own ? localId(traits.own) : slug(traits.guideId || traits.name);
  let id = base;
  for (let count = 2; taken.has(id); count++) id = `${base}-${count}`;
  return id;
}

/** A provider's own id as it appears in addresses: unchanged where it is safe there. */
export function localId(own: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(own) ? own : slug(own);
}

/** Lowercase ASCII letters, digits, dots and dashes; a short hash where nothing of that is in the text. */
export function slug(text: string): string {
  const ascii = text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, 80);
  return ascii || `ch-${hash(text)}`;
}

/** FNV-1a, 32 bits, in base 36: tells texts apart, protects nothing. */
function hash(text: string, basis = 0x811c9dc5): string {
  let value = basis;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(36);
}
