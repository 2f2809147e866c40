// What becomes of a stream: from one upstream to the next, until nobody watches, the past is over or nothing works.
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import type { Clock, Logger, Tune } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { Audience } from "./audience.ts";
import type { Breaker } from "./breaker.ts";
import type { Intake } from "./intake.ts";
import type { HubObserver } from "./observer.ts";
import type { Reading } from "./reading.ts";
import type { Search } from "./search.ts";
import type { StreamSettings } from "./settings.ts";
import type { Tenure } from "./tenure.ts";
import { type Candidate, type Opened, openLimit } from "./upstream.ts";

export interface CourseOptions {
  readonly tune: Tune;
  readonly settings: StreamSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: HubObserver;
  readonly breaker: Breaker;
  readonly audience: Audience;
  readonly intake: Intake;
  readonly tenure: Tenure;
  readonly reading: Reading;
  readonly search: Search;
  /** Aborted when the stream ends. */
  readonly signal: AbortSignal;
  slate?(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** An upstream is in use, or a way to one is sought; not any more, when it is over. */
  changed(state: "running" | "failing" | "closing"): void;
}

export interface Course {
  /** Ends when there is no more to come. @throws why it failed */
  run(): Promise<void>;
  /** Looks whether upstream has fallen silent. */
  tick(): void;
  readonly current: Opened | undefined;
  /** Whose upstream is in use or being opened. */
  readonly candidate: Candidate | undefined;
  readonly error: string | undefined;
  readonly failovers: number;
  readonly stalls: number;
}

/** An upstream that worked for so long has worked; one that worked for less is not tried again without a rest. */
const proven = 30_000;
const brief = 5000;
/** A lone upstream that failed once gets a second chance within so long, also where no slate is shown. */
const secondChance = 1500;
/** A patient upstream may be silent so many times longer. */
const archivePatience = 5;

export function createCourse(o: CourseOptions): Course {
  const { tune, settings, clock, log, breaker, audience, intake, tenure, reading, search, signal } = o;
  const { name } = tune.channel;
  const live = tune.at === undefined;
  /** Those that opened while nothing had been let through yet: for a fresh wish each is tried once. */
  const tried = new Set<string>();
  let current: Opened | undefined;
  let fault: unknown;
  let failovers = 0;
  let stalls = 0;

  /** Shows a slate while trying again, for a bounded time. */
  async function bridge(): Promise<Opened | undefined> {
    tenure.release();
    const showing = new AbortController();
    const show = async () => {
      for await (const chunk of o.slate?.(showing.signal) ?? []) {
        if (showing.signal.aborted) return;
        intake.take(chunk);
      }
    };
    if (settings.slate > 0) {
      intake.splice();
      show().catch((thrown) => showing.signal.aborted || log.debug(reasonOf(thrown)));
    }
    try {
      return await search.again(clock.monotonic() + Math.max(settings.slate, secondChance));
    } finally {
      showing.abort();
    }
  }

  /** Another upstream, after a fault of one that worked for so many milliseconds. @throws why there is none */
  async function another(ran: number): Promise<Opened> {
    if (!intake.hasBegun) return await search.any({ keys: tried }, fault);
    try {
      // What opens only to fail must not be opened again and again.
      return await search.any({ resting: ran < brief }, fault);
    } catch (thrown) {
      signal.throwIfAborted();
      const found = await bridge();
      if (found) return found;
      throw new HeadendError("tune.failed", { channel: name, reason: reasonOf(search.error ?? thrown) });
    }
  }

  /** @returns whether upstream is to be replaced */
  async function use(upstream: Opened): Promise<boolean> {
    const { candidate } = upstream;
    current = upstream;
    if (!signal.aborted) o.changed("running");
    const why = await reading.use(upstream);
    audience.endRelays();
    const closing = signal.reason ?? why ?? new HeadendError("tune.stopped", { channel: name, who: "upstream" });
    const closed = await upstream.close(closing);
    if (!closed) log.error(`${name}: ${candidate.shown} did not close; its tuner is given back all the same`);
    current = undefined;
    if (signal.aborted) return false;
    // The past that was wanted is over.
    if (why === undefined && !live && intake.hasBegun) return false;
    fault = why ?? new HeadendError("dial.ended", { url: candidate.shown });
    if (clock.monotonic() - intake.splicedAt >= proven) breaker.worked(candidate.key);
    breaker.failed(candidate.key, clock.monotonic());
    // Another upstream would begin the past anew.
    if (!live && intake.hasBegun) throw fault;
    if (audience.size === 0) return false;
    tried.add(candidate.key);
    failovers++;
    o.observer.failedOver();
    log.warn(`${name}: ${reasonOf(fault)}; trying what else there is`);
    return true;
  }

  async function run(): Promise<void> {
    try {
      let upstream = await search.any();
      while (await use(upstream)) {
        const ran = clock.monotonic() - intake.splicedAt;
        o.changed("failing");
        upstream = await another(ran);
      }
    } finally {
      // At once, so that nobody joins what is over.
      o.changed("closing");
    }
  }

  return {
    run,
    tick() {
      const content = current?.content;
      if (content?.kind !== "ts" || !reading.waits) return;
      const now = clock.monotonic();
      const url = current?.candidate.shown ?? "";
      if (!intake.passes) {
        if (now - intake.splicedAt > openLimit)
          reading.interrupt(new HeadendError("dial.timeout", { url, limit: formatDuration(openLimit) }));
        return;
      }
      const limit = content.patient ? settings.stall * archivePatience : settings.stall;
      if (now - intake.touched <= limit) return;
      stalls++;
      o.observer.stalled();
      reading.interrupt(new HeadendError("dial.stalled", { url, limit: formatDuration(limit) }));
    },
    get current() {
      return current;
    },
    get candidate() {
      return current?.candidate ?? search.trying;
    },
    get error() {
      const last = search.error ?? fault;
      return last === undefined ? undefined : reasonOf(last);
    },
    get failovers() {
      return failovers;
    },
    get stalls() {
      return stalls;
    },
  };
}
