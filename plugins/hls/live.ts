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
import { createCutter, type Mode } from "./cutter.ts";
import { createMover } from "./links.ts";
import { createListing } from "./listing.ts";
import { isOver, RelayOver } from "./over.ts";
import { livePace, promptPace } from "./pace.ts";
import { replyPart, replyPlaylist } from "./reply.ts";
import { within } from "./waiting.ts";
import { createWindow } from "./window.ts";

export interface LiveSettings {
  readonly mode: Mode;
  /** Milliseconds that a part is meant to have. */
  readonly part: number;
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
  query(): URLSearchParams;
  readonly signal: AbortSignal;
}

export interface LiveOptions {
  readonly hub: StreamHub;
  readonly clock: Clock;
  readonly tune: Tune;
  /** Stands in its addresses, and in no other stream's. */
  readonly token: string;
  /** Discontinuity sequence number of the channel's stream before this one. */
  readonly after?: number | undefined;
  readonly settings: LiveSettings;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Nothing new will come: who asks from now on needs another. */
  over(): void;
  /** It cannot be had as it is asked for, and is a transport stream. */
  unfit(reason: string): void;
  /** It is forgotten altogether. */
  gone(): void;
}

export interface LiveStream {
  readonly token: string;
  /** The last discontinuity sequence number. */
  readonly discontinuity: number;
  /** @throws HeadendError `tune.*`, `not.found` */
  answer(asking: Asking): Promise<Response>;
  stop(): void;
}

/** Segments that are kept when they are not listed any more. */
const late = 4;
/** Target durations that are in the first playlist; and for which it is held back for that, once there is a segment. */
const enoughTargets = 2;
const longestHold = 1.25;
/** Milliseconds to wait for the first segment. */
const firstLimit = 20_000;
/** Milliseconds for which what a name of upstream's stands for hardly changes. */
const partAge = 60_000;
/** Sequence numbers begin with the time since then, and no segment is as short as this: a later stream goes on above an earlier one. */
const epoch = Date.UTC(2024, 0, 1);
const sequenceStep = 250;
/** Discontinuity numbers begin with the hours: hls.js 1.7 runs through all from 0 on, with every playlist. */
const hour = 3_600_000;

export function createLiveStream(o: LiveOptions): LiveStream {
  const { clock, token, tune } = o;
  const { channel } = tune;
  const { segment, linger, hls: mode = o.settings.mode } = channel;
  const settings = { ...o.settings, ...(segment && { target: segment }) };
  const isPrompt = segment !== undefined || mode === "ll";
  const began = clock.now();
  const control = new AbortController();
  const first = Promise.withResolvers<void>();
  /** Whether it is known what `first` gives: nearly always, and then nobody waits for it. */
  let known = false;
  const settle = () => {
    known = true;
  };
  first.promise.then(settle, settle);
  const window = createWindow({
    listed: settings.window,
    kept: settings.window + late,
    mostBytes: settings.mostBytes,
    name: token,
    sequence: Math.max(0, Math.floor((began - epoch) / sequenceStep)),
    discontinuity: Math.max(0, Math.floor((began - epoch) / hour), (o.after ?? -1) + 1),
    target: settings.target,
    parts: mode === "ll",
  });
  const listing = createListing({ window, clock, channel: channel.name });
  const moveNames = createMover();
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
    listing.end();
    hls?.close();
    body?.cancel().catch(() => {});
    o.over();
    o.gone();
  }

  /**
   * The first playlist. What is watched as it happens is begun with whatever there is; of other channels players have
   * so much in hand that the next segment, and their finding it, do not take longer.
   */
  function open(): void {
    const listed = window.list();
    if (listed.length === 0) return;
    const inHand = listed.reduce((sum, { duration }) => sum + duration, 0);
    if (isPrompt || inHand >= enoughTargets * window.target) first.resolve();
    else if (listed.length === 1)
      clock.sleep(longestHold * settings.target, control.signal).then(first.resolve, () => {});
  }

  async function cut(watch: TransportWatch): Promise<void> {
    const pace = isPrompt ? promptPace : livePace;
    const cutter = createCutter({
      ...{ mode, part: settings.part, mostBytes: settings.mostBytes / 4, clock, window, unfit: o.unfit },
      mayCut: pace(settings.target, settings.most),
    });
    const reader = watch.body.getReader();
    body = reader;
    for (let goesOn = true; goesOn; ) {
      const { done, value } = await reader.read();
      if (control.signal.aborted) return;
      const { changes } = window;
      goesOn = value !== undefined && cutter.write(value);
      if (!goesOn) cutter.finish();
      if (!done && !goesOn) reader.cancel().catch(() => {});
      if (window.changes === changes) continue;
      open();
      listing.changed();
    }
    // What is there is there, however little.
    if (window.list().length > 0) first.resolve();
    // Who waited asks again, and gets the next one.
    o.over();
    listing.end();
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
    known
      ? await first.promise
      : await within(first.promise, {
          clock,
          ms: firstLimit,
          signal,
          late: () => new HeadendError("tune.late", { channel: channel.name, limit: `${firstLimit / 1000}s` }),
        });

  async function passOn(watch: HlsWatch, name: string, prefix: string): Promise<Response> {
    try {
      if (name === "" || name.endsWith(".m3u8"))
        return replyPlaylist(await moveNames(await watch.playlist(name), prefix));
      const part = await watch.part(name);
      if (!part) throw new HeadendError("not.found");
      return replyPart(part.bytes, part.type, partAge);
    } catch (thrown) {
      if (!isOver(thrown)) throw thrown;
      stop();
      throw new RelayOver(channel.name, thrown);
    }
  }

  async function answer({ path, prefix, query, signal }: Asking): Promise<Response> {
    const [folder, ...rest] = path.split("/");
    if (folder === "live") return await listing.media(rest.join("/"), signal);
    await ready(signal);
    if (hls && path === "") return await passOn(hls, "", `${prefix}hls/${token}/`);
    if (hls && folder === "hls") return await passOn(hls, rest.slice(1).join("/"), "");
    if (path !== "") throw new HeadendError("not.found");
    return await listing.playlist(`${prefix}live/`, query, signal);
  }

  return {
    token,
    get discontinuity() {
      return window.discontinuity;
    },
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
