// The lineup: merges every instance's channels under ids and numbers that never move, and keeps the last good ones.
import { createHash, randomUUID } from "node:crypto";
import { createPause } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import { createListeners } from "../listeners.ts";
import type { Clock, Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { Channel, Document, LineupChannel } from "../types.ts";
import { version } from "../version.ts";
import { type Collected, collect } from "./collect.ts";
import { compose, emptyLineup } from "./compose.ts";
import { type Believed, believe } from "./guard.ts";
import { type Departed, departedOf, IdMaker, isLive, localIdOf, Recogniser } from "./identity.ts";
import type { LineupKeeper, LineupSettings, UpdateOptions, UpdateResult } from "./keeper.ts";
import { NumberBook, type NumberRange } from "./numbers.ts";
import { publish, sameChannel } from "./output.ts";
import type { Store } from "./store.ts";
import { createTurns } from "./turns.ts";

interface Part extends Believed {
  channels: readonly LineupChannel[];
  /** Names these channels, over restarts too. */
  tag: string;
  /** When they were last known to be right. */
  at: number;
  /** The upstream's own playlist, while no rule edits the channels. */
  original: Document | undefined;
  /** False while the disk does not have them. */
  saved: boolean;
}

/** Short: collections of garbage come on top, and there is much of it. */
const slice = 2;
/** How long new channels wait for instances before theirs, so that first numbers follow the config's order. */
const courtesy = 10_000;

export type { LineupKeeper, LineupSettings, UpdateOptions, UpdateResult } from "./keeper.ts";

export function createLineup(o: { store: Store; log: Logger; clock: Clock }): LineupKeeper {
  const { store, log, clock } = o;
  const parts = new Map<string, Part>();
  const listeners = createListeners(log);
  const book = new NumberBook();
  const booked = new Map<string, Promise<Departed[]>>();
  let order: readonly string[] = [];
  let settings: LineupSettings = { duplicates: "keep", shrinkGuard: 3 };
  let current = emptyLineup;
  let tag = "";
  let ready = false;
  let queue: Promise<void> = Promise.resolve();
  const turns = createTurns(clock, courtesy);
  /** The run of each instance that may take over, and the take-over under way. */
  const latest = new Map<string, symbol>();
  const takingOver = new Map<string, Promise<unknown>>();

  /** An instance's part, while the config names it. */
  const named = (instance: string) => (order.includes(instance) ? parts.get(instance) : undefined);

  /** Puts the parts together again; runs one at a time, and readers see the old lineup until it is done. */
  function republish(): Promise<void> {
    const run = queue.then(async () => {
      const named = order.flatMap((name) => {
        const part = parts.get(name);
        return part ? [{ name, channels: part.channels, tag: part.tag }] : [];
      });
      const next = tagOf([settings.duplicates, ...named.map((part) => part.tag)]);
      current = await compose(named, settings.duplicates, createPause(slice));
      tag = next;
      ready ||= named.length > 0;
      listeners.call();
    });
    queue = run.catch(() => {});
    return run;
  }

  /** Reads what an instance had and has, once: its channels become the last good ones, its numbers stay taken. */
  function open(instance: string): Promise<Departed[]> {
    let departed = booked.get(instance);
    if (!departed) {
      departed = readAll(instance);
      booked.set(instance, departed);
      // What cannot be read now is tried again; nothing is given away before.
      departed.catch(() => booked.delete(instance));
    }
    return departed;
  }

  async function readAll(instance: string): Promise<Departed[]> {
    const pause = createPause(slice);
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
      const { channels, given, at, tag, broken } = saved;
      if (broken > 0) log.warn(`${instance}: ${broken} of the last good channels cannot be read any more`);
      if (channels.length === 0) return departed;
      parts.set(instance, { channels, tag, given, strikes: 0, struck: 0, at, original, saved: broken === 0 });
    }
    return departed;
  }

  /** Opens instances; one that cannot be read is told of, and refuses its updates until it can. */
  async function openAll(instances: readonly string[]): Promise<void> {
    const tell = (name: string) => (error: unknown) =>
      log.error(`${name}: what was kept cannot be read: ${reasonOf(error)}`);
    await Promise.all(instances.map((name) => open(name).catch(tell(name))));
  }

  /** Numbers of instances that the config does not name stay taken. */
  async function bookOthers(): Promise<void> {
    await openAll((await store.instances()).filter((name) => !order.includes(name)));
  }

  /** Gives ids and numbers to what upstream gave; what leaves is on disk before it is forgotten. */
  async function settle(
    instance: string,
    collected: Collected,
    range: NumberRange | undefined,
  ): Promise<LineupChannel[]> {
    const { list, recogniser, pinned } = collected;
    const pause = createPause(slice);
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
    channels: (instance) => (instance === undefined ? current.channels : (named(instance)?.channels ?? [])),
    get: (id) => current.byId.get(id),
    tag: (instance) => (instance === undefined ? tag : tagOf([named(instance)?.tag ?? ""])),
    get ready() {
      return ready;
    },
    original(instance) {
      return settings.duplicates === "keep" ? named(instance)?.original : undefined;
    },
    onChange: listeners.add,
    composed: () => current,
    confirmed: (instance) => parts.get(instance)?.at,

    async restore(instances) {
      order = instances;
      await openAll(instances);
      await bookOthers();
      if (parts.size > 0) await republish();
    },

    async arrange(instances, next) {
      const before = JSON.stringify([order, settings]);
      await openAll(instances);
      order = instances;
      settings = next;
      await bookOthers();
      if (before !== JSON.stringify([order, settings])) await republish();
    },

    expect: (instance) => turns.expect(instance),
    dismiss: (instance) => turns.end(instance),

    close: () => Promise.all(takingOver.values()).then(() => queue),

    trust(instance) {
      const part = parts.get(instance);
      if (part) part.given = 0;
    },

    async update(instance, source, options) {
      try {
        await open(instance);
        // An instance that is started anew may still be taking over what its last run collected.
        await takingOver.get(instance);
        const run = Symbol(instance);
        latest.set(instance, run);
        const before = parts.get(instance);
        const recogniser = new Recogniser(before?.channels ?? []);
        const collected = await collect(source, recogniser, options.rules, options.signal, createPause(slice));
        believe(collected.given, before, settings.shrinkGuard, clock.monotonic());
        options.signal.throwIfAborted();
        // Ids were recognised among channels that another run has since replaced.
        if (latest.get(instance) !== run) throw new HeadendError("instance.overtaken", { instance });
        const taking = takeOver(instance, collected, options);
        takingOver.set(
          instance,
          taking.catch(() => {}),
        );
        return await taking;
      } finally {
        turns.end(instance);
      }
    },
  };

  /** Makes what was collected an instance's channels. */
  async function takeOver(instance: string, collected: Collected, options: UpdateOptions): Promise<UpdateResult> {
    const { given, edited } = collected;
    const before = parts.get(instance);
    const old = before?.channels ?? [];
    const channels = await settle(instance, collected, options.range);
    const changed =
      !before || old.length !== channels.length || channels.some((channel, place) => channel !== old[place]);
    const tag = changed || !before.saved ? await keep(instance, channels, given) : before.tag;
    const saved = tag !== undefined;
    const original = await store
      .keepOriginal(instance, edited ? undefined : options.original?.())
      .catch((error: unknown) => void log.error(`the upstream's playlist could not be kept: ${reasonOf(error)}`));
    parts.set(instance, {
      channels: changed ? channels : old,
      tag: tag ?? randomUUID(),
      given,
      strikes: 0,
      struck: 0,
      at: clock.now(),
      original,
      saved,
    });
    const replaced = original?.digest !== before?.original?.digest;
    if (changed || replaced || !ready) await republish();
    return { channels: channels.length, excluded: given - channels.length, changed };
  }

  /** Makes channels the last good ones; their tag, or undefined when the disk refuses: it is tried again then. */
  async function keep(
    instance: string,
    channels: readonly LineupChannel[],
    given: number,
  ): Promise<string | undefined> {
    try {
      return await store.save(instance, channels, given);
    } catch (error) {
      log.error(`the last good lineup could not be kept: ${reasonOf(error)}`);
      return undefined;
    }
  }
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
