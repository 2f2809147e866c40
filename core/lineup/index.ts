// The lineup: merges every instance's channels under ids and numbers that never move, and keeps the last good ones.
import { createPacer } from "../clock.ts";
import { HeadendError, reasonOf } from "../errors.ts";
import type { Lineup, Logger } from "../plugin.ts";
import type { Channel, Document, LineupChannel } from "../types.ts";
import { compose, type Composed, type Duplicates, emptyLineup } from "./compose.ts";
import { assignIds } from "./identity.ts";
import { NumberBook, type NumberRange } from "./numbers.ts";
import type { Entry, Registry } from "./registry.ts";
import { compileRules, type Ruled, type Rules } from "./rules.ts";
import { outputGuideId, same } from "./output.ts";
import type { Store } from "./store.ts";

/** How one instance's channels enter the lineup. */
export interface UpdateOptions {
  /** Applied in order: the instance's own, then the lineup's. */
  readonly rules: readonly Rules[];
  readonly range: NumberRange | undefined;
  /** The upstream's own M3U, asked for after the channels are read. */
  readonly original: (() => Document | undefined) | undefined;
  readonly signal: AbortSignal;
}

export interface UpdateResult {
  /** Channels of this instance now in the lineup. */
  readonly channels: number;
  /** Channels that upstream gave and rules left out. */
  readonly excluded: number;
  readonly changed: boolean;
}

export interface LineupSettings {
  readonly duplicates: Duplicates;
  /** How many refreshes must agree before a much smaller lineup is believed. */
  readonly shrinkGuard: number;
}

/** The lineup as core sees it. */
export interface LineupKeeper extends Lineup {
  /** Restores the last good channels of these instances, in this order of precedence. */
  restore(instances: readonly string[]): Promise<void>;
  /** Reads one instance's channels. @throws HeadendError `instance.empty`, `instance.shrunk`; the last good ones stay. */
  update(instance: string, channels: AsyncIterable<Channel>, options: UpdateOptions): Promise<UpdateResult>;
  /** Which instances count, in order; others leave the lineup (their ids and numbers stay theirs). */
  arrange(instances: readonly string[], settings: LineupSettings): Promise<void>;
  /** The composed lineup, for the guide's targets. */
  composed(): Composed;
  close(): void;
}

interface Part {
  channels: readonly LineupChannel[];
  /** How many channels upstream gave, before rules. */
  given: number;
  strikes: number;
  edited: boolean;
  original: (() => Document | undefined) | undefined;
}

/** A lineup below this size may shrink as it likes. */
const guarded = 10;

