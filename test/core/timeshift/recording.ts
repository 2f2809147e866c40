// A channel's blocks without a hub: packets written second by second, and played again.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TransportSource } from "../../../core/plugin.ts";
import { isSpot, locate, oldest, type Spot } from "../../../core/timeshift/locate.ts";
import { readPast } from "../../../core/timeshift/reader.ts";
import { createSpace, type Space } from "../../../core/timeshift/space.ts";
import { openStore, type Store } from "../../../core/timeshift/store.ts";
import { createWriter, type Writer } from "../../../core/timeshift/writer.ts";
import { createTestClock, type TestClock } from "../../support/clock.ts";
import { createUpstream } from "../hub/rig.ts";
import { capacity, numbersOf, rate, seen } from "./rig.ts";

export interface Recording {
  readonly clock: TestClock;
  readonly folder: string;
  readonly space: Space;
  readonly said: string[];
  readonly store: Store;
  readonly writer: Writer;
  /** The instant at which the clock began. */
  readonly start: number;
  /** Writes so many seconds, each in one piece. */
  seconds(count: number): Promise<void>;
  /** Closes the writer and opens what is on disk, as after a restart. */
  reopen(): Promise<void>;
  /** The numbers of all pictures from an instant on, or from the oldest on; counters are checked. */
  play(at?: number, until?: number): Promise<number[]>;
  /** What there is at an instant. */
  contents(at?: number, until?: number): Promise<string[]>;
}

export interface RecordingOptions {
  readonly folder?: string;
  readonly clock?: TestClock;
  readonly space?: Space;
  /** Blocks of a channel. */
  readonly blocks?: number;
  readonly span?: number;
}

const writers = new Map<string, Set<Writer>>();

/** An empty folder that is gone afterwards, with what writes there closed. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headend-timeshift-"));
  writers.set(folder, new Set());
  try {
    await work(folder);
  } finally {
    for (const writer of writers.get(folder) ?? []) await writer.close();
    writers.delete(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

export async function openRecording(root: string, o: RecordingOptions = {}): Promise<Recording> {
  const folder = o.folder ?? join(root, "channel");
  const { clock = createTestClock(), blocks = 100, span = 3_600_000 } = o;
  let space = o.space ?? createSpace(root, () => 1e9);
  const said: string[] = [];
  const say = (sentence: string) => void said.push(sentence);
  const log = { debug: say, info: say, warn: say, error: say };
  const open = () => openStore(folder, { clock, space, capacity, limits: () => ({ span, size: blocks * capacity }) });
  const write = (store: Store) => {
    const writer = createWriter({ store, clock, log, channel: "a" });
    writers.get(root)?.add(writer);
    return writer;
  };
  let store = await open();
  let writer = write(store);
  const upstream = createUpstream("a", rate);
  const { chunks } = (await upstream.source(new AbortController().signal)) as TransportSource;
  const iterator = chunks[Symbol.asyncIterator]();

  const recording: Recording = {
    ...{ clock, folder, said, start: clock.now() },
    get space() {
      return space;
    },
    get store() {
      return store;
    },
    get writer() {
      return writer;
    },
    async seconds(count) {
      for (let second = 0; second < count; second++) {
        const next = iterator.next();
        upstream.send(rate);
        await writer.append((await next).value);
        await clock.advance(1000);
      }
    },
    async reopen() {
      await writer.close();
      if (!o.space) space = createSpace(root, () => 1e9);
      store = await open();
      writer = write(store);
    },
    play: async (at, until) => numbersOf(await recording.contents(at, until)),
    async contents(at, until) {
      const found = at === undefined ? oldest(store.blocks) : locate(store.blocks, at);
      if (!found || !isSpot(found)) return [];
      const parts: Uint8Array[] = [];
      for await (const part of playFrom(store, found, until)) parts.push(part);
      return seen(new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
    },
  };
  return recording;
}

/** What was recorded, and no more. */
export function playFrom(store: Store, spot: Spot, until?: number): AsyncGenerator<Uint8Array> {
  const follower = { more: async () => false, close: async () => {} };
  return readPast({ store, spot, until, follower, signal: new AbortController().signal, channel: "a" });
}
