// A live channel as HLS, once for all its players: cut here from a transport stream, or passed on from upstream's HLS.
import {
  type Clock,
  HeadendError,
  type HlsWatch,
  type StreamHub,
  type TransportWatch,
  type Tune,
} from "../../core/plugin.ts";
import { createAttendance } from "./attendance.ts";
import { moveNames } from "./links.ts";
import { livePace, promptPace } from "./pace.ts";
import { formatLive } from "./playlist.ts";
import { replyPart, replyPlaylist } from "./reply.ts";
import { createSegmenter } from "./segmenter.ts";
import { within } from "./waiting.ts";
import { createWindow } from "./window.ts";

export interface LiveSettings {
  /** Milliseconds that a segment has at least, and that one without a key frame has at most. */
  readonly target: number;
  readonly most: number;
  /** Segments that a playlist lists. */
  readonly window: number;
  /** Milliseconds after the last request until upstream is let go. */
  readonly linger: number;
  /** Bytes of segments that a stream keeps. */
  readonly mostBytes: number;
}

/** Somebody's request. */
export interface Asking {
  /** Who asks, as the hub shows it. */
  readonly name: string;
  /** Below the channel's own address. */
  readonly path: string;
  /** What leads from the request's address to what lies below the channel. */
  readonly prefix: string;
  readonly signal: AbortSignal;
}

export interface LiveOptions {
  readonly hub: StreamHub;
  readonly clock: Clock;
  readonly tune: Tune;
  /** Stands in its addresses, and in no other stream's. */
  readonly token: string;
  readonly settings: LiveSettings;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Nothing new will come: who asks from now on needs another. */
  over(): void;
  /** It is forgotten altogether. */
  gone(): void;
}

export interface LiveStream {
  readonly token: string;
  /** @throws HeadendError `tune.*`, `not.found` */
  answer(asking: Asking): Promise<Response>;
  stop(): void;
}

/** Segments that are kept when they are not listed any more. */
const late = 4;
/** Milliseconds to wait for the first segment. */
const firstLimit = 20_000;
/** Milliseconds for which what a name stands for does not change: segments of ours never, parts of upstream's hardly. */
const ownAge = 3_600_000;
const partAge = 60_000;
/** Sequence numbers begin with the seconds since then: a later stream of the channel goes on above an earlier one. */
const epoch = Date.UTC(2024, 0, 1);

export function createLiveStream(o: LiveOptions): LiveStream {
  const { clock, token, tune } = o;
  const { channel } = tune;
  const { segment, linger } = channel;
  const settings = { ...o.settings, ...(segment && { target: segment }) };
  const began = clock.now();
  const control = new AbortController();
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {});
  const window = createWindow({
    listed: settings.window,
    kept: settings.window + late,
    mostBytes: settings.mostBytes,
    name: token,
    sequence: Math.max(0, Math.floor((began - epoch) / 1000)),
    target: settings.target,
  });
  let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let hls: HlsWatch | undefined;
  let begun = false;
  const attendance = createAttendance({
    clock,
    // Who plays asks for the playlist once in every target duration (RFC 8216 §6.3.4), but not to the second.
    linger: () => Math.max(linger ?? settings.linger, 3 * window.target),
    signal: AbortSignal.any([o.signal, control.signal]),
    left: stop,
  });

  function stop(): void {
    if (control.signal.aborted) return;
    control.abort();
    o.signal.removeEventListener("abort", stop);
    first.reject(new HeadendError("tune.stopped", { channel: channel.name, who: "nobody watching" }));
    hls?.close();
    body?.cancel().catch(() => {});
    o.over();
    o.gone();
  }

  async function cut(watch: TransportWatch): Promise<void> {
    const segmenter = createSegmenter({
      mayCut: (segment ? promptPace : livePace)(settings.target, settings.most),
      mostBytes: settings.mostBytes / 4,
    });
    const reader = watch.body.getReader();
    body = reader;
    for (;;) {
      const { done, value } = await reader.read();
      const segments = value ? segmenter.write(value) : [segmenter.finish()];
      if (control.signal.aborted) return;
      for (const segment of segments) if (segment) window.add(segment, clock.now());
      if (window.list().length > 0) first.resolve();
      if (done) break;
    }
    first.reject(
      new HeadendError("tune.failed", { channel: channel.name, reason: "upstream ended before a picture came" }),
    );
  }

  async function run(): Promise<void> {
    const watch = await o.hub.watchHls(tune, attendance.viewer, control.signal);
    if (control.signal.aborted) {
      if (watch.kind === "hls") watch.close();
      else await watch.body.cancel();
      return;
    }
    if (watch.kind === "ts") return await cut(watch);
    hls = watch;
    first.resolve();
  }

  if (o.signal.aborted) stop();
  else o.signal.addEventListener("abort", stop, { once: true });

  /** Begins with the first who asks: by whose name the hub decides what may be taken for it. */
  function begin(): void {
    if (begun) return;
    begun = true;
    run().then(
      // What there is can still be fetched; upstream's own goes on.
      () => hls || o.over(),
      (thrown: unknown) => {
        first.reject(thrown);
        stop();
      },
    );
  }

  const ready = async (signal: AbortSignal) =>
    await within(first.promise, {
      clock,
      ms: firstLimit,
      signal,
      late: () => new HeadendError("tune.late", { channel: channel.name, limit: `${firstLimit / 1000}s` }),
    });

  async function passOn(watch: HlsWatch, name: string, prefix: string): Promise<Response> {
    try {
      if (name === "" || name.endsWith(".m3u8")) return replyPlaylist(moveNames(await watch.playlist(name), prefix));
      const part = await watch.part(name);
      if (!part) throw new HeadendError("not.found");
      return replyPart(part.bytes, part.type, partAge);
    } catch (thrown) {
      if (!isOver(thrown)) throw thrown;
      stop();
      throw new RelayOver(channel.name, thrown);
    }
  }

  async function answer({ path, prefix, signal }: Asking): Promise<Response> {
    const [folder, ...rest] = path.split("/");
    if (folder === "live") {
      const bytes = window.get(rest.join("/"));
      if (!bytes) throw new HeadendError("not.found");
      return replyPart(bytes, "video/mp2t", ownAge);
    }
    await ready(signal);
    if (hls && path === "") return await passOn(hls, "", `${prefix}hls/${token}/`);
    if (hls && folder === "hls") return await passOn(hls, rest.slice(1).join("/"), "");
    if (path !== "") throw new HeadendError("not.found");
    return replyPlaylist(formatLive(window.list(), window.target, `${prefix}live/`));
  }

  return {
    token,
    stop,
    async answer(asking) {
      const leave = attendance.enter(asking.name);
      begin();
      try {
        return await answer(asking);
      } finally {
        leave();
      }
    },
  };
}

/** A watch of upstream's HLS has ended; who asks again gets another. */
export class RelayOver extends HeadendError {
  constructor(channel: string, cause: unknown) {
    super("tune.stopped", { channel, who: "upstream" }, cause);
  }
}

/** A watch of upstream's HLS that has ended says so for ever; anything else may be better next time. */
export function isOver(thrown: unknown): boolean {
  return !(thrown instanceof HeadendError) || thrown.code.startsWith("tune.");
}
