// Keeps the schedule as the operator sends it: every day's carousel each hour on the hour, and again while something is missing.
import { setImmediate } from "node:timers/promises";
import type { Clock, Job, Logger, Span } from "../../core/plugin.ts";
import { type DayFiles, filesOf, joinSpans, type SpannedFile, spanOf } from "./days.ts";
import type { Receive } from "./discover.ts";
import type { GuideDay } from "./discovery.ts";
import { parseEpg } from "./epg.ts";
import type { Schedule } from "./schedule.ts";

export interface GuideOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly schedule: Schedule;
  readonly receive: Receive;
  /** The days that are sent now, today first. */
  days(): readonly GuideDay[];
  /** Those whose guide is wanted; more are sent. */
  services(): ReadonlySet<number>;
  /** Called when the schedule has changed. */
  changed(): Promise<unknown>;
  readonly signal: AbortSignal;
}

export interface GuideReceiver {
  /**
   * Receives every day, or joins who does. Where nothing was known before, one round is enough; otherwise what is
   * missing is waited for, for a while.
   *
   * @throws HeadendError `dial.*` when no day came and nothing was known
   */
  receive(): Promise<void>;
  /**
   * Does the same. Where nothing was known before, it gives each service as soon as all of its days are there: what comes
   * of it afterwards in the same round is in the schedule, like everything.
   *
   * @throws as `receive()`
   */
  services(): AsyncGenerator<number>;
  /** On the hour; after a failure again soon. */
  readonly job: Job;
  /** When a round last ended well, in milliseconds since the Unix epoch. */
  readonly receivedAt: number | undefined;
  /** Stretches of time that no programme of a service is known for, between the first that is sent and soon. */
  readonly gaps: number;
}

const minute = 60_000;
const hour = 60 * minute;
/** Milliseconds for a day to be complete, at first and when only something of it is missing. */
const dayLimit = 5 * minute;
const againLimit = minute;
/** Nothing may be missing of what is on until so many milliseconds from now. */
const horizon = 2 * hour;
/** Milliseconds between two rounds, and how many there are while something is missing. */
const pause = 15_000;
const mostRounds = 5;
/** After a failure: milliseconds until the next try, and how many tries there are until the next full hour. */
const retryPause = 15_000;
const mostRetries = 5;
/** Core spreads pauses by a tenth; below this many milliseconds they are not worth it. */
const spread = 1.1;
const leastPause = 1000;

const guidePayload = 0xf1;

/** What is announced of a service: when it begins, where two programmes are at once, and which files say so. */
interface Announced {
  readonly service: number;
  readonly from: number;
  readonly overlaps: readonly Span[];
  readonly files: readonly SpannedFile[];
}

/** A run for all who wait for it. */
interface Running {
  /** Nothing was known before it, and its first round, which is enough then, is not over. */
  isCold: boolean;
  /** Services all of whose days are there, in the order in which they came to be. */
  readonly services: readonly number[];
  /** Resolves with true when there is one more, with false when the first round is over. */
  readonly more: () => Promise<boolean>;
  readonly first: Promise<void>;
  readonly whole: Promise<void>;
}

interface Merged {
  readonly services: ReadonlyMap<number, Announced>;
  /** What each day has; `to` is 0 for one that did not come. */
  readonly spans: readonly Span[];
}

