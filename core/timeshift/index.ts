// Timeshift: keeps live pictures on disk, so that the past of any channel can be asked for.
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createPause } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import type { Candidate } from "../hub/index.ts";
import type { Clock, Lineup, LineupChannel, Logger, StreamHub, Tune } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { createFollower } from "./follower.ts";
import { type Hole, isSpot, locate } from "./locate.ts";
import { readPast } from "./reader.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { createSpace } from "./space.ts";
import { openStore, type Store } from "./store.ts";

export interface TimeshiftOptions {
  /** The folder for all channels. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lineup: Lineup;
  hub(): StreamHub;
  /** Bytes on disk for all channels together. */
  size(): number;
  /** Bytes of a block on disk. */
  readonly capacity?: number;
}

export interface Timeshift {
  /** The past of a channel that keeps one, as an upstream; undefined for others, and for live. */
  candidate(tune: Tune): Candidate | undefined;
  /** There is a stream for a tune now. */
  made(tune: Tune): void;
  /** Bytes on disk. */
  readonly bytes: number;
  /** How many channels are recorded now. */
  readonly recording: number;
  /** Resolves when everything is on disk. */
  close(): Promise<void>;
}

const usualSize = 8e9;
/** What has left the lineup may come back: what is kept of it is deleted after so many milliseconds. */
const farewell = 600_000;

interface Kept {
  readonly recorder: Recorder;
  store: Promise<Store> | undefined;
}

