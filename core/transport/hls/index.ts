// A session with an HLS upstream: playlists and parts fetched once for any number of viewers, or joined into one transport stream.
import { HeadendError } from "../../errors.ts";
import type { Clock, Fetch, HlsPart, HlsSource, Logger, TransportSource } from "../../plugin.ts";
import { describeUrl } from "../../redact.ts";
import { createCatalogue } from "./catalogue.ts";
import { joinRenditions } from "./join.ts";
import { typeOf } from "./names.ts";
import { createParts, type Hold, type Whereabouts } from "./parts.ts";
import type { Rendition } from "./rendition.ts";
import { createHlsUpstream } from "./upstream.ts";
import { chooseVariants } from "./variant.ts";

/** Makes one transport stream of fragmented MP4, packed audio, or several of whatever; closes what it reads when it ends. */
export type Remux = (inputs: AsyncIterable<Uint8Array>[], signal: AbortSignal) => TransportSource;

export interface HlsSessionSetup {
  readonly source: HlsSource;
  /** The instance's own: its cookies and its User-Agent. */
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the session. */
  readonly signal: AbortSignal;
  /** For what is not a transport stream; without it that cannot be joined. */
  readonly remux?: Remux;
  /** Bytes of parts that are kept for further viewers (default 32 MiB). */
  readonly maxBytes?: number;
  /** Bits a second that a joined variant may have; default: the best is taken. */
  readonly maxBandwidth?: number;
  /** Where a stream that is still growing is joined: near its live edge (default), or at its beginning. */
  readonly start?: "live" | "beginning";
}

/** Does nothing while nobody asks. */
export interface HlsSession {
  /** The playlist of that name (`""`: the first), its addresses replaced by names relative to it. @throws HeadendError */
  playlist(name: string): Promise<string>;
  /** A segment, map or key by its name; undefined when it is known no more. @throws HeadendError */
  part(name: string): Promise<HlsPart | undefined>;
  /**
   * All of it as one transport stream of whole packets, whose continuity counters never jump without a mark. Reading
   * slowly loses nothing but time; when it ends, throws or is returned from, nothing of it is open.
   *
   * @param gap called right before the first bytes that do not continue what came before
   * @throws HeadendError `dial.*`, `fetch.*`; or the signal's reason
   */
  join(gap: () => void, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Ends the session; resolves when nothing of it is open. */
  close(): Promise<void>;
}

/** Milliseconds for which parts are kept after somebody asked for a playlist. */
const viewing = 60_000;

export function createHlsSession(setup: HlsSessionSetup): HlsSession {
  const { source, fetch, clock, log } = setup;
  const control = new AbortController();
  const life = control.signal;

  const upstream = createHlsUpstream(source, fetch, life);
  const parts = createParts(upstream, setup.maxBytes ?? 32 << 20);
  const onAbort = () => {
    control.abort(setup.signal.reason);
    parts.close();
  };
  if (setup.signal.aborted) onAbort();
  else setup.signal.addEventListener("abort", onAbort, { once: true });
  const pending = new Set<Promise<unknown>>();
  const catalogue = createCatalogue({
    source,
    upstream,
    clock,
    log,
    live: setup.start !== "beginning",
    updated: () => parts.retain((name) => catalogue.whereabouts(name) !== undefined),
  });
  let viewed = Number.NEGATIVE_INFINITY;

  /** What is under way when the session is closed is waited for. */
  const counted = <T>(work: Promise<T>): Promise<T> => {
    const settled = work.then(
      () => {},
      () => {},
    );
    pending.add(settled);
    settled.then(() => pending.delete(settled));
    return work;
  };
  const isViewed = () => clock.monotonic() - viewed < viewing;
  const take = (rendition: Rendition, name: string): Hold => {
    const whereabouts: Whereabouts = {
      address: () => rendition.snapshot?.addresses.get(name),
      renew: () => rendition.refresh(),
    };
    return parts.take(name, whereabouts, isViewed());
  };

  return {
    async playlist(name) {
      life.throwIfAborted();
      viewed = clock.monotonic();
      return await counted(catalogue.text(name));
    },
    async part(name) {
      life.throwIfAborted();
      const whereabouts = catalogue.whereabouts(name);
      if (!whereabouts) return undefined;
      const hold = parts.take(name, whereabouts, true);
      try {
        return { type: typeOf(name), bytes: (await counted(hold.whole())).bytes };
      } finally {
        hold.release();
      }
    },
    async *join(gap, signal) {
      const both = AbortSignal.any([life, signal]);
      both.throwIfAborted();
      const top = await counted(catalogue.open());
      const attempts = top
        ? chooseVariants(top.multivariant, setup).map(({ variant, audio }) =>
            [variant, ...(audio === undefined ? [] : [audio])].map((uri) => catalogue.find(uri)),
          )
        : [[catalogue.main()]];
      const url = describeUrl(source.address ?? source.url);
      let failure: unknown;
      for (const attempt of attempts) {
        const renditions = attempt.filter((rendition) => rendition !== undefined);
        if (renditions.length < attempt.length) continue;
        let started = false;
        const wish = { renditions, take, clock, log, gap, signal: both, url, start: setup.start ?? "live" } as const;
        try {
          for await (const chunk of joinRenditions({ ...wish, ...(setup.remux && { remux: setup.remux }) })) {
            started = true;
            yield chunk;
          }
          return;
        } catch (error) {
          // What has begun is not begun again at another: the hub does that, and marks it.
          if (started || both.aborted) throw error;
          failure ??= error;
        }
      }
      throw failure ?? new HeadendError("dial.content", { url, reason: "its variants cannot be fetched" });
    },
    async close() {
      setup.signal.removeEventListener("abort", onAbort);
      control.abort(new DOMException("the session has ended", "AbortError"));
      await parts.close();
      await Promise.all(pending);
    },
  };
}
