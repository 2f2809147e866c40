// Recognises channels again: which entry of today's upstream is which channel of yesterday's lineup.
import { Buffer } from "node:buffer";
import type { Pause } from "../clock.ts";
import type { Channel, LineupChannel } from "../types.ts";
import { outputGuideId, ownGuideId } from "./output.ts";

/** What is remembered, for ever, of a channel that has left, so that it can be recognised. */
export interface Departed {
  /** The id within its instance. */
  readonly id: string;
  readonly number: string;
  /** The provider's own id; empty when it gave none. */
  readonly own: string;
  readonly guideId: string;
  readonly name: string;
  readonly groups: string;
  /** A hash: an address may carry credentials. */
  readonly address: string;
}

/** A channel that was in the lineup until now, or that has left long ago. */
export type Known = LineupChannel | Departed;

/** The traits by which a channel is known. */
type Traits = Omit<Departed, "id" | "number">;

/** What is remembered of a channel that leaves. */
export function departedOf(channel: LineupChannel): Departed {
  return { id: localIdOf(channel), number: channel.number, ...traitsOf(channel) };
}

function traitsOf(channel: Channel | LineupChannel): Traits {
  const live = "instance" in channel;
  return {
    own: (live ? channel.ownId : channel.id) ?? "",
    guideId: (live ? ownGuideId(channel) : channel.guideId) ?? "",
    name: channel.name,
    groups: channel.groups?.join(";") ?? "",
    address: channel.url ? hash(channel.url) + hash(channel.url, 0x9747b28c) : "",
  };
}

/** The id within the instance. */
export function localIdOf(known: Known): string {
  return isLive(known) ? known.id.slice(known.instance.length + 1) : known.id;
}

/** Whether a channel was in the lineup until now. */
export function isLive(known: Known): known is LineupChannel {
  return "instance" in known;
}

/** How far ahead `take()` looks for an entry where upstream's list goes on: it finds back after small insertions and losses. */
const lookAhead = 8;

/** Whether nothing that names an entry has changed. */
function unchanged(channel: Channel, live: LineupChannel): boolean {
  if (channel.id !== undefined || live.ownId !== undefined) return channel.id === live.ownId;
  return (
    channel.url === live.url &&
    channel.name === live.name &&
    outputGuideId(channel, live.instance, live.id) === live.guideId &&
    (channel.groups === live.groups || channel.groups?.join(";") === live.groups?.join(";"))
  );
}

/** Recognises one refresh of one instance: most entries while they come, the rest together. */
export class Recogniser {
  readonly #live: readonly LineupChannel[];
  /** By place in `#live`: 1 once it is recognised. */
  readonly #taken: Uint8Array;
  readonly #found: (Known | undefined)[] = [];
  /** Places of entries that are not recognised yet. */
  readonly #open: number[] = [];
  #at = 0;

  /** Starts from what is in the lineup now. */
  constructor(live: readonly LineupChannel[]) {
    this.#live = live;
    this.#taken = new Uint8Array(live.length);
  }

  /** Takes the next entry of upstream's list; returns the channel it is, when that can be told at once. */
  take(channel: Channel): LineupChannel | undefined {
    for (let at = this.#at; at < this.#at + lookAhead; at++) {
      const live = this.#live[at];
      if (!live) break;
      if (!unchanged(channel, live)) continue;
      this.#at = at + 1;
      this.#taken[at] = 1;
      this.#found.push(live);
      return live;
    }
    this.#open.push(this.#found.length);
    this.#found.push(undefined);
    return undefined;
  }