export function createTimeshift(o: TimeshiftOptions): Timeshift {
  const { clock, log, lineup, folder } = o;
  const control = new AbortController();
  const { signal } = control;
  const space = createSpace(folder, o.size);
  const kept = new Map<string, Kept>();
  let tending: Promise<void> | undefined;
  let tag: string | undefined;

  const keeps = (channel: LineupChannel | undefined) => (channel?.timeshift ?? 0) > 0;
  const current = (id: string) => {
    const channel = lineup.get(id);
    return keeps(channel) ? channel : undefined;
  };

  function keptOf(id: string): Kept {
    let one = kept.get(id);
    if (!one) {
      const storeOf = () => openKept(id);
      const recorder = createRecorder({ hub: o.hub(), clock, log, channel: () => current(id), store: storeOf });
      one = { recorder, store: undefined };
      kept.set(id, one);
    }
    return one;
  }

  function openKept(id: string): Promise<Store> {
    const one = keptOf(id);
    one.store ??= openStore(join(folder, nameOf(id)), {
      clock,
      space,
      ...(o.capacity === undefined ? {} : { capacity: o.capacity }),
      limits() {
        const { timeshift = 0, timeshiftSize = usualSize } = lineup.get(id) ?? {};
        return { span: timeshift, size: timeshiftSize };
      },
    }).catch((error) => {
      // The disk may be there the next time.
      one.store = undefined;
      throw error;
    });
    return one.store;
  }

  /** The folders there are, of channels and of those that are none any more. */
  async function listFolders(): Promise<{ readonly name: string; readonly id: string | undefined }[]> {
    const names = (await readdir(folder).catch(() => [])).filter((name) => ours.test(name));
    if (names.length === 0) return [];
    const ids = new Map<string, string>();
    const pause = createPause();
    for (const channel of lineup.channels()) {
      if (keeps(channel)) ids.set(nameOf(channel.id), channel.id);
      const rest = pause();
      if (rest) await rest;
    }
    return names.map((name) => ({ name, id: ids.get(name) }));
  }

  /** What lies there counts against the space for all, also of channels that nobody watches now. */
  async function openAll(): Promise<void> {
    for (const { id } of await listFolders())
      if (id !== undefined) await openKept(id).catch((error) => log.warn(`${id}: its timeshift: ${reasonOf(error)}`));
  }

  /** Forgets what is kept for nobody. */
  async function sweep(): Promise<void> {
    for (const [id, { recorder, store }] of [...kept]) {
      if (current(id)) continue;
      kept.delete(id);
      await recorder.stop();
      await (await store?.catch(() => undefined))?.remove().catch(() => {});
    }
    for (const { name, id } of await listFolders())
      if (id === undefined) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }

  /** Brings the recorders to what the lineup wants; what is kept of others goes later. */
  function follow(): void {
    const next = lineup.tag();
    if (!lineup.ready || signal.aborted || next === tag) return;
    tag = next;
    for (const [id, { recorder }] of kept) if (!current(id)) void recorder.stop();
    const watched = new Set(
      o
        .hub()
        .streams()
        .flatMap(({ channel, at }) => (at === undefined ? [channel] : [])),
    );
    for (const channel of lineup.channels())
      if (keeps(channel) && (channel.timeshiftWhen === "always" || watched.has(channel.id)))
        keptOf(channel.id).recorder.wake();
    tending ??= tend().finally(() => {
      tending = undefined;
    });
  }

  async function tend(): Promise<void> {
    for (let seen: string | undefined; seen !== tag && !signal.aborted; ) {
      seen = tag;
      await openAll();
      const folders = await listFolders();
      if (folders.every(({ id }) => id !== undefined) && [...kept.keys()].every(current)) continue;
      await clock.sleep(farewell, signal).catch(() => {});
      if (!signal.aborted && seen === tag) await sweep();
    }
  }

  lineup.onChange(follow, signal);

  async function* play(tune: Tune, at: number, until: AbortSignal): AsyncGenerator<Uint8Array> {
    const { channel } = tune;
    const store = await openKept(channel.id);
    const spot = locate(store.blocks, at);
    if (!isSpot(spot)) throw new HeadendError("tune.past", { channel: channel.name, reason: describeHole(spot, at) });
    const follower = createFollower({
      hub: o.hub(),
      clock,
      store,
      channel,
      until: tune.until,
      signal: until,
      recording: () => kept.get(channel.id)?.recorder.active ?? false,
      viewer: () => watcherOf(tune),
    });
    yield* readPast({ store, spot, until: tune.until, follower, signal: until, channel: channel.name });
  }

  /** The one who watches a past, by name. */
  function watcherOf({ channel, at }: Tune): string {
    const stream = o
      .hub()
      .streams()
      .find((each) => each.channel === channel.id && each.at === at);
    const names = new Set(stream?.viewers.map(({ name }) => name));
    const [name] = names;
    return names.size === 1 && name !== undefined ? name : "timeshift";
  }

  return {
    candidate(tune) {
      const { channel, at } = tune;
      if (at === undefined || !keeps(channel) || signal.aborted) return undefined;
      return {
        key: `timeshift ${channel.id}`,
        instance: channel.instance,
        shown: "timeshift",
        wants: () => [],
        open: async (signal) => ({ kind: "ts", chunks: play(tune, at, signal), patient: true, how: "timeshift" }),
        openHls: () => Promise.reject(new Error("a timeshift is no HLS")),
      };
    },

    made({ channel, at }) {
      if (at !== undefined || signal.aborted || !current(channel.id)) return;
      // Whoever made it is to be its first viewer.
      queueMicrotask(() => keptOf(channel.id).recorder.wake());
    },

    get bytes() {
      return space.bytes;
    },
    get recording() {
      let count = 0;
      for (const { recorder } of kept.values()) if (recorder.active) count++;
      return count;
    },

    async close() {
      control.abort();
      await Promise.all(Array.from(kept.values(), ({ recorder }) => recorder.stop()));
      await tending;
    },
  };
}

/** What the folders of channels look like. */
const ours = /-[0-9a-f]{16}$/;

/** What a channel's folder is called: something to know it by, and what is its own. */
function nameOf(id: string): string {
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return `${id.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60)}-${hash}`;
}

function describeHole({ since, until }: Hole, at: number): string {
  const when = stamp(at);
  if (since !== undefined && until !== undefined)
    return `was not recorded at ${when}, only until ${stamp(since)} and again from ${stamp(until)} on`;
  if (since !== undefined) return `was not recorded at ${when}, only until ${stamp(since)}`;
  if (until !== undefined) return `was not recorded at ${when}; its timeshift reaches back to ${stamp(until)}`;
  return "nothing of it has been recorded yet";
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
