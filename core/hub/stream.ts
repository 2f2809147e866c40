// One tune and all who watch it: the parts that a stream is made of, and how viewers come to it.
import { HeadendError } from "../errors.ts";
import type { StreamStatus, Tune, Viewer } from "../plugin.ts";
import { createAudience, type Seat, type Watcher } from "./audience.ts";
import { createCourse } from "./course.ts";
import { createDeferred, untilAborted } from "./deferred.ts";
import { createIntake } from "./intake.ts";
import { createReading } from "./reading.ts";
import { createSearch } from "./search.ts";
import type { StreamSettings, StreamShared } from "./settings.ts";
import { createTenure } from "./tenure.ts";
import type { Candidate } from "./upstream.ts";

export type { Watcher } from "./audience.ts";

export interface StreamOptions {
  readonly id: string;
  readonly tune: Tune;
  readonly settings: StreamSettings;
  /** Every way to its pictures, best first. */
  candidates(): readonly Candidate[];
  readonly shared: StreamShared;
  /** Nothing is open any more, and nobody is left. */
  closed(): void;
}

export interface Stream {
  readonly status: StreamStatus;
  readonly viewers: number;
  /** False when it is ending, or when a new viewer would not get its beginning. */
  readonly joinable: boolean;
  /** Resolves when there is something to see. @throws HeadendError; Missed; the signal's reason */
  join(viewer: Viewer, form: "ts" | "hls", signal: AbortSignal): Promise<Watcher>;
  /** Ends a viewer's watch. False: it is none of this stream's. */
  end(viewer: string): boolean;
  /** Looks after what time brings about; called a few times a second. */
  tick(): void;
  /** Resolves when upstream is closed. */
  stop(reason: unknown): Promise<void>;
}

/** What a viewer who has just come is to begin with is not kept any more: it wants a stream of its own. */
export class Missed extends Error {}

/** A bit rate counts after so many milliseconds. */
const measuring = 10_000;

