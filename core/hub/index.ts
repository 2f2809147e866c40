// One upstream a tune, any number of viewers: finds or makes the stream that somebody wants to watch.
import { HeadendError } from "../errors.ts";
import type { Clock, HlsWatch, StreamHub, TransportWatch, Tune, Viewer } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { createBreaker } from "./breaker.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { type HubObserver, silentObserver } from "./observer.ts";
import type { StreamSettings, StreamShared } from "./settings.ts";
import { type Sizes, usualSizes } from "./sizes.ts";
import { createStream, Missed, type Stream, type Watcher } from "./stream.ts";
import type { Candidate } from "./upstream.ts";

export type { Want } from "./ledger.ts";
export type { HubObserver } from "./observer.ts";
export type { StreamSettings } from "./settings.ts";
export type { Candidate, HlsSession } from "./upstream.ts";

export interface HubOptions extends Pick<StreamShared, "slate" | "log"> {
  readonly clock: Clock;
  /** Every way to a tune's pictures, best first. `bits` is what the channel is known to take. @throws HeadendError when there can be none */
  candidates(tune: Tune, bits: number | undefined): readonly Candidate[];
  settings(tune: Tune): StreamSettings;
  /** There is a stream for a tune now; a tap may join it after this call. */
  made?(tune: Tune): void;
  readonly observer?: HubObserver;
  readonly sizes?: Sizes;
}

/** The hub as core has it. */
export interface Hub extends StreamHub {
  readonly ledger: Ledger;
  /** Ends every stream of an instance, or all; resolves when their upstreams are closed. */
  stop(instance?: string): Promise<void>;
}

/** Milliseconds between two looks at what time has brought about; only while there are streams. */
const tickPause = 250;
/** Channels whose bit rate is remembered. */
const mostMeasured = 10_000;

export function createHub(o: HubOptions): Hub {
  const { clock } = o;
  const streams = new Map<string, Stream>();
  /** Streams that no new viewer joins; they end by themselves. */
  const retired = new Set<Stream>();
  const measured = new Map<string, number>();
  const ledger = createLedger();
  const breaker = createBreaker();
  let serial = 0;
  let ticking = false;

  const all = () => [...streams.values(), ...retired];
  const shared: StreamShared = {
    ledger,
    breaker,
    clock,
    log: o.log,
    sizes: o.sizes ?? usualSizes,
    observer: o.observer ?? silentObserver,
    ...(o.slate ? { slate: o.slate } : {}),
    pace() {
      let viewers = 0;
      for (const stream of streams.values()) viewers += stream.viewers;
      // Few viewers get their bytes soon; for many, fewer and larger sends decide what they cost.
      if (viewers <= 5) return { bytes: 16_384, wait: 10 };
      return viewers <= 20 ? { bytes: 32_768, wait: 30 } : { bytes: 65_536, wait: 60 };
    },
    measured(channel, bits) {
      const peak = Math.max(bits, (measured.get(channel) ?? 0) * 0.999);
      measured.delete(channel);
      measured.set(channel, peak);
      const oldest = measured.keys().next();
      if (measured.size > mostMeasured && !oldest.done) measured.delete(oldest.value);
    },
  };

  async function tick(): Promise<void> {
    if (ticking) return;
    ticking = true;
    while (streams.size + retired.size > 0) {
      await clock.sleep(tickPause);
      for (const stream of all()) {
        try {
          stream.tick();
        } catch (error) {
          // The others' time goes on.
          o.log.error(`${stream.status.name}: ${reasonOf(error)}`);
        }
      }
    }
    ticking = false;
  }

  function streamOf(tune: Tune, viewer: Viewer): Stream {
    const key = `${tune.channel.id} ${tune.at ?? ""} ${tune.until ?? ""}`;
    const known = streams.get(key);
    if (known?.joinable) return known;
    if (viewer.priority === "tap")
      throw new HeadendError("tune.stopped", { channel: tune.channel.name, who: "nobody watching" });
    if (known) retired.add(known);
    const stream: Stream = createStream({
      id: String(++serial),
      tune,
      settings: o.settings(tune),
      candidates: () => o.candidates(tune, measured.get(tune.channel.id)),
      shared,
      closed() {
        if (streams.get(key) === stream) streams.delete(key);
        retired.delete(stream);
      },
    });
    streams.set(key, stream);
    o.made?.(tune);
    void tick();
    return stream;
  }

  async function join(tune: Tune, viewer: Viewer, form: "ts" | "hls", signal: AbortSignal): Promise<Watcher> {
    signal.throwIfAborted();
    try {
      return await streamOf(tune, viewer).join(viewer, form, signal);
    } catch (error) {
      if (!(error instanceof Missed)) throw error;
      return await streamOf(tune, viewer).join(viewer, form, signal);
    }
  }

  return {
    ledger,

    async watch(tune, viewer, signal) {
      return watchOf(await join(tune, viewer, "ts", signal)) as TransportWatch;
    },

    async watchHls(tune, viewer, signal) {
      return watchOf(await join(tune, viewer, "hls", signal));
    },

    streams: () => all().map((stream) => stream.status),

    end(id) {
      for (const stream of all()) {
        if (stream.end(id)) return true;
        const { status } = stream;
        if (status.id !== id) continue;
        void stream.stop(new HeadendError("tune.stopped", { channel: status.name, who: "hand" }));
        // Upstream may be over already, and only they still read.
        for (const viewer of status.viewers) stream.end(viewer.id);
        return true;
      }
      return false;
    },

    async stop(instance) {
      const ending = all().filter(({ status }) => instance === undefined || status.instance === instance);
      const reason = new HeadendError("instance.stopped", { instance: instance ?? "headend" });
      await Promise.all(ending.map((stream) => stream.stop(reason)));
    },
  };
}

function watchOf(watcher: Watcher): TransportWatch | HlsWatch {
  const { id, transport, session } = watcher;
  if (transport) return { kind: "ts", id, body: transport.body };
  if (!session) throw new Error("a watcher watches something");
  return {
    kind: "hls",
    id,
    playlist: (name) => session.playlist(name),
    part: (name) => session.part(name),
    close: watcher.leave,
  };
}
