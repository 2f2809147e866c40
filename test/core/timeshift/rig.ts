// Timeshift on real files, an upstream that tests move by hand and a clock that stands still until it is moved.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InstanceStreams } from "../../../core/config/index.ts";
import { packetLength, pidOf } from "../../../core/formats/mpegts.ts";
import { createCandidates } from "../../../core/hub/candidates.ts";
import { createHub, type Hub } from "../../../core/hub/index.ts";
import { HeadendError, type Lineup, type LineupChannel, type Source } from "../../../core/plugin.ts";
import { createTimeshift, type Timeshift } from "../../../core/timeshift/index.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel, until } from "../../support/host.ts";
import { contentsOf, createReader, createUpstream, type TestUpstream } from "../hub/rig.ts";

/** Packets a second; the first of each second is a key frame, with tables before it. */
export const rate = 20;
/** Packets are on their way for some milliseconds: an instant that is asked for lies behind theirs. */
const late = 100;
/** Bytes of a block that holds four seconds. */
export const capacity = 4 * (rate + 2) * packetLength;

export interface ShiftOptions {
  readonly channels?: readonly Partial<LineupChannel>[];
  readonly tuners?: number;
  readonly folder?: string;
  /** Bytes for all. */
  readonly size?: number;
  /** What an upstream's past does. */
  openPast?(url: string): Promise<Source>;
}

export type ShiftRig = Awaited<ReturnType<typeof createShiftRig>>;

