// The lineup: merges every instance's channels under ids and numbers that never move, and keeps the last good ones.
import { createHash, randomUUID } from "node:crypto";
import { createPacer } from "../clock.ts";
import { HeadendError, reasonOf } from "../errors.ts";
import type { Clock, Logger } from "../plugin.ts";
import type { Channel, Document, LineupChannel } from "../types.ts";
import { version } from "../version.ts";
import { type Collected, collect } from "./collect.ts";
import { compose, emptyLineup } from "./compose.ts";
import { type Departed, departedOf, IdMaker, isLive, localIdOf, Recogniser } from "./identity.ts";
import type { LineupKeeper, LineupSettings, UpdateOptions, UpdateResult } from "./keeper.ts";
import { NumberBook, type NumberRange } from "./numbers.ts";
import { publish, sameChannel } from "./output.ts";
import type { Store } from "./store.ts";
import { createTurns } from "./turns.ts";

interface Part {
  channels: readonly LineupChannel[];
  /** Names these channels, over restarts too. */
  tag: string;
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
/** How long new channels wait for instances before theirs, so that first numbers follow the config's order. */
const courtesy = 10_000;

export type { LineupKeeper, LineupSettings, UpdateOptions, UpdateResult } from "./keeper.ts";

export function createLineup(o: { store: Store; log: Logger; clock: Clock }): LineupKeeper {
  const { store, log, clock } = o;
  const parts = new Map<string, Part>();
  const listeners = new Set<() => void>();
  const book = new NumberBook();
  const booked = new Map<string, Promise<Departed[]>>();
  let order: readonly string[] = [];
  let settings: LineupSettings = { duplicates: "keep", shrinkGuard: 3 };
  let current = emptyLineup;
  let tag = "";
  let ready = false;
  let queue: Promise<void> = Promise.resolve();
  const turns = createTurns(clock, courtesy);
  const updates = new Map<string, Promise<unknown>>();

  /** Puts the parts together again; runs one at a time, and readers see the old lineup until it is done. */
  function republish(): Promise<void> {
    queue = queue.then(async () => {
      const named = order.flatMap((name) => {
        const part = parts.get(name);
        return part ? [{ name, channels: part.channels, tag: part.tag }] : [];
      });
      const next = tagOf([settings.duplicates, ...named.map((part) => part.tag)]);
      current = await compose(named, settings.duplicates, pauser());
      tag = next;
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
      const { channels, at, tag } = saved;
      parts.set(instance, { channels, tag, given: channels.length, strikes: 0, at, original });
    }
    return departed;
  }

  /** Numbers of instances that the config does not name stay taken. */
  async function bookOthers(): Promise<void> {
    for (const name of await store.instances()) if (!order.includes(name)) await open(name);
  }

  /** Gives ids and numbers to what upstream gave; what leaves is on disk before it is forgotten. */
  async function settle(
    instance: string,
    collected: Collected,
    range: NumberRange | undefined,
  ): Promise<LineupChannel[]> {
    const { list, recogniser, pinned } = collected;
    const pause = pauser();
    const departed = await open(instance);
    const { found, gone } = await recogniser.settle(list, departed, pause);
    let maker: IdMaker | undefined;
    const places: number[] = [];
    const ids: string[] = [];
    for (const [place, known] of found.entries()) {
      const rest = pause();
      if (rest) await rest;
      // Most of a later refresh is settled already.
      if (known && known === list[place]) continue;
      if (!known) maker ??= new IdMaker(usedIds(departed, parts.get(instance)?.channels ?? []));
      places.push(place);
      ids.push(`${instance}:${known ? localIdOf(known) : maker?.make(list[place] as Channel)}`);
    }
    if (maker) await turns.wait(instance, order);
    const numbers = await book.give(
      (at) => {
        const place = places[at] as number;
        const has = found[place]?.number ?? "";
        return { id: ids[at] as string, has, wish: list[place]?.number, pinned: pinned.has(place) };
      },
      places.length,
      range,
      (r) => log.warn(`number ${r.wish} belongs to another channel; ${r.id} keeps ${r.has || "one of its own"}`),
      pause,
    );
    const leaving: Departed[] = [];
    for (const channel of gone) {
      leaving.push(departedOf(channel));
      const rest = pause();
      if (rest) await rest;
    }
    for (const [at, place] of places.entries()) {
      const known = found[place];
      const number = numbers[at] as string;
      const live = known && isLive(known) ? known : undefined;
      if (live && live.number !== number) leaving.push(departedOf(live));
      const channel = list[place] as Channel;
      const same = live?.number === number && sameChannel(channel, live);
      list[place] = same ? live : publish(channel, instance, ids[at] as string, number);
      const rest = pause();
      if (rest) await rest;
    }
    await store.depart(instance, leaving);
    for (const one of leaving) departed.push(one);
    return list as LineupChannel[];
  }

  return {
    channels: (instance) => (instance === undefined ? current.channels : (parts.get(instance)?.channels ?? [])),
    get: (id) => current.byId.get(id),
    tag: (instance) => (instance === undefined ? tag : tagOf([parts.get(instance)?.tag ?? ""])),
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
      await bookOthers();
      if (parts.size > 0) await republish();
    },

    async arrange(instances, next) {
      const before = JSON.stringify([order, settings]);
      await Promise.all(instances.map(open));
      order = instances;
      settings = next;
      await bookOthers();
      if (before !== JSON.stringify([order, settings])) await republish();
    },

    expect: (instance) => turns.expect(instance),
    dismiss: (instance) => turns.end(instance),

    async update(instance, source, options) {
      try {
        await open(instance);
        const before = parts.get(instance);
        const recogniser = new Recogniser(before?.channels ?? []);
        const collected = await collect(source, recogniser, options.rules, options.signal, pauser());
        believe(collected.given, before, settings.shrinkGuard);
        // An instance that is started anew may still be taking over what its last run collected.
        const turn = (updates.get(instance) ?? Promise.resolve()).then(() => takeOver(instance, collected, options));
        updates.set(
          instance,
          turn.catch(() => {}),
        );
        return await turn;
      } finally {
        turns.end(instance);
      }
    },
  };

  /** Makes what was collected an instance's channels. */
  async function takeOver(instance: string, collected: Collected, options: UpdateOptions): Promise<UpdateResult> {
    options.signal.throwIfAborted();
    const { given, edited } = collected;
    const before = parts.get(instance);
    const old = before?.channels ?? [];
    const channels = await settle(instance, collected, options.range);
    const changed =
      !before || old.length !== channels.length || channels.some((channel, place) => channel !== old[place]);
    options.signal.throwIfAborted();
    const tag = changed ? await keep(instance, channels) : before.tag;
    const original = await store
      .keepOriginal(instance, edited ? undefined : options.original?.())
      .catch((error: unknown) => void log.error(`the upstream's playlist could not be kept: ${reasonOf(error)}`));
    parts.set(instance, { channels: changed ? channels : old, tag, given, strikes: 0, at: clock.now(), original });
    const replaced = original?.digest !== before?.original?.digest;
    if (changed || replaced || !ready) await republish();
    return { channels: channels.length, excluded: given - channels.length, changed };
  }

  /** Makes channels the last good ones; returns their tag. */
  async function keep(instance: string, channels: readonly LineupChannel[]): Promise<string> {
    try {
      return await store.save(instance, channels);
    } catch (error) {
      log.error(`the last good lineup could not be kept: ${reasonOf(error)}`);
      return randomUUID();
    }
  }
}

type Pause = () => Promise<void> | undefined;

function pauser(): Pause {
  // Short slices: collections of garbage come on top, and there is much of it.
  const pacer = createPacer(2);
  return () => (pacer.due() ? pacer.rest() : undefined);
}

/** Another version of headend may make other outputs of the same channels. */
function tagOf(parts: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify([version, parts]))
    .digest("base64url");
}

/** Ids that are or were in use. */
function* usedIds(departed: readonly Departed[], live: readonly LineupChannel[]): Iterable<string> {
  for (const known of departed) yield known.id;
  for (const known of live) yield localIdOf(known);
}

/** The shrink guard: a lineup that is suddenly far smaller is believed only when upstream insists. */
function believe(given: number, before: Part | undefined, patience: number): void {
  if (given === 0) throw new HeadendError("instance.empty");
  if (!before || before.given < guarded || given * 2 >= before.given) return;
  before.strikes++;
  if (before.strikes >= patience) return;
  throw new HeadendError("instance.shrunk", { count: given, before: before.given, left: patience - before.strikes });
}
