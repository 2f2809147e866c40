// A past of a channel as one stream: from an instant on, programme after programme, each a session with the archive.
import { packetLength } from "../../core/formats/mpegts.ts";
import { createSplicer } from "../../core/formats/splice.ts";
import { HeadendError, type TransportSource } from "../../core/plugin.ts";
import { createGather, type Gather } from "../../core/transport/udp/gather.ts";
import type { Cloud } from "./cloud.ts";
import { openRecording, type Recording, type RecordingContext, silent } from "./recording.ts";
import type { Schedule, ScheduledEvent } from "./schedule.ts";

export interface CatchupContext extends RecordingContext {
  readonly schedule: Schedule;
  readonly cloud: Cloud;
  /** Whether to go on with the next programme. */
  readonly continuous: boolean;
}

export interface CatchupWish {
  /** The channel's own id, and the service whose guide it has. */
  readonly channel: number;
  readonly service: number;
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly until?: number | undefined;
}

/** What is set up to play next. */
interface Upcoming {
  readonly event: ScheduledEvent;
  /** Undefined: it could not be. */
  readonly recording: Promise<Recording | undefined>;
}

/** A recording that plays. */
interface Leg {
  readonly event: ScheduledEvent;
  readonly recording: Recording;
  /** The instant that its first pictures show. */
  readonly from: number;
  /** Resolves with the first packets, or when the session breaks. */
  readonly shown: PromiseWithResolvers<void>;
  /** By the monotonic clock; undefined before the first packets. */
  firstAt: number | undefined;
  lastAt: number;
  broken: boolean;
}

/** Milliseconds of silence that end a recording. */
const silenceLimit = 900;
/** The same before its first packets. */
const openingLimit = 6000;
/** Before a programme ends, the next one is set up. */
const preparing = 8000;
/** Milliseconds for the pictures of the next programme to come, all tries together. */
const changeLimit = 6000;
const tick = 50;
const fillPause = 300;
/** A recording that ends so much before its programme does has ended with it. */
const margin = 2000;
/** A programme that begins so much later does not follow. */
const mostGap = 10 * 60_000;
/** Recordings go on for a minute or two after their programme. */
const overrun = 120_000;
const bufferBytes = 4 * 2 ** 20;
/** Packets that nobody decodes (ISO/IEC 13818-1 §2.4.1): they say that it goes on. */
const filler = new Uint8Array(packetLength).fill(0xff);
filler.set([0x47, 0x1f, 0xff, 0x10]);