export function createLineup(o: { registry: Registry; store: Store; log: Logger }): LineupKeeper {
  const parts = new Map<string, Part>();
  const listeners = new Set<() => void>();
  const book = new NumberBook();
  let order: readonly string[] = [];
  let settings: LineupSettings = { duplicates: "keep", shrinkGuard: 3 };
  let current = emptyLineup;
  let ready = false;
  let booked: Promise<void> | undefined;
  let queue: Promise<void> = Promise.resolve();

  /** Puts the parts together again; runs one at a time, and readers see the old lineup until it is done. */
  function publish(): Promise<void> {
    queue = queue.then(async () => {
      const named = order.flatMap((name) => {
        const part = parts.get(name);
        return part ? [{ name, channels: part.channels }] : [];
      });
      current = await compose(named, settings.duplicates, pauser());
      ready ||= named.length > 0;
      for (const listener of listeners) listener();
    });
    return queue;
  }

  /** Numbers given in all earlier runs, read once. */
  const openBook = () => {
    booked ??= o.registry.numbers((number, id) => book.enter(number, id), createPacer().rest);
    return booked;
  };

  return {
    channels: (instance) => (instance === undefined ? current.channels : (parts.get(instance)?.channels ?? [])),
    get: (id) => current.byId.get(id),
    get ready() {
      return ready;
    },
    original(instance) {
      const part = parts.get(instance);
      return part && !part.edited && settings.duplicates === "keep" ? part.original?.() : undefined;
    },
    onChange(callback, signal) {
      if (signal.aborted) return;
      listeners.add(callback);
      signal.addEventListener("abort", () => listeners.delete(callback), { once: true });
    },
    composed: () => current,
    close: () => o.registry.close(),

    async restore(instances) {
      order = instances;
      await Promise.all(
        instances.map(async (name) => {
          const channels = await o.store.load(name, pauser());
          if (!channels || parts.has(name)) return;
          parts.set(name, { channels, given: channels.length, strikes: 0, edited: true, original: undefined });
        }),
      );
      if (parts.size > 0) await publish();
    },

    async arrange(instances, next) {
      const before = JSON.stringify([order, settings]);
      order = instances;
      settings = next;
      const keep = new Set(instances);
      for (const name of parts.keys()) if (!keep.has(name)) parts.delete(name);
      await o.store.keepOnly(keep);
      if (before !== JSON.stringify([order, settings])) await publish();
    },

    async update(instance, source, options) {
      const pause = pauser();
      const { list, given, edited, pinned } = await collect(source, options.rules, options.signal, pause);
      const before = parts.get(instance);
      believe(instance, given, before, settings.shrinkGuard);
      await openBook();
      const known = await o.registry.known(instance, createPacer().rest);
      const assigned = await assignIds(list, known, pause);
      const numbers = await book.give(
        assigned.map((a, index) => ({
          id: `${instance}:${a.id}`,
          has: a.known?.number ?? "",
          wish: a.channel.number,
          pinned: pinned.has(index),
        })),
        options.range,
        (r) => o.log.warn(`number ${r.wish} belongs to another channel; ${r.id} keeps ${r.has || "one of its own"}`),
        pause,
      );
      const changes: Entry[] = [];
      const old = before?.channels ?? [];
      let changed = old.length !== assigned.length || !before;
      const channels: LineupChannel[] = [];
      for (const [index, { channel, id, traits, known }] of assigned.entries()) {
        const number = numbers[index] as string;
        if (!known || known.number !== number || !sameTraits(traits, known)) changes.push({ ...traits, id, number });
        const next = outputChannel(channel, instance, id, number);
        const last = old[index];
        const kept = last && same(last, next);
        changed ||= !kept;
        channels.push(kept ? last : next);
        const rest = pause();
        if (rest) await rest;
      }
      await o.registry.remember(instance, changes, createPacer().rest);
      options.signal.throwIfAborted();
      if (changed) {
        await o.store
          .save(instance, channels, pause)
          .catch((error) => o.log.error(`the last good lineup could not be kept: ${reasonOf(error)}`));
      }
      const part = { channels, given, strikes: 0, edited, original: options.original };
      const sameEdit = before?.edited === edited;
      parts.set(instance, part);
      if (changed || !sameEdit || !ready) await publish();
      return { channels: channels.length, excluded: given - list.length, changed };
    },
  };
}

function pauser(): () => Promise<void> | undefined {
  const pacer = createPacer();
  return () => (pacer.due() ? pacer.rest() : undefined);
}

/** Reads all channels and applies the rules. */
async function collect(
  source: AsyncIterable<Channel>,
  rules: readonly Rules[],
  signal: AbortSignal,
  pause: () => Promise<void> | undefined,
) {
  const apply = rules.flatMap((r) => compileRules(r) ?? []);
  const list: Channel[] = [];
  const pinned = new Set<number>();
  let given = 0;
  let edited = false;
  for await (const channel of source) {
    signal.throwIfAborted();
    given++;
    let next: Channel | undefined = channel;
    let pin = false;
    for (const rule of apply) {
      const ruled: Ruled | undefined = next && rule(next);
      next = ruled?.channel;
      pin ||= ruled?.pinned ?? false;
    }
    edited ||= next !== channel;
    if (next) {
      if (pin) pinned.add(list.length);
      list.push(next);
    }
    const rest = pause();
    if (rest) await rest;
  }
  return { list, given, edited, pinned };
}

/** The shrink guard: a lineup that is suddenly far smaller is believed only when upstream insists. */
function believe(instance: string, given: number, before: Part | undefined, patience: number): void {
  if (given === 0) throw new HeadendError("instance.empty", { instance });
  if (!before || before.given < guarded || given * 2 >= before.given) return;
  before.strikes++;
  if (before.strikes >= patience) return;
  throw new HeadendError("instance.shrunk", { count: given, before: before.given, left: patience - before.strikes });
}

function sameTraits(a: Omit<Entry, "id" | "number">, b: Omit<Entry, "id" | "number">): boolean {
  return (
    a.own === b.own && a.guideId === b.guideId && a.name === b.name && a.groups === b.groups && a.address === b.address
  );
}

function outputChannel(channel: Channel, instance: string, id: string, number: string): LineupChannel {
  return { ...channel, id: `${instance}:${id}`, instance, number, guideId: outputGuideId(channel, instance, id), alternates: [] };
}