  /**
   * What each entry is, in order; undefined for a channel never seen before. `list` is what was taken, `departed` are
   * those that left earlier, the latest last; the result's `gone` are those that leave now.
   */
  async settle(
    list: readonly Channel[],
    departed: readonly Departed[],
    pause: Pause,
  ): Promise<{ found: (Known | undefined)[]; gone: LineupChannel[] }> {
    const left = new Set(this.#live.filter((_, at) => this.#taken[at] === 0));
    if (this.#open.length === 0 || left.size + departed.length === 0) return { found: this.#found, gone: [...left] };
    const candidates = new Map<Candidate["key"], Candidate>();
    const inUse = new Set<string>();
    for (const known of this.#found) if (known) inUse.add(localIdOf(known));
    for (const known of departed)
      if (!inUse.has(known.id)) candidates.set(known.id, { key: known.id, traits: known, known });
    for (const known of left) {
      const key = localIdOf(known);
      candidates.set(key, { key, traits: traitsOf(known), known });
      const rest = pause();
      if (rest) await rest;
    }
    let open: Named[] = [];
    for (const place of this.#open) {
      open.push({ place, traits: traitsOf(list[place] as Channel) });
      const rest = pause();
      if (rest) await rest;
    }
    for (const tier of tiers) {
      if (open.length === 0 || candidates.size === 0) break;
      open = await this.#settleTier(tier, open, candidates, pause);
    }
    for (const known of this.#found) if (known && isLive(known)) left.delete(known);
    return { found: this.#found, gone: [...left] };
  }

  /** Runs one tier over the open entries; returns those it leaves open. */
  async #settleTier(
    tier: Tier,
    open: readonly Named[],
    candidates: Map<string, Candidate>,
    pause: Pause,
  ): Promise<Named[]> {
    const byKey = new Map<string, Candidate[]>();
    for (const candidate of candidates.values()) {
      const key = tier.key(candidate.traits);
      const list = key ? byKey.get(key) : undefined;
      if (list) list.push(candidate);
      else if (key) byKey.set(key, [candidate]);
      const rest = pause();
      if (rest) await rest;
    }
    const shared = tier.unique ? repeated(open.map(({ traits }) => tier.key(traits))) : undefined;
    const still: Named[] = [];
    for (const entry of open) {
      const key = tier.key(entry.traits);
      const list = key ? byKey.get(key) : undefined;
      if (!list?.length || (shared && (list.length > 1 || shared.has(key)))) still.push(entry);
      else {
        const candidate = list.shift() as Candidate;
        candidates.delete(candidate.key);
        this.#found[entry.place] = candidate.known;
      }
      const rest = pause();
      if (rest) await rest;
    }
    return still;
  }
}

/** An entry that is not recognised yet. */
interface Named {
  readonly place: number;
  readonly traits: Traits;
}

interface Candidate {
  readonly key: string;
  readonly traits: Traits;
  readonly known: Known;
}

/** A key that several entries may share (they are told apart by their order), or one that counts only when unique. */
interface Tier {
  readonly unique: boolean;
  /** Empty: this tier says nothing about the channel. */
  key(traits: Traits): string;
}

/** The tiers of channels whose provider names them are one: its own id decides alone. */
const unnamed = (t: Traits, ...parts: string[]) => (t.own ? "" : parts.join("\n"));

/**
 * From certain to likely. An entry that a tier recognises is settled; the rest go on to the next tier. An address with a
 * rotating token falls through to guide id and name; a renamed channel is caught by its address or its guide id.
 */
const tiers: readonly Tier[] = [
  { unique: false, key: (t) => t.own },
  { unique: false, key: (t) => unnamed(t, t.guideId, t.name, t.groups, t.address) },
  { unique: false, key: (t) => unnamed(t, t.guideId, t.name, t.address) },
  { unique: false, key: (t) => unnamed(t, t.guideId, t.name, t.groups) },
  { unique: false, key: (t) => unnamed(t, t.guideId, t.name) },
  { unique: true, key: (t) => unnamed(t, t.address) },
  { unique: true, key: (t) => unnamed(t, t.guideId) },
  { unique: true, key: (t) => unnamed(t, t.name) },
];

function repeated(keys: readonly string[]): Set<string> {
  const seen = new Set<string>();
  return new Set(keys.filter((key) => seen.has(key) || !seen.add(key)));
}

/** Makes new ids for one instance: the provider's own, else from the guide id or the name; never one that was in use. */
export class IdMaker {
  /** Every id that is taken, and the number to try next behind it. */
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    for (const id of taken) this.#next.set(id, 2);
  }

  make(channel: Channel): string {
    const base = channel.id ? localId(channel.id) : slug(channel.guideId || channel.name);
    let id = base;
    let count = this.#next.get(base);
    if (count !== undefined) {
      do id = `${base}-${count++}`;
      while (this.#next.has(id));
      this.#next.set(base, count);
    }
    this.#next.set(id, 2);
    return id;
  }
}

/** A provider's own id as it appears in addresses: unchanged where it is safe there. */
function localId(own: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(own) ? own : slug(own);
}

/** Lowercase ASCII letters, digits, dots and dashes; a short hash where nothing of that is in the text. */
export function slug(text: string): string {
  let plain = text;
  // Letters with accents become those without; most texts are spared the tables that this takes.
  if (beyondAscii.test(text)) {
    plain = text.normalize("NFKD").replace(/[\u0300-\u036f]+/g, "");
    if (beyondAscii.test(plain)) plain = plain.replace(/\p{M}+/gu, "");
  }
  return fold(plain) || `ch-${hash(text)}`;
}

const beyondAscii = /[^ -~]/;
const longestSlug = 80;
const folded = Buffer.alloc(longestSlug);

/** The signs that a slug may have, in lower case, and each run of others as one dash. */
function fold(text: string): string {
  let length = 0;
  for (let at = 0; at < text.length && length < longestSlug; at++) {
    let code = text.charCodeAt(at);
    if (code >= 65 && code <= 90) code += 32;
    else if (!((code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 46)) {
      code = 45;
      if (length > 0 && folded[length - 1] === code) continue;
    }
    folded[length++] = code;
  }
  let from = 0;
  while (from < length && isSeparator(folded[from])) from++;
  while (length > from && isSeparator(folded[length - 1])) length--;
  return folded.toString("latin1", from, length);
}

function isSeparator(code: number | undefined): boolean {
  return code === 45 || code === 46;
}

/** FNV-1a, 32 bits, in base 36: tells texts apart, protects nothing. */
function hash(text: string, basis = 0x811c9dc5): string {
  let value = basis;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0).toString(36);
}

/** Ids that are or were in use. */
export function* usedIds(departed: readonly Departed[], live: readonly LineupChannel[]): Iterable<string> {
  for (const known of departed) yield known.id;
  for (const known of live) yield localIdOf(known);
}
