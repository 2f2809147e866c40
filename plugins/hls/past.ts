// A past of a channel as HLS, for one player: a playlist of all of it, and segments that are made as they are asked for.
import { createProgrammeReader } from "../../core/formats/keyframe.ts";
import { packetLength } from "../../core/formats/mpegts.ts";
import { type Clock, HeadendError, type HlsWatch, type StreamHub, type Tune } from "../../core/plugin.ts";
import { createAttendance } from "./attendance.ts";
import { moveNames } from "./links.ts";
import type { Asking } from "./live.ts";
import { isOver, RelayOver } from "./over.ts";
import { planPast } from "./pace.ts";
import { createPastPlaylist } from "./playlist.ts";
import { replyPart, replyPlaylist } from "./reply.ts";
import { ahead, type Runner, startRunner } from "./runner.ts";
import { createBell, within } from "./waiting.ts";

export interface PastOptions {
  readonly hub: StreamHub;
  readonly clock: Clock;
  readonly channel: Tune["channel"];
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly until: number;
  /** Milliseconds after the last request until upstream is let go. */
  readonly linger: number;
  readonly mostBytes: number;
  readonly signal: AbortSignal;
  gone(): void;
}

export interface PastStream {
  /** Answers `index.m3u8`, `<number>.ts`, and what upstream names below `hls/`. @throws HeadendError `tune.*`, `not.found` */
  answer(asking: Asking): Promise<Response>;
  stop(): void;
}

/** Segments that are kept after they were asked for. */
const behind = 2;
/** A segment that is no further than this from what is being made is waited for. */
const near = ahead + 1;
/** Times that a segment is tried to be had. */
const attempts = 3;
/** Milliseconds to wait for a segment, and for upstream to answer. */
const limit = 30_000;
/** Milliseconds that archives are late. */
const lag = 15_000;
const partAge = 60_000;

export function createPastStream(o: PastOptions): PastStream {
  const { clock, channel } = o;
  const plan = planPast(o.at, o.until);
  const playlist = createPastPlaylist(plan, "");
  let listed = 0;
  const bell = createBell();
  const ready = new Map<number, Uint8Array>();
  const control = new AbortController();
  let runner: Runner | undefined;
  let started = 0;
  /** Steps when somebody asks for something elsewhere: those who wait for what was before need it no more. */
  let place = 0;

  const attendance = createAttendance({
    clock,
    linger: () => o.linger,
    signal: AbortSignal.any([o.signal, control.signal]),
    left: stop,
  });

  function stop(): void {
    if (control.signal.aborted) return;
    o.signal.removeEventListener("abort", stop);
    control.abort();
    runner?.stop();
    ready.clear();
    bell.ring();
    o.gone();
  }

  /** A segment of a past that has been played, but was not recorded here: tables alone, which players pass over. */
  let tables: Uint8Array | undefined;

  function start(first: number, lenient = false): Runner {
    runner?.stop();
    ready.clear();
    place++;
    runner = startRunner({
      hub: o.hub,
      channel,
      plan,
      first,
      viewer: attendance.viewer,
      spliced: started++ > 0,
      lenient,
      mostBytes: o.mostBytes / 4,
      bell,
      made(index, bytes) {
        ready.set(index, bytes);
        tables ??= tablesOf(bytes);
      },
    });
    return runner;
  }

  const makes = (index: number) =>
    runner !== undefined && !runner.over && index >= runner.next && index <= runner.next + near;
  const stopped = (who: string) => new HeadendError("tune.stopped", { channel: channel.name, who });

  /** Waits for something to change. */
  const change = async (signal: AbortSignal) =>
    await within(bell.rung, {
      clock,
      ms: limit,
      signal,
      late: () => new HeadendError("tune.late", { channel: channel.name, limit: `${limit / 1000}s` }),
    });

  async function segment(index: number, signal: AbortSignal): Promise<Uint8Array> {
    let here: number | undefined;
    for (let tried = 0; ; ) {
      if (control.signal.aborted) throw stopped("nobody watching");
      const bytes = ready.get(index);
      if (bytes) {
        runner?.want(index);
        for (const old of ready.keys()) if (old < index - behind) ready.delete(old);
        return bytes;
      }
      if (!makes(index)) {
        if (here !== undefined && here !== place) throw stopped("a jump to elsewhere");
        if (here !== undefined && runner?.holed && tables) return tables;
        if (runner?.over && here !== undefined && runner.error === undefined) throw new HeadendError("not.found");
        if (tried++ === attempts) throw runner?.error ?? new HeadendError("not.found");
        // A loss on the way may not come again; what was not recorded stays lost.
        start(index, tried > 1);
      }
      here = place;
      if (runner?.hls) throw new HeadendError("not.found");
      runner?.want(index);
      await change(signal);
    }
  }

  /** Upstream's own playlists, if it has such. */
  async function upstreamsOwn(signal: AbortSignal): Promise<HlsWatch | undefined> {
    if (!runner || (runner.over && (runner.hls || runner.error !== undefined))) start(0);
    const own = runner;
    while (own && !own.hls && !own.over && !ready.has(0) && own.next === 0) await change(signal);
    if (own?.over && own.error !== undefined) throw own.error;
    return own?.hls;
  }

  async function passOn(hls: HlsWatch, name: string): Promise<Response> {
    try {
      if (name === "") return replyPlaylist(await moveNames(await hls.playlist(name), "hls/"));
      if (name.endsWith(".m3u8")) return replyPlaylist(await hls.playlist(name));
      const part = await hls.part(name);
      if (part) return replyPart(part.bytes, part.type, partAge);
      throw new HeadendError("not.found");
    } catch (thrown) {
      if (!isOver(thrown)) throw thrown;
      runner?.stop();
      throw new RelayOver(channel.name, thrown);
    }
  }

  async function answer({ path, signal }: Asking): Promise<Response> {
    const number = /^(\d{1,7})\.ts$/.exec(path)?.[1];
    if (number !== undefined && Number(number) < plan.count)
      return replyPart(await segment(Number(number), signal), "video/mp2t", partAge);
    const isIndex = path === "index.m3u8";
    const name = isIndex ? "" : /^hls\/([\w.-]+)$/.exec(path)?.[1];
    if (name === undefined) throw new HeadendError("not.found");
    const hls = await upstreamsOwn(signal);
    if (hls) return await passOn(hls, name);
    if (!isIndex) throw new HeadendError("not.found");
    const now = clock.now() - lag;
    let count = Math.max(1, listed);
    while (count < plan.count && plan.begins(count + 1) <= now) count++;
    listed = count;
    return replyPlaylist(await playlist.text(count));
  }

  if (o.signal.aborted) stop();
  else o.signal.addEventListener("abort", stop, { once: true });

  return {
    stop,
    async answer(asking) {
      const leave = attendance.enter(asking.name);
      try {
        return await answer(asking);
      } finally {
        leave();
      }
    },
  };
}

/** The tables at the beginning of a segment. */
function tablesOf(segment: Uint8Array): Uint8Array {
  const reader = createProgrammeReader();
  let end = 0;
  while (end < segment.length && reader.programme === undefined) {
    reader.read(segment, end);
    end += packetLength;
  }
  return segment.slice(0, end);
}
