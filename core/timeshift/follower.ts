// Keeps a recording going for somebody who watches its past, and waits for more of it.
import { HeadendError } from "../errors.ts";
import { formatDuration } from "../formats/duration.ts";
import { untilAborted } from "../hub/deferred.ts";
import type { Clock, LineupChannel, StreamHub, Viewer } from "../plugin.ts";
import type { Follower } from "./reader.ts";
import type { Store } from "./store.ts";

export interface FollowerOptions {
  readonly hub: Pick<StreamHub, "watch">;
  readonly clock: Clock;
  readonly store: Store;
  readonly channel: LineupChannel;
  readonly until?: number | undefined;
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal;
  recording(): boolean;
  /** By whose name live is watched: who asks for another channel gives this one back. */
  viewer(): string;
}

/** How long it waits at once, and for a recording that brings nothing. */
const glance = 1000;
const limit = 60_000;
/** How often live is asked for while nothing comes of it. */
const mostTries = 2;

/** Live is watched from the first wait on, or from now on when what is wanted has not all been yet. */
export function createFollower(o: FollowerOptions): Follower {
  const { clock, store, until } = o;
  const control = new AbortController();
  const signal = AbortSignal.any([o.signal, control.signal]);
  let held = false;
  let tries = 0;
  let fault: unknown;
  /** It was ended once, perhaps for somebody who needs its tuner: it does not take that back. */
  let yields = false;
  let grown = grownTo();
  let grownAt = clock.monotonic();

  function grownTo(): string {
    const last = store.blocks.at(-1);
    return last ? `${last.sequence} ${last.size}` : "";
  }

  /** As a viewer who looks at nothing. */
  async function hold(): Promise<void> {
    held = true;
    tries++;
    try {
      const viewer: Viewer = { name: o.viewer(), priority: yields ? "recording" : "viewer" };
      yields = true;
      const { body } = await o.hub.watch({ channel: o.channel }, viewer, signal);
      const reader = body.getReader();
      while (!(await reader.read()).done);
    } catch (thrown) {
      fault = thrown;
    } finally {
      held = false;
    }
  }

  const isOver = () => until !== undefined && until <= clock.now();
  if (!isOver()) void hold();

  return {
    async more() {
      const now = clock.monotonic();
      if (grownTo() !== grown) [grown, grownAt, tries] = [grownTo(), now, held ? 1 : 0];
      if (!o.recording() && !held) {
        if (isOver()) return false;
        if (tries >= mostTries) throw fault ?? stalled();
        void hold();
      }
      if (now - grownAt > limit) throw stalled();
      const timer = new AbortController();
      const late = clock.sleep(glance, timer.signal).catch(() => {});
      try {
        await untilAborted(Promise.race([store.news(), late]), signal);
      } finally {
        timer.abort();
      }
      return true;
    },

    async close() {
      control.abort();
    },
  };
}

function stalled(): HeadendError {
  return new HeadendError("dial.stalled", { url: "timeshift", limit: formatDuration(limit) });
}
