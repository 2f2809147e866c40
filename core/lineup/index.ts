// The lineup: merges every instance's channels under ids and numbers that never move, and keeps the last good ones.
import { createPacer } from "../clock.ts";
import { HeadendError, reasonOf } from "../errors.ts";
import type { Clock, Lineup, Logger } from "../plugin.ts";
import type { Channel, Document, LineupChannel } from "../types.ts";
import { compose, type Composed, type Duplicates, emptyLineup } from "./compose.ts";
import { type Departed, departedOf, IdMaker, Recogniser } from "./identity.ts";
import { NumberBook, type NumberRange } from "./numbers.ts";
import { publish } from "./output.ts";
import { compileRules, type Ruled, type Rules } from "./rules.ts";
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
  /** When an instance's channels were last known to be right: milliseconds since the Unix epoch. */
  confirmed(instance: string): number | undefined;
}

interface Part {
  channels: readonly LineupChannel[];
  /** How many channels upstream gave, before rules. */
  given: number;
  strikes: number;
  /** When they were last known to be right. */
  at: number;
  /** The upstream's own playlist, while no rule edits the channels. */
  original: Document | undefined;
}

/** A lineup below this size may shrink as it likes. */
const guarded = 10;

export function createLineup(o: { store: Store; log: Logger; clock: Clock }): LineupKeeper {
  const { store, log, clock } = o;
  const parts = new Map<string, Part>();
  const listeners = new Set<() => void>();
  const book = new NumberBook();
  const booked = new Map<string, Promise<Departed[]>>();
  let order: readonly string[] = [];
  let settings: LineupSettings = { duplicates: "keep", shrinkGuard: 3 };
  let current = emptyLineup;
  let ready = false;
  let queue: Promise<void> = Promise.resolve();

  /** Puts the parts together again; runs one at a time, and readers see the old lineup until it is done. */
  function republish(): Promise<void> {
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

  /** Reads what an instance had and has, once: its channels become the last good ones, its numbers stay taken. */
  function open(instance: string): Promise<Departed[]> {
    let departed = booked.get(instance);
    if (!departed) {
      departed = readAll(instance);
      booked.set(instance, departed);
    }
    return departed;
  }

  async function readAll(instance: string): Promise<Departed[]> {
    const pause = pauser();
    const [saved, departed, original] = await Promise.all([
      store.load(instance, pause),
      store.departed(instance, pause),
      store.original(instance),
    ]);
    for (const { number, id } of departed) book.enter(number, `${instance}:${id}`);
    for (const { number, id } of saved?.channels ?? []) {
      book.enter(number, id);
      const rest = pause();
      if (rest) await rest;
    }
    if (saved) {
      const { channels, at } = saved;
      parts.set(instance, { channels, given: channels.length, strikes: 0, at, original });
    }
    return departed;
  }

  /** Ids and numbers for what upstream gave; what leaves is on disk before it is forgotten. */
  async function settle(instance: string, { list, recogniser, pinned }: Collected, range: NumberRange | undefined, pause: Pause) {
    const departed = await open(instance);
    const { found, gone } = await recogniser.settle(departed, pause);
    let maker: IdMaker | undefined;
    const ids: string[] = [];
    for (const [place, channel] of list.entries()) {
      let id = found[place]?.id;
      if (id === undefined) {
        maker ??= new IdMaker(usedIds(instance, departed, parts.get(instance)?.channels ?? []));
        id = maker.make(channel);
      }
      ids.push(id);
      const rest = pause();
      if (rest) await rest;
    }
    const numbers = await book.give(
      (place) => ({
        id: `${instance}:${ids[place]}`,
        has: found[place]?.number ?? "",
        wish: list[place]?.number,
        pinned: pinned.has(place),
      }),
      list.length,
      range,
      (r) => log.warn(`number ${r.wish} belongs to another channel; ${r.id} keeps ${r.has || "one of its own"}`),
      pause,
    );
    const leaving = gone.map(departedOf);
    for (const [place, known] of found.entries()) {
      if (known?.live && known.number !== numbers[place]) leaving.push(departedOf(known.live));
    }
    await store.depart(instance, leaving);
    departed.push(...leaving);
    return { ids, numbers, found };
  }

  return {
    channels: (instance) => (instance === undefined ? current.channels : (parts.get(instance)?.channels ?? [])),
    get: (id) => current.byId.get(id),
    get ready() {
      return ready;
    },
    original(instance) {
      const part = parts.get(instance);
      return settings.duplicates === "keep" ? part?.original : undefined;
    },
    onChange(callback, signal) {
      if (signal.aborted) return;
      listeners.add(callback);
      signal.addEventListener("abort", () => listeners.delete(callback), { once: true });
    },
    composed: () => current,
    confirmed: (instance) => parts.get(instance)?.at,

    async restore(instances) {
      order = instances;
      await Promise.all(instances.map(open));
      if (parts.size > 0) await republish();
    },

    async arrange(instances, next) {
      const before = JSON.stringify([order, settings]);
      await Promise.all(instances.map(open));
      order = instances;
      settings = next;
      if (before !== JSON.stringify([order, settings])) await republish();
    },

    async update(instance, source, options) {
      const pause = pauser();
      await open(instance);
      const before = parts.get(instance);
      const old = before?.channels ?? [];
      const collected = await collect(source, new Recogniser(old), options, pause);
      const { list, given, edited } = collected;
      believe(given, before, settings.shrinkGuard);
      const { ids, numbers, found } = await settle(instance, collected, options.range, pause);
      let changed = !before || old.length !== list.length;
      const channels: LineupChannel[] = [];
      for (const [place, channel] of list.entries()) {
        const next = publish(channel, instance, ids[place] as string, numbers[place] as string, found[place]?.live);
        changed ||= next !== old[place];
        channels.push(next);
        const rest = pause();
        if (rest) await rest;
      }
      options.signal.throwIfAborted();
      if (changed) {
        const unkept = (error: unknown) => log.error(`the last good lineup could not be kept: ${reasonOf(error)}`);
        await store.save(instance, channels, pause).catch(unkept);
      }
      const original = await store
        .keepOriginal(instance, edited ? undefined : options.original?.())
        .catch((error: unknown) => void log.error(`the upstream's playlist could not be kept: ${reasonOf(error)}`));
      parts.set(instance, { channels: changed ? channels : old, given, strikes: 0, at: clock.now(), original });
      const replaced = original?.digest !== before?.original?.digest;
      if (changed || replaced || !ready) await republish();
      return { channels: channels.length, excluded: given - list.length, changed };
    },
  };
}

type Pause = () => Promise<void> | undefined;

function pauser(): Pause {
  const pacer = createPacer();
  return () => (pacer.due() ? pacer.rest() : undefined);
}

/** What upstream gave this time, after the rules. */
interface Collected {
  readonly list: Channel[];
  readonly recogniser: Recogniser;
  /** Places of channels whose number is the user's own wish. */
  readonly pinned: ReadonlySet<number>;
  readonly given: number;
  readonly edited: boolean;
}

/** Reads all channels, applies the rules, and recognises what it can as it comes. */
async function collect(
  source: AsyncIterable<Channel>,
  recogniser: Recogniser,
  { rules, signal }: UpdateOptions,
  pause: Pause,
): Promise<Collected> {
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
      recogniser.take(next);
      list.push(next);
    }
    const rest = pause();
    if (rest) await rest;
  }
  return { list, recogniser, pinned, given, edited };
}

/** Ids that are or were in use. */
function* usedIds(instance: string, departed: readonly Departed[], live: readonly LineupChannel[]): Iterable<string> {
  for (const { id } of departed) yield id;
  for (const { id } of live) yield id.slice(instance.length + 1);
}

/** The shrink guard: a lineup that is suddenly far smaller is believed only when upstream insists. */
function believe(given: number, before: Part | undefined, patience: number): void {
  if (given === 0) throw new HeadendError("instance.empty");
  if (!before || before.given < guarded || given * 2 >= before.given) return;
  before.strikes++;
  if (before.strikes >= patience) return;
  throw new HeadendError("instance.shrunk", { count: given, before: before.given, left: patience - before.strikes });
}
