// A running watch of a past: cuts segment after segment of a plan, only a little ahead of what is asked for.
import {
  HeadendError,
  type HlsWatch,
  type StreamHub,
  type TransportWatch,
  type Tune,
  type Viewer,
} from "../../core/plugin.ts";
import { type Plan, pastPace } from "./pace.ts";
import { createSegmenter } from "./segmenter.ts";
import type { Bell } from "./waiting.ts";

export interface Runner {
  /** The segment it makes next. */
  readonly next: number;
  /** It will make no more; why, unless it came to the end of what there is. */
  readonly over: boolean;
  readonly error: unknown;
  /** True when there is nothing of the segment it makes next: it was not recorded. */
  readonly holed: boolean;
  /** Upstream's own playlists, when that is what it has. */
  readonly hls: HlsWatch | undefined;
  /** Somebody waits for this segment: those up to a few after it may be made. */
  want(index: number): void;
  stop(): void;
}

export interface RunnerOptions {
  readonly hub: StreamHub;
  readonly channel: Tune["channel"];
  readonly plan: Plan;
  /** The segment to begin with. */
  readonly first: number;
  readonly viewer: Viewer;
  /** What it makes does not continue what was made before. */
  readonly spliced: boolean;
  /** What is lost will not come by asking again: what came before it is made of it, and no more. */
  readonly lenient: boolean;
  readonly mostBytes: number;
  /** Takes a segment. */
  made(index: number, bytes: Uint8Array): void;
  /** Rung when anything of it has changed. */
  readonly bell: Bell;
}

/** Segments that are made before they are asked for. */
export const ahead = 2;
/** Ticks of 90 kHz at which the time stamps of a past begin: pictures may be shown before those that came first. */
const startTicks = 10 * 90_000;

export function startRunner(o: RunnerOptions): Runner {
  const { plan, bell } = o;
  const control = new AbortController();
  const room = Promise.withResolvers<void>();
  let wanted = o.first;
  let next = o.first;
  let over = false;
  let error: unknown;
  let hls: HlsWatch | undefined;
  let holed = false;
  let wake = room;

  function end(why?: unknown): void {
    if (over) return;
    over = true;
    error = why;
    control.abort();
    wake.resolve();
    bell.ring();
  }

  async function cut({ body }: TransportWatch): Promise<void> {
    const segmenter = createSegmenter({
      mayCut: pastPace(plan, o.first),
      mostBytes: o.mostBytes,
      start: startTicks + (plan.begins(o.first) - plan.at) * 90,
      spliced: o.spliced,
    });
    const reader = body.getReader();
    const leave = () => void reader.cancel().catch(() => {});
    control.signal.addEventListener("abort", leave, { once: true });
    try {
      while (!over && next < plan.count) {
        if (next > wanted + ahead) {
          wake = Promise.withResolvers();
          await wake.promise;
          continue;
        }
        const { done, value } = await reader.read();
        const segments = value ? segmenter.write(value) : [segmenter.finish()];
        if (over) return;
        for (const segment of segments) if (segment && next < plan.count) o.made(next++, segment.bytes);
        if (segments.length > 0) bell.ring();
        if (segmenter.gapped && o.lenient) {
          const rest = segmenter.finish();
          if (rest && next < plan.count) o.made(next++, rest.bytes);
          holed = true;
          return;
        }
        if (segmenter.gapped)
          throw new HeadendError("tune.failed", { channel: o.channel.name, reason: "a part was lost" });
        if (done) return;
      }
    } finally {
      leave();
    }
  }

  async function run(): Promise<void> {
    const tune: Tune = { channel: o.channel, at: plan.begins(o.first), until: plan.until };
    const watch = await o.hub.watchHls(tune, o.viewer, control.signal);
    if (watch.kind === "ts") {
      if (over) await watch.body.cancel();
      else await cut(watch);
      end();
    } else if (over) watch.close();
    else {
      hls = watch;
      control.signal.addEventListener("abort", () => watch.close(), { once: true });
      bell.ring();
    }
  }
  run().catch(end);

  return {
    get next() {
      return next;
    },
    get over() {
      return over;
    },
    get error() {
      return error;
    },
    get holed() {
      return holed || (error instanceof HeadendError && error.code === "tune.past");
    },
    get hls() {
      return hls;
    },
    want(index) {
      wanted = Math.max(wanted, index);
      wake.resolve();
    },
    stop: () => end(),
  };
}
