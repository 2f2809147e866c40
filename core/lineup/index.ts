// The lineup: merges every instance's channels under ids and numbers that never move, and keeps the last good ones.
import { createHash, randomUUID } from "node:crypto";
import { createPause } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import { createListeners } from "../listeners.ts";
import { reasonOf } from "../reason.ts";
import type { Document, LineupChannel } from "../types.ts";
import { version } from "../version.ts";
import { type Collected, collect } from "./collect.ts";
import { compose, emptyLineup } from "./compose.ts";
import { type Believed, believe } from "./guard.ts";
import { type Departed, Recogniser } from "./identity.ts";
import type { Deliver, LineupKeeper, LineupOptions, LineupSettings, UpdateOptions, UpdateResult } from "./keeper.ts";
import { NumberBook } from "./numbers.ts";
import { redelivered } from "./output.ts";
import { settle } from "./settle.ts";
import type { Leaders } from "./stations.ts";
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
  /** What upstream's channels were called, of which these were made; undefined when that was not known. */
  version: string | undefined;
}

/** Short: collections of garbage come on top, and there is much of it. */
const slice = 2;
/** Channels whose refresh leaves some ten megabytes of garbage. */
const large = 10_000;
/** How long new channels wait for instances before theirs, so that first numbers follow the config's order. */
const courtesy = 10_000;

export type { LineupKeeper, LineupSettings, UpdateOptions, UpdateResult } from "./keeper.ts";

