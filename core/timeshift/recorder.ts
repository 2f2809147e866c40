// Records a channel: while others watch it, or always, and then again and again whatever befalls it.
import type { Clock, LineupChannel, Logger, StreamHub } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { Store } from "./store.ts";
import { createWriter } from "./writer.ts";

export interface RecorderOptions {
  readonly hub: Pick<StreamHub, "watch" | "streams">;
  readonly clock: Clock;
  readonly log: Logger;
  /** As it is in the lineup now. */
  channel(): LineupChannel | undefined;
  store(): Promise<Store>;
}

export interface Recorder {
  /** Somebody has begun to watch, or what is wanted of it has changed. */
  wake(): void;
  /** True while bytes come. */
  readonly active: boolean;
  /** Resolves when what it had is on disk. It may be woken again. */
  stop(): Promise<void>;
}

/** Milliseconds between two tries: of a tap, and of what is always recorded, at first and at most. */
const tapPause = 1000;
const shortestPause = 1000;
const longestPause = 60_000;
/** A disk that takes longer for a second's bytes is looked at. */
const slow = 1000;

export function createRecorder(o: RecorderOptions): Recorder {
  const { hub, clock, log } = o;
  let control = new AbortController();
  let running: Promise<void> | undefined;
  /** Ends a pause, or a recording that is to go on in another way. */
  let turn = new AbortController();
  let active = false;
  /** While it records, or waits for a stream. */
  let priority: "recording" | "tap" | undefined;
  /** The signal of what runs. */
  let runs: AbortSignal | undefined;
  let failures = 0;

  const isWatched = (channel: LineupChannel) =>
    hub.streams().some(({ channel: id, at, state }) => id === channel.id && at === undefined && state !== "closing");

  const priorityOf = ({ timeshiftWhen }: LineupChannel) => (timeshiftWhen === "always" ? "recording" : "tap");

  /** Records until the stream is over. @throws why it could not be watched */
  async function record(channel: LineupChannel, signal: AbortSignal): Promise<void> {
    const store = await o.store();
    priority = priorityOf(channel);
    const watch = await hub.watch({ channel }, { name: "timeshift", priority }, signal);
    failures = 0;
    const reader = watch.body.getReader();
    const writer = createWriter({ store, clock, log, channel: channel.name });
    active = true;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const before = clock.monotonic();
        await writer.append(value);
        if (clock.monotonic() - before > slow) checkSkips(watch.id, channel);
      }
    } finally {
      active = false;
      await writer.close();
      await reader.cancel().catch(() => {});
      store.notify();
    }
  }

  let told = 0;
  function checkSkips(id: string, channel: LineupChannel): void {
    const skips = hub.streams().flatMap(({ viewers }) => viewers.find((each) => each.id === id)?.skips ?? [])[0] ?? 0;
    if (skips > 0 && told === 0) log.warn(`${channel.name}: the disk is too slow for its timeshift, which has gaps`);
    told = skips;
  }

  async function run(signal: AbortSignal): Promise<void> {
    for (let channel = o.channel(); channel && !signal.aborted; channel = o.channel()) {
      turn = new AbortController();
      try {
        await record(channel, AbortSignal.any([signal, turn.signal]));
      } catch (thrown) {
        if (signal.aborted) return;
        failures++;
        // Of what others watch, they are told.
        if (failures === 1 && priority === "recording")
          log.warn(`${channel.name}: is not recorded: ${reasonOf(thrown)}`);
      }
      const always = o.channel()?.timeshiftWhen === "always";
      if (!always && !isWatched(channel)) return;
      priority = undefined;
      if (turn.signal.aborted) continue;
      const pause = always ? Math.min(longestPause, shortestPause * 2 ** Math.min(failures, 6)) : tapPause;
      await clock.sleep(pause, AbortSignal.any([signal, turn.signal])).catch(() => {});
    }
  }

  return {
    wake() {
      const channel = o.channel();
      if (!channel) return;
      if (priority === undefined || priority !== priorityOf(channel)) turn.abort();
      if (control.signal.aborted) control = new AbortController();
      const { signal } = control;
      // One that is being stopped ends first.
      const before = running;
      if (before && runs === signal) return;
      runs = signal;
      const now: Promise<void> = (async () => {
        await before;
        await run(signal);
      })().finally(() => {
        priority = undefined;
        if (running === now) running = runs = undefined;
      });
      running = now;
    },
    get active() {
      return active;
    },
    async stop() {
      control.abort();
      await running;
    },
  };
}