export function createStream(o: StreamOptions): Stream {
  const { tune, settings, shared } = o;
  const { clock, breaker, observer, log, sizes } = shared;
  const { channel } = tune;
  const live = tune.at === undefined;
  const began = clock.monotonic();
  const since = clock.now();
  const control = new AbortController();
  const { signal } = control;
  const opened = createDeferred<"ts" | "hls">();
  const flowing = createDeferred<void>();
  let state: StreamStatus["state"] = "opening";
  let emptySince: number | undefined = began;
  let running: Promise<void> | undefined;
  let finished = false;

  const audience = createAudience({
    clock,
    live,
    sizes,
    changed(size, seen) {
      if (size > 0) emptySince = undefined;
      else emptySince ??= seen ?? clock.monotonic();
      if (state === "running" && size === 0) state = "lingering";
      else if (state === "lingering" && size > 0) state = "running";
      reading.wake();
      if (finished && size === 0) o.closed();
    },
    wants: () => reading.wake(),
  });
  const intake = createIntake({
    clock,
    observer,
    sizes,
    pace: shared.pace,
    deliver: audience.feed,
    began: () => flowing.resolve(),
  });
  const { ring, cutter } = intake;
  const tenure = createTenure({
    ledger: shared.ledger,
    clock,
    channel: channel.name,
    rank: audience.rank,
    client: audience.client,
    loss: () => ({ ...audience.loss(), since: began }),
    evict: () => void stop(ended("somebody who needs its tuner")),
    refused: observer.refused,
  });
  const reading = createReading({
    clock,
    channel: channel.name,
    intake,
    audience,
    sizes,
    signal,
    opened: (kind) => opened.resolve(kind),
  });
  const search = createSearch({
    channel: channel.name,
    candidates: o.candidates,
    tenure,
    breaker,
    clock,
    log,
    signal,
  });
  const course = createCourse({
    ...{ tune, settings, clock, log, observer, breaker, audience, intake, tenure, reading, search, signal },
    ...(shared.slate ? { slate: shared.slate } : {}),
    changed(to) {
      if (state === "closing") return;
      state = to === "running" && audience.size === 0 ? "lingering" : to;
    },
  });

  function ended(who: string): HeadendError {
    return new HeadendError("tune.stopped", { channel: channel.name, who });
  }

  /** Begins with the first viewer: what may be taken from others depends on whom it is for. */
  function start(): Promise<void> {
    running ??= course.run().then(
      () => finish(signal.reason),
      (thrown: unknown) => finish(signal.aborted ? signal.reason : thrown),
    );
    return running;
  }

  function finish(why: unknown): void {
    const cause = why ?? ended("upstream");
    control.abort(cause);
    opened.reject(cause);
    flowing.reject(cause);
    tenure.release();
    intake.flush();
    // A live stream may end anywhere; a past that is not whole must not look whole.
    audience.end(live ? undefined : why);
    finished = true;
    if (audience.size === 0) o.closed();
  }

  async function stop(reason: unknown): Promise<void> {
    state = "closing";
    control.abort(reason);
    reading.interrupt(reason);
    await start();
  }

  /** What a seat gets, once there is something to see. */
  async function serve(seat: Seat, whole: boolean, waiting: AbortSignal): Promise<Watcher> {
    const kind = await untilAborted(opened.promise, waiting);
    if (seat.form === "hls" && kind === "hls" && reading.session) return audience.relay(seat, reading.session);
    audience.settle(seat);
    await untilAborted(flowing.promise, waiting);
    cutter.flush();
    // Others have read on, and what it is to begin with is gone.
    if (!live && ring.first > 0) throw new Missed();
    const from = whole && ring.first === 0 ? { batch: 0, offset: 0 } : undefined;
    const watcher = audience.seat(seat, { ring, edge: cutter.edge }, from);
    // It ended in the very same moment.
    if (finished) watcher.transport?.end(live ? undefined : signal.reason);
    return watcher;
  }

  return {
    get status() {
      const { current, candidate, error } = course;
      return {
        id: o.id,
        channel: channel.id,
        name: channel.name,
        instance: candidate?.instance ?? channel.instance,
        state,
        ...(tune.at === undefined ? {} : { at: tune.at }),
        since,
        upstream: current?.candidate.shown ?? "",
        how: current?.how ?? "",
        bitrate: Math.round(intake.bitrate),
        bytes: intake.bytes,
        failovers: course.failovers,
        stalls: course.stalls,
        continuityErrors: cutter.errors,
        ringBytes: ring.bytes,
        ...(error === undefined ? {} : { error }),
        viewers: audience.status(),
      };
    },
    get viewers() {
      return audience.size;
    },
    get joinable() {
      return state !== "closing" && (live || ring.first === 0);
    },

    async join(viewer, form, signal) {
      signal.throwIfAborted();
      const waiting = new AbortController();
      const dismissed = (reason: unknown) => waiting.abort(reason);
      const onAbort = () => audience.dismiss(seat, signal.reason);
      // Recorders and probes show nobody anything.
      const counts = (viewer.priority ?? "viewer") === "viewer";
      const left = () => {
        signal.removeEventListener("abort", onAbort);
        if (counts) observer.left();
      };
      // Who comes before the first byte, or for a past, gets all from the beginning on.
      const whole = !intake.hasBegun || !live;
      const seat = audience.enter(`${o.id}-${audience.entered + 1}`, viewer, form, { dismissed, left });
      signal.addEventListener("abort", onAbort, { once: true });
      if (counts) observer.joined();
      void start();
      try {
        return await serve(seat, whole, waiting.signal);
      } catch (thrown) {
        audience.leave(seat);
        left();
        throw thrown;
      }
    },

    end(id) {
      const seat = audience.find(id);
      if (seat) audience.dismiss(seat, ended("hand"));
      return seat !== undefined;
    },

    tick() {
      const now = clock.monotonic();
      audience.dropStuck();
      if (finished) return;
      intake.tick();
      course.tick();
      if (state === "running" && cutter.pictured && now - began > measuring)
        shared.measured(channel.id, intake.bitrate);
      if (emptySince !== undefined && now - emptySince >= settings.linger && state !== "closing")
        void stop(ended("nobody watching"));
    },

    stop,
  };
}