/** @throws HeadendError `tune.past`, `tune.closed`, `dial.*`; whatever was set up is torn down then */
export async function openCatchup(
  wish: CatchupWish,
  context: CatchupContext,
  signal: AbortSignal,
): Promise<TransportSource> {
  const { schedule, clock, log } = context;
  const { channel, service, name } = wish;
  const stop = new AbortController();
  const until = wish.until ?? Number.POSITIVE_INFINITY;
  const splicer = createSplicer();
  const open = new Set<Recording>();
  let current: Leg | undefined;
  let spliced = false;

  const gather: Gather = createGather({
    ...{ clock, limit: bufferBytes, signal },
    async close() {
      stop.abort();
      await Promise.all([...open].map((recording) => recording.close()));
    },
  });

  async function prepare(event: ScheduledEvent): Promise<Recording> {
    const recording = await openRecording({ channel, name, event }, context, signal);
    open.add(recording);
    if (stop.signal.aborted) await release(recording);
    return recording;
  }

  async function release(recording: Recording): Promise<void> {
    open.delete(recording);
    await recording.close();
  }

  /** Plays from an instant; its packets are passed on once they come, and those of the one before no more. */
  async function begin(event: ScheduledEvent, recording: Recording, at: number): Promise<Leg> {
    const offset = Math.max(0, at - recording.begin);
    const from = recording.begin + offset;
    const shown = Promise.withResolvers<void>();
    const leg: Leg = { event, recording, from, shown, firstAt: undefined, lastAt: clock.monotonic(), broken: false };
    await recording.play(offset, {
      packets(bytes) {
        leg.lastAt = clock.monotonic();
        if (leg.firstAt === undefined) {
          leg.firstAt = leg.lastAt;
          if (current) {
            splicer.splice();
            spliced = true;
          }
          current = leg;
          shown.resolve();
        }
        if (current === leg) push(bytes);
      },
      ended: () => {
        leg.broken = true;
        shown.resolve();
      },
    });
    return leg;
  }

  function push(bytes: Uint8Array): void {
    if (!spliced) {
      gather.push(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += packetLength) {
      const mark = splicer.markBefore(bytes, at);
      if (mark) gather.push(mark);
      gather.push(bytes.subarray(at, at + packetLength));
    }
  }

  /** The instant that its newest pictures show: they come as fast as they are shown. */
  const positionOf = ({ from, firstAt, lastAt }: Leg) => from + (firstAt === undefined ? 0 : lastAt - firstAt);

  /** Waits for the first packets. */
  async function appears(leg: Leg, limit: number): Promise<boolean> {
    const enough = new AbortController();
    const late = clock.sleep(limit, AbortSignal.any([stop.signal, enough.signal]));
    await Promise.race([leg.shown.promise, late]).finally(() => enough.abort());
    return leg.firstAt !== undefined;
  }

  /** What follows an instant at which a programme stopped: the rest of it, then the next. */
  function* followers(leg: Leg, position: number): Iterable<ScheduledEvent> {
    const rest = schedule.at(service, position);
    const isNew = leg.firstAt !== undefined && positionOf(leg) - leg.from > margin;
    if (rest && (rest.pid !== leg.event.pid || (isNew && rest.stop - position > margin))) yield rest;
    const next = schedule.from(service, Math.max(position, leg.event.stop - 1));
    if (next && next.pid !== rest?.pid && next.start - position < mostGap && next.start < clock.now()) yield next;
  }

  /** The next pictures after a silence; undefined when there are none. */
  async function resume(leg: Leg): Promise<Leg | undefined> {
    const begun = clock.monotonic();
    const position = positionOf(leg);
    const fill = async () => {
      while (!stop.signal.aborted && current === leg && clock.monotonic() - begun < changeLimit) {
        gather.push(filler);
        await clock.sleep(fillPause, stop.signal);
      }
    };
    fill().catch(() => {});
    await Promise.all([...open].map(release));
    for (const event of followers(leg, position)) {
      const left = changeLimit - (clock.monotonic() - begun);
      if (left <= 0) return undefined;
      let recording: Recording | undefined;
      try {
        recording = await prepare(event);
        const next = await begin(event, recording, Math.max(position, recording.begin));
        if (await appears(next, left)) return next;
        await release(recording);
      } catch (error) {
        if (recording) await release(recording);
        stop.signal.throwIfAborted();
        log.info(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return undefined;
  }

  /**
   * Changes to what was prepared, without a silence: the one before is torn down with the first packets of the next, so
   * that the line carries one of them. Undefined when it brings nothing.
   */
  async function change(leg: Leg, event: ScheduledEvent, recording?: Recording): Promise<Leg | undefined> {
    if (!recording) return undefined;
    const next = await begin(event, recording, Math.max(positionOf(leg), recording.begin)).catch(() => undefined);
    if (next && (await appears(next, silenceLimit * 2))) {
      await release(leg.recording);
      return next;
    }
    await release(recording);
    return undefined;
  }

  /** What comes after a programme, when there is something and it has begun; set up while this one still plays. */
  function prepareNext({ event }: Leg): Upcoming | undefined {
    const next = schedule.from(service, event.stop - 1);
    if (!next || next.start - event.stop > mostGap || next.start > clock.now()) return undefined;
    return { event: next, recording: prepare(next).catch(() => undefined) };
  }

  /** Lets a programme play to its end; gives what plays after it, or undefined when nothing does. */
  async function follow(leg: Leg): Promise<Leg | undefined> {
    const { end } = leg.recording;
    let upcoming: Upcoming | undefined;
    let isTried = false;
    for (;;) {
      await clock.sleep(tick, stop.signal);
      const position = positionOf(leg);
      const isSilent = leg.broken || clock.monotonic() - leg.lastAt > silenceLimit;
      if (position >= until || (isSilent && !context.continuous)) return undefined;
      if (!context.continuous) continue;
      if (!isTried && position >= end - preparing) {
        upcoming = prepareNext(leg);
        isTried = true;
      }
      if (upcoming && (position >= end || (isSilent && position >= end - margin))) {
        const { event, recording } = upcoming;
        upcoming = undefined;
        const next = await change(leg, event, await recording);
        if (next) return next;
      }
      if (!isSilent && position < end + overrun) continue;
      await upcoming?.recording;
      return await resume(leg);
    }
  }

  async function run(first: Leg): Promise<void> {
    for (let leg: Leg | undefined = first; leg; ) leg = await follow(leg);
  }

  try {
    const { event, at } = findEvent(context, wish);
    const recording = await prepare(event);
    const leg = await begin(event, recording, at);
    if (!(await appears(leg, openingLimit))) {
      context.counts.errors++;
      throw silent(name, openingLimit);
    }
    run(leg).then(
      () => gather.end(),
      (error: unknown) => gather.end(error instanceof Error && !stop.signal.aborted ? error : undefined),
    );
  } catch (error) {
    gather.end();
    stop.abort();
    await Promise.all([...open].map((recording) => recording.close()));
    signal.throwIfAborted();
    throw error;
  }
  return { kind: "ts", chunks: gather.chunks, how: "rtsp over udp, from the archive" };
}

/** The programme at an instant, or the one before while its recording may go on. @throws HeadendError `tune.past` */
function findEvent(
  { schedule, cloud }: Pick<CatchupContext, "schedule" | "cloud">,
  { channel, service, at, name }: CatchupWish,
): { event: ScheduledEvent; at: number } {
  const event =
    schedule.at(service, at) ?? cloud.at(channel, at) ?? schedule.between(service, at - overrun, at + 1).at(-1);
  if (event) return { event, at };
  const isKnown = schedule.from(service, 0) !== undefined;
  const reason = isKnown ? "the guide has no programme at that time" : "its guide is not there yet";
  throw new HeadendError("tune.past", { channel: name, reason });
}

/** Whether there is a past at an instant. @throws HeadendError `tune.past` */
export function expectCatchup(
  context: Pick<CatchupContext, "schedule" | "cloud">,
  wish: CatchupWish,
  now: number,
): void {
  if (wish.at > now) throw new HeadendError("tune.past", { channel: wish.name, reason: "that has not been shown yet" });
  findEvent(context, wish);
}