export function createGuideReceiver(o: GuideOptions): GuideReceiver {
  const { clock, log, schedule, signal } = o;
  let running: Running | undefined;
  let receivedAt: number | undefined;
  let gapCount = 0;
  let due = nextHour();
  let failures = 0;

  function nextHour(): number {
    return Math.floor(clock.now() / hour + 1) * hour;
  }

  /** Receives a day, or of it what is missing. `each` is told of every service that came. @returns why it did not come */
  async function receiveDay(
    day: GuideDay,
    { into, missing, each }: { into: DayFiles; missing?: ReadonlySet<number>; each?: (id: number) => void },
  ): Promise<unknown> {
    const own = o.services();
    const services = [...(missing ?? day.services)].filter((id) => own.has(id));
    if (services.length === 0 && (missing ?? day.services.length > 0)) return undefined;
    const wanted = Array.from(services, (id) => `${guidePayload} ${id}`);
    try {
      const named = wanted.length > 0 ? { wanted, mayLack: true } : {};
      await o.receive(day, {
        ...{ signal, limit: missing ? againLimit : dayLimit, ...named },
        // While the others are still on their way.
        each({ payload, segment, bytes }) {
          const file = payload === guidePayload ? parseEpg(bytes) : undefined;
          if (!file || !own.has(file.service)) return;
          if (file.faults > 0) log.debug(`guide of service ${file.service}: ${file.faults} damaged stretches`);
          into.set(segment, { ...file, span: spanOf(file.events) });
          each?.(segment);
        },
      });
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      log.warn(`guide, ${day.source}: ${error instanceof Error ? error.message : String(error)}`);
      return error;
    }
  }

  /** Puts the days of one service together. */
  function announce(id: number, files: readonly SpannedFile[]): Announced {
    const service = files.at(-1)?.service ?? id;
    const overlaps = schedule.put(
      service,
      files.flatMap(({ events }) => events),
    );
    return { service, from: Math.min(...files.map(({ span }) => span.from)), overlaps, files };
  }

  /** Puts the days together, service by service; those that are as `announced` has them are left as they are. */
  async function merge(days: readonly DayFiles[], announced: Map<number, Announced>): Promise<Merged> {
    for (const id of new Set(days.flatMap((day) => [...day.keys()]))) {
      const files = filesOf(id, days);
      const before = announced.get(id)?.files;
      if (before?.length === files.length && files.every((file, index) => file === before[index])) continue;
      announced.set(id, announce(id, files));
      // There are hundreds of them, and somebody may be watching.
      await setImmediate();
    }
    const spans = days.map((day) => joinSpans(Array.from(day.values(), ({ span }) => span)));
    return { services: announced, spans };
  }

  /** What is missing of each service until soon, and where what is known contradicts itself. */
  function lacking({ services, spans }: Merged, listed: Iterable<number>): Map<number, readonly Span[]> {
    const until = clock.now() + horizon;
    const begin = Math.min(...spans.map(({ from }) => from));
    const all = new Map<number, readonly Span[]>();
    for (const id of new Set([...services.keys(), ...listed])) {
      const { service = id, from = begin, overlaps = [] } = services.get(id) ?? {};
      if (from >= until) continue;
      const gaps = [...schedule.gaps(service, from, until), ...overlaps.filter((span) => span.from < until)];
      if (gaps.length > 0) all.set(id, gaps);
    }
    return all;
  }

  /** `whole` is told of each service all of whose days have come. */
  async function run(first: () => void, whole: ((service: number) => void) | undefined): Promise<void> {
    const days = o.days();
    const files = days.map((): DayFiles => new Map());
    const announced = new Map<number, Announced>();
    const over = days.map(() => false);
    const each = (id: number) => {
      if (announced.has(id) || !files.every((day, index) => over[index] || day.has(id))) return;
      const own = announce(id, filesOf(id, files));
      announced.set(id, own);
      whole?.(own.service);
    };
    const receiveFirst = async (day: GuideDay, index: number) => {
      const into = files[index] ?? new Map();
      if (!whole) return await receiveDay(day, { into });
      const fault = await receiveDay(day, { into, each });
      // What it has not sent by now is not in it.
      over[index] = true;
      for (const id of new Set(files.flatMap((file) => [...file.keys()]))) each(id);
      return fault;
    };
    let faults = await Promise.all(days.map(receiveFirst));
    let before = "";
    for (let round = 1; ; round++) {
      const merged = await merge(files, announced);
      schedule.forget(clock.now() - 8 * 24 * hour);
      const kept = o.changed();
      if (faults.some((fault) => fault === undefined)) receivedAt = clock.now();
      const own = o.services();
      const listed = days.flatMap((day) => day.services.filter((id) => own.has(id)));
      const gaps = lacking(merged, listed);
      gapCount = [...gaps.values()].reduce((sum, spans) => sum + spans.length, 0);
      const fault = faults.find((each) => each !== undefined);
      if (fault !== undefined && schedule.size === 0) throw fault;
      first();
      const now = JSON.stringify([...gaps]);
      // What two rounds did not bring is not sent.
      await kept;
      if (gaps.size === 0 || round >= mostRounds || now === before) return;
      before = now;
      await clock.sleep(pause, signal);
      const missing = new Set(gaps.keys());
      const spans = [...gaps.values()].flat();
      faults = await Promise.all(
        days.map((day, index) => {
          const own = merged.spans[index];
          const isAbout = !own || own.to === 0 || spans.some(({ from, to }) => from <= own.to && to >= own.from);
          return isAbout ? receiveDay(day, { into: files[index] ?? new Map(), missing }) : undefined;
        }),
      );
    }
  }

  function start(): Running {
    const isCold = schedule.size === 0;
    const services: number[] = [];
    const first = Promise.withResolvers<void>();
    let next = Promise.withResolvers<boolean>();
    const tell = (service: number) => {
      services.push(service);
      next.resolve(true);
      next = Promise.withResolvers();
    };
    const whole = run(first.resolve, isCold ? tell : undefined).finally(() => {
      running = undefined;
    });
    whole.then(first.resolve, first.reject);
    // Whoever waits for the first round alone hears of its failure there.
    whole.catch(() => {});
    const own = { isCold, services, more: () => next.promise, first: first.promise, whole };
    const over = () => {
      own.isCold = false;
      next.resolve(false);
    };
    first.promise.then(over, over);
    return own;
  }

  /** What whoever comes now has to wait for. */
  const doneOf = ({ isCold, first, whole }: Running) => (isCold ? first : whole);

  async function receive(): Promise<void> {
    running ??= start();
    await doneOf(running);
  }

  async function* services(): AsyncGenerator<number> {
    running ??= start();
    const { isCold, services, more } = running;
    const done = doneOf(running);
    // It is heard below.
    done.catch(() => {});
    if (isCold)
      for (let place = 0; place < services.length || (await more()); place++) {
        const service = services[place];
        if (service !== undefined) yield service;
      }
    await done;
  }

  return {
    receive,
    services,
    get receivedAt() {
      return receivedAt;
    },
    get gaps() {
      return gapCount;
    },
    job: {
      get every() {
        return Math.min(hour, Math.max(leastPause, (due - clock.now()) / spread));
      },
      async run() {
        if (clock.now() < due || o.days().length === 0) {
          // The wall clock may have been set back.
          due = Math.min(due, nextHour());
          return;
        }
        const before = receivedAt;
        await receive().catch(() => {});
        failures = receivedAt === before ? failures + 1 : 0;
        due = failures > 0 && failures <= mostRetries ? clock.now() + retryPause : nextHour();
      },
    },
  };
}