/** Channels `a`, `b`, … of one instance, each with an upstream of its own. */
export async function createShiftRig(o: ShiftOptions = {}) {
  const folder = o.folder ?? (await mkdtemp(join(tmpdir(), "headend-timeshift-")));
  const clock = createTestClock();
  const said: string[] = [];
  const say = (sentence: string) => void said.push(sentence);
  const log = { debug: say, info: say, warn: say, error: say };
  const size = 3 * capacity;
  const parts = o.channels ?? [{}];
  let channels = parts.map((part, place) => {
    const name = String.fromCharCode(97 + place);
    return lineupChannel({
      name,
      url: `http://up.example/${name}`,
      timeshift: 3_600_000,
      timeshiftSize: size,
      ...part,
    });
  });
  const ups = new Map<string, TestUpstream>(
    channels.map(({ name, url = "" }) => [url, createUpstream(name, rate)] as const),
  );
  const listeners = new Set<() => void>();
  const lineup: Lineup = {
    channels: () => channels,
    get: (id) => channels.find((each) => each.id === id),
    tag: () => JSON.stringify(channels),
    ready: true,
    original: () => undefined,
    onChange: (callback, signal) => {
      listeners.add(callback);
      signal.addEventListener("abort", () => listeners.delete(callback), { once: true });
    },
  };
  const timeshift: Timeshift = createTimeshift({
    ...{ folder: join(folder, "timeshift"), clock, log, lineup, capacity },
    hub: () => hub,
    size: () => o.size ?? 1e9,
  });
  const streams: InstanceStreams = {
    ...{ deliver: "relay" as const, reserve: 0, linger: 5000, stall: 2000, timeshift: {} },
    ...(o.tuners === undefined ? {} : { tuners: o.tuners }),
  };
  const hub: Hub = createHub({
    clock,
    log,
    settings: () => ({ linger: 5000, stall: 60_000, slate: 0 }),
    made: timeshift.made,
    candidates: createCandidates({
      clock,
      timeZone: () => "UTC",
      catchupId: async () => undefined,
      timeshift: timeshift.candidate,
      opener: () => ({
        streams,
        async dial(url, options = {}) {
          const up = ups.get(url);
          if (up) return await up.source(options.signal ?? new AbortController().signal);
          if (o.openPast) return await o.openPast(url);
          throw new HeadendError("dial.refused", { url, reason: "there is nothing" });
        },
        openHls: () => Promise.reject(new Error("no HLS here")),
      }),
    }),
  });
  const start = clock.now();

  const rig = {
    ...{ folder, clock, said, hub, timeshift, start },
    up: (name: string) => ups.get(`http://up.example/${name}`) as TestUpstream,
    channel: (name: string) => channels.find((each) => each.name === name) as LineupChannel,
    /** Gives the lineup other channels. */
    publish(next: readonly LineupChannel[]) {
      channels = [...next];
      for (const listener of listeners) listener();
    },
    /** Sends a second's packets to those channels, and lets it pass; what is due on disk is there then. */
    async seconds(count: number, ...names: string[]) {
      for (let second = 0; second < count; second++) {
        for (const name of names.length > 0 ? names : ["a"]) rig.up(name).send(rate);
        await rig.second();
      }
    },
    /** Waits until what records has all that was sent: it may be waiting for the disk. */
    async taken() {
      const waits = () =>
        hub.streams().some(({ viewers }) => viewers.some((each) => each.name === "timeshift" && each.backlog > 0));
      await until(() => clock.advance(0).then(() => !waits()), "all is recorded");
    },
    /** Lets a second pass; what was sent arrives early in it. */
    async second() {
      await clock.advance(late / 2);
      await rig.taken();
      await rig.settle();
      await clock.advance(1000 - late / 2);
      await rig.settle();
    },
    /** Lets files be written and read. */
    async settle() {
      for (let turn = 0; turn < 4; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        await clock.advance(0);
      }
    },
    /** Watches, live or from so many seconds after the beginning on. */
    async watch(name: string, past: { at?: number; until?: number } = {}, viewer = "tv") {
      const instant = (second: number) => start + second * 1000;
      const tune = {
        channel: rig.channel(name),
        ...(past.at === undefined ? {} : { at: instant(past.at) + late }),
        ...(past.until === undefined ? {} : { until: instant(past.until) }),
      };
      let settled = false;
      const watch = hub.watch(tune, { name: viewer }, new AbortController().signal).finally(() => {
        settled = true;
      });
      watch.catch(() => {});
      await clock.advance(0);
      if (past.at === undefined) rig.up(name).send(0);
      else await until(() => clock.advance(0).then(() => settled), "the past begins");
      return watch;
    },
    /** A live viewer that takes all, and those who wait for it. */
    async live(name = "a", viewer = "tv") {
      const watch = hub.watch({ channel: rig.channel(name) }, { name: viewer }, new AbortController().signal);
      const { id, timeshift } = rig.channel(name);
      const viewers = () => hub.streams().find(({ channel, at }) => channel === id && at === undefined)?.viewers ?? [];
      if (timeshift)
        await until(
          () => clock.advance(0).then(() => viewers().some((each) => each.name === "timeshift")),
          "it is recorded",
        );
      else await clock.advance(0);
      rig.up(name).send(rate);
      const reader = createReader((await watch).body);
      await rig.second();
      return reader;
    },
    async close() {
      await timeshift.close();
      const stopping = hub.stop();
      await clock.advance(0);
      await stopping;
      await rig.settle();
    },
    async remove() {
      await rig.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  for (const listener of listeners) listener();
  await rig.settle();
  return rig;
}

/** What was seen, without what says nothing; every counter has been checked. */
export function seen(bytes: Uint8Array): string[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += packetLength)
    if (pidOf(bytes, at) !== 0x1fff) parts.push(bytes.subarray(at, at + packetLength));
  const all = new Uint8Array(parts.length * packetLength);
  for (const [place, part] of parts.entries()) all.set(part, place * packetLength);
  return contentsOf(all);
}

/** The pictures' numbers in what was seen. */
export function numbersOf(contents: readonly string[]): number[] {
  return contents.flatMap((each) => (each.includes("#") ? [Number(each.slice(each.indexOf("#") + 1))] : []));
}

/** Reads a body until nothing comes any more. */
export async function drained(rig: Pick<ShiftRig, "settle">, body: ReadableStream<Uint8Array>) {
  const reader = createReader(body);
  await drain(rig, reader);
  return reader;
}

export async function drain(rig: Pick<ShiftRig, "settle">, reader: ReturnType<typeof createReader>): Promise<void> {
  for (let before = -1; before !== reader.bytes.length && !reader.ended; ) {
    before = reader.bytes.length;
    await reader.drain(rig.settle);
  }
}