export function createLineup(o: LineupOptions): LineupKeeper {
  const { store, log, clock } = o;
  const parts = new Map<string, Part>();
  const listeners = createListeners(log);
  const book = new NumberBook();
  const booked = new Map<string, Promise<Departed[]>>();
  let order: readonly string[] = [];
  let settings: LineupSettings = { duplicates: "keep", shrinkGuard: 3 };
  let leaders: Leaders | undefined;
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

  const tell = (what: string) => (error: unknown) => void log.error(`${what}: ${reasonOf(error)}`);

  /** Puts the parts together again; runs one at a time, and readers see the old lineup until it is done. */
  function republish(): Promise<void> {
    const run = queue.then(async () => {
      const named = order.flatMap((name) => {
        const part = parts.get(name);
        return part ? [{ name, channels: part.channels, tag: part.tag }] : [];
      });
      const { duplicates } = settings;
      if (duplicates === "alternates")
        leaders ??= await store.leaders().catch(tell("which channels lead cannot be read"));
      const composed = await compose(named, duplicates, createPause(slice), leaders);
      if (leaders && composed.learned)
        await store.keepLeaders(leaders).catch(tell("which channels lead could not be kept"));
      current = composed;
      tag = tagOf([duplicates, ...named.map((part) => part.tag), ...composed.vacant]);
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
    const [saved, departed, original, noted] = await Promise.all([
      store.load(instance, pause),
      store.departed(instance, pause),
      store.original(instance),
      store.noted(instance),
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
      const fits = broken === 0 && noted?.tag === tag && noted.original === original?.digest;
      const version = fits ? noted.version : undefined;
      parts.set(instance, { channels, tag, given, strikes: 0, struck: 0, at, original, saved: broken === 0, version });
    }
    return departed;
  }

  /** Counts at once, whether or not upstream answers. */
  function redeliver(instance: string, deliver: Deliver): void {
    const part = parts.get(instance);
    if (part?.channels[0]?.deliver === deliver || !part) return;
    part.channels = part.channels.map((channel) => redelivered(channel, deliver));
    part.tag = `${part.tag} ${deliver ?? "relay"}`;
  }

  /** Opens instances; one that cannot be read is told of, and refuses its updates until it can. */
  async function openAll(instances: readonly string[]): Promise<void> {
    await Promise.all(instances.map((name) => open(name).catch(tell(`${name}: what was kept cannot be read`))));
  }

  /** Numbers of instances that the config does not name stay taken. */
  async function bookOthers(): Promise<void> {
    await openAll((await store.instances()).filter((name) => !order.includes(name)));
  }

  return {
    channels: (instance) => (instance === undefined ? current.channels : (named(instance)?.channels ?? [])),
    get: (id) => current.get(id),
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
      for (const name of instances) redeliver(name, next.deliver?.[name]);
      await bookOthers();
      if (before !== JSON.stringify([order, settings])) await republish();
    },

    expect: (instance) => turns.expect(instance),
    dismiss: (instance) => turns.end(instance),

    close: () => Promise.all(takingOver.values()).then(() => queue),

    trust(instance) {
      const part = parts.get(instance);
      if (!part) return;
      part.given = 0;
      part.version = undefined;
    },

    async update(instance, source, options) {
      try {
        await open(instance);
        // An instance that is started anew may still be taking over what its last run collected.
        await takingOver.get(instance);
        const run = Symbol(instance);
        latest.set(instance, run);
        const version = await versionOf(options);
        const before = parts.get(instance);
        if (before?.saved && version !== undefined && before.version === version) return confirm(before);
        const recogniser = new Recogniser(before?.channels ?? []);
        const collected = await collect(source, recogniser, options.rules, options.signal, createPause(slice));
        if (collected.given > 0 || !options.mayBeEmpty)
          believe(collected.given, before, settings.shrinkGuard, clock.monotonic());
        options.signal.throwIfAborted();
        // Ids were recognised among channels that another run has since replaced.
        if (latest.get(instance) !== run) throw new HeadendError("instance.overtaken", { instance });
        const taking = takeOver(instance, collected, options, version);
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

  /** What the channels will be called, with all that else makes them what they are. */
  async function versionOf({ version, rules, range, signal }: UpdateOptions): Promise<string | undefined> {
    const said = await version?.(signal);
    return said === undefined ? undefined : tagOf([said, JSON.stringify([rules, range])]);
  }

  /** Upstream has said that a part is still right. */
  function confirm(part: Part): UpdateResult {
    Object.assign(part, { strikes: 0, struck: 0, at: clock.now() });
    return { channels: part.channels.length, excluded: part.given - part.channels.length, changed: false };
  }

  /** Makes what was collected an instance's channels. */
  async function takeOver(
    instance: string,
    collected: Collected,
    options: UpdateOptions,
    version: string | undefined,
  ): Promise<UpdateResult> {
    const { given, edited } = collected;
    const before = parts.get(instance);
    const old = before?.channels ?? [];
    const deliver = settings.deliver?.[instance];
    const departed = await open(instance);
    const channels = await settle({
      ...{ instance, collected, departed, book, store, log },
      live: old,
      deliver,
      range: options.range,
      turn: () => turns.wait(instance, order),
      pause: createPause(slice),
    });
    // Most of what was read is garbage now.
    if (channels.length >= large) o.releaseMemory?.();
    const changed =
      !before || old.length !== channels.length || channels.some((channel, place) => channel !== old[place]);
    const tag = changed || !before.saved ? await keep(instance, channels, given) : before.tag;
    const saved = tag !== undefined;
    // Only upstream's own addresses are passed on with it.
    const brought = edited || deliver !== "direct" ? undefined : options.original?.();
    const original = await store
      .keepOriginal(instance, brought)
      .catch(tell("the upstream's playlist could not be kept"));
    const whole = saved && Boolean(brought) === Boolean(original);
    // A note that is lost costs no more than reading the channels again.
    if (version !== undefined && whole)
      await store.note(instance, { version, tag, original: original?.digest }).catch(() => {});
    parts.set(instance, {
      channels: changed ? channels : old,
      tag: tag ?? randomUUID(),
      given,
      strikes: 0,
      struck: 0,
      at: clock.now(),
      original,
      saved,
      version: whole ? version : undefined,
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
