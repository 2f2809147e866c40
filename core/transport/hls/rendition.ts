// A media playlist of upstream: loaded when somebody asks and it is time (RFC 8216 §6.3.4), once for all who ask.
import { HeadendError } from "../../errors.ts";
import { formatDuration } from "../../formats/duration.ts";
import type { Clock, Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import { describeUrl } from "../../redact.ts";
import { unhurried } from "../unhurried.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";
import { type Fetched, type HlsUpstream, isGone } from "./upstream.ts";

export interface Rendition {
  readonly name: string;
  /** The newest there is, loaded anew when it is time. @throws HeadendError when there is none that is fresh enough */
  read(): Promise<Snapshot>;
  /** What comes after `seen`; waits for it. @throws HeadendError `dial.stalled`, or why it cannot be loaded */
  next(seen: Snapshot, signal: AbortSignal): Promise<Snapshot>;
  /** The newest there is, without asking. */
  readonly snapshot: Snapshot | undefined;
  /** For how long upstream has gone on saying what it said before, when that is too long for a live playlist; milliseconds. */
  readonly frozen: number | undefined;
  /** Gets fresh addresses from where it all began, if that is due. Never fails. */
  refresh(): Promise<void>;
}

export interface RenditionSetup {
  readonly name: string;
  readonly upstream: HlsUpstream;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where it is now, before redirects. */
  address(): string;
  /** Finds out anew where it is. False: not now, or there is nobody to ask. */
  renew(): Promise<boolean>;
  variables(): ReadonlyMap<string, string>;
  /** Told after every load. */
  updated(snapshot: Snapshot): void;
  /** What has been loaded already. */
  readonly first?: Fetched | undefined;
}

/** How many target durations without anything new are a stall. */
const patience = 3;

export function createRendition(setup: RenditionSetup): Rendition {
  const { name, upstream, clock, log } = setup;
  let snapshot: Snapshot | undefined;
  /** When, on the monotonic clock: the last load began, something new came, the next load may be. */
  let loaded = 0;
  let advanced = 0;
  /** When the first of the loads began that brought nothing new. */
  let sameSince: number | undefined;
  let due = 0;
  let refreshable = 0;
  /** Where the last load was led to: a session of upstream's, perhaps, which another request would begin anew. */
  let landed: string | undefined;
  let sticky = true;
  let regressions = 0;
  let flight: Promise<void> | undefined;
  let refreshing: Promise<void> | undefined;
  let first = setup.first;

  const target = () => Math.max(snapshot?.playlist.targetDuration ?? 1000, 500);

  const get = async (): Promise<Fetched> => {
    if (first) {
      const given = first;
      first = undefined;
      landed = given.url;
      return given;
    }
    const address = setup.address();
    if (sticky && landed !== undefined && landed !== address) {
      try {
        return await upstream.playlist(landed);
      } catch (error) {
        // An address that serves once leads nowhere twice.
        if (isGone(error) && clock.monotonic() - advanced < 2 * target()) sticky = false;
      }
    }
    const found = await upstream.playlist(address).catch(async (error) => {
      if (!isGone(error) || !(await setup.renew())) throw error;
      return await upstream.playlist(setup.address());
    });
    landed = found.url;
    return found;
  };

  const accept = async (fetched: Fetched): Promise<boolean> => {
    const variables = setup.variables();
    const take = async (epoch: number, before: Snapshot | undefined) => {
      const taken = await unhurried(takeSnapshot({ name, fetched, epoch, variables, before }));
      if (taken) return taken;
      const reason = "a playlist of playlists came where one of segments was expected";
      throw new HeadendError("dial.content", { url: describeUrl(fetched.url), reason });
    };
    const before = snapshot;
    let taken = await take(before?.epoch ?? 0, before);
    const last = lastOf(taken);
    if (before && last < lastOf(before)) {
      // An old copy of some cache, or upstream counts anew: that shows when it goes on.
      regressions++;
      if (regressions < (last < before.playlist.sequence ? 2 : patience)) return false;
      log.info(`${describeUrl(fetched.url)}: upstream began to count its segments anew`);
      taken = await take(before.epoch + 1, undefined);
    }
    regressions = 0;
    const news = !before || taken.epoch !== before.epoch || last > lastOf(before) || ended(taken) !== ended(before);
    snapshot = taken;
    setup.updated(taken);
    return news;
  };

  const load = async (): Promise<void> => {
    loaded = clock.monotonic();
    try {
      const news = await accept(await get());
      sameSince = news ? undefined : (sameSince ?? loaded);
      if (news) advanced = loaded;
      else if (loaded - advanced >= 2 * target()) landed = undefined;
      due = loaded + (news ? target() : target() / 2);
    } catch (error) {
      due = clock.monotonic() + target() / 2;
      throw error;
    }
  };
  const loadOnce = (): Promise<void> => {
    flight ??= load().finally(() => {
      flight = undefined;
    });
    return flight;
  };
  const refreshOnce = async () => {
    refreshable = clock.monotonic() + target() / 2;
    try {
      landed = undefined;
      // A load that is under way may have been the old way.
      await flight?.catch(() => {});
      await setup.renew();
      await loadOnce();
    } catch (error) {
      log.debug(`fresh addresses could not be had: ${reasonOf(error)}`);
    }
  };
  const isDue = () => !snapshot || (!ended(snapshot) && clock.monotonic() >= due);
  const isLate = (since = advanced) => clock.monotonic() - since >= patience * target();

  return {
    name,
    get snapshot() {
      return snapshot;
    },
    get frozen() {
      if (sameSince === undefined || !snapshot || ended(snapshot) || snapshot.playlist.type === "EVENT")
        return undefined;
      const limit = patience * target();
      return loaded - sameSince >= limit ? limit : undefined;
    },
    async read() {
      if (isDue()) {
        const failure = await loadOnce().then(
          () => undefined,
          (error) => ({ error }),
        );
        if (failure && (!snapshot || isLate())) throw failure.error;
      }
      if (!snapshot) throw new HeadendError("dial.ended", { url: describeUrl(setup.address()) });
      return snapshot;
    },
    async next(seen, signal) {
      // Nothing was asked for while nobody wanted it.
      const since = Math.max(advanced, clock.monotonic());
      for (;;) {
        signal.throwIfAborted();
        if (snapshot && isNewer(snapshot, seen)) return snapshot;
        const wait = due - clock.monotonic();
        if (wait > 0) await clock.sleep(wait, signal);
        const failure = isDue()
          ? await untilAborted(loadOnce(), signal).then(
              () => undefined,
              (error) => ({ error }),
            )
          : undefined;
        signal.throwIfAborted();
        if (snapshot && isNewer(snapshot, seen)) return snapshot;
        if (isLate(since) || (snapshot && ended(snapshot)))
          throw (
            failure?.error ??
            new HeadendError("dial.stalled", {
              url: describeUrl(setup.address()),
              limit: formatDuration(patience * target()),
            })
          );
      }
    },
    async refresh() {
      if (!refreshing && clock.monotonic() < refreshable) return;
      refreshing ??= refreshOnce().finally(() => {
        refreshing = undefined;
      });
      await refreshing;
    },
  };
}

function ended({ playlist }: Snapshot): boolean {
  return playlist.ended;
}

function isNewer(snapshot: Snapshot, seen: Snapshot): boolean {
  return snapshot.epoch !== seen.epoch || lastOf(snapshot) > lastOf(seen) || ended(snapshot) !== ended(seen);
}

function lastOf({ playlist }: Snapshot): number {
  return playlist.sequence + playlist.segments.length - 1;
}

/** What a promise gives, unless the signal aborts before. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
