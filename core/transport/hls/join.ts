// One transport stream out of an HLS upstream: transport stream segments as they are, anything else through a remuxer.
import { HeadendError } from "../../errors.ts";
import { formatDuration } from "../../formats/duration.ts";
import { startOf } from "./follow.ts";
import type { Remux } from "./index.ts";
import { type MediaSetup, type Piece, readMedia } from "./media.ts";
import { createPackets, type Packets } from "./packets.ts";
import { type Rendition, untilAborted } from "./rendition.ts";
import { createRuns } from "./runs.ts";
import type { Snapshot } from "./snapshot.ts";

export interface JoinSetup extends Omit<MediaSetup, "rendition"> {
  /** One, or pictures and sound. */
  readonly renditions: readonly Rendition[];
  /** Called right before the first bytes that do not continue what came before. */
  gap(): void;
  readonly remux?: Remux;
}

/** Milliseconds until the first bytes must be there. */
const openLimit = 10_000;

/** @throws HeadendError; the signal's reason */
export async function* joinRenditions(setup: JoinSetup): AsyncGenerator<Uint8Array> {
  const { clock, url, renditions } = setup;
  const control = new AbortController();
  const signal = AbortSignal.any([setup.signal, control.signal]);
  const late = new HeadendError("dial.timeout", { url, limit: formatDuration(openLimit) });
  const timer = new AbortController();
  clock.sleep(openLimit, AbortSignal.any([timer.signal, setup.signal])).then(
    () => control.abort(late),
    () => {},
  );
  let media: readonly AsyncGenerator<Piece>[] = [];
  try {
    const snapshots = await untilAborted(Promise.all(renditions.map((rendition) => rendition.read())), signal);
    const wasLive = snapshots.some(isLive);
    const start = commonStart(snapshots, setup.start) ?? setup.start;
    media = renditions.map((rendition) => readMedia({ ...setup, rendition, signal, start }));
    for await (const chunk of joinMedia(media, { ...setup, signal })) {
      timer.abort();
      yield chunk;
    }
    signal.throwIfAborted();
    if (wasLive && setup.start === "live") throw new HeadendError("dial.ended", { url });
  } finally {
    timer.abort();
    control.abort(new DOMException("nobody reads on", "AbortError"));
    await Promise.all(media.map((each) => each.return(undefined)));
  }
}

/** Playlists that belong together are loaded one after the other: the number that all of them have, if there is one. */
function commonStart(snapshots: readonly Snapshot[], start: JoinSetup["start"]): number | undefined {
  if (snapshots.length < 2) return undefined;
  const first = Math.min(...snapshots.map((snapshot) => startOf(snapshot, start)));
  return snapshots.every(({ names }) => names.has(first)) ? first : undefined;
}

/** An event that goes on may end; a live playlist may not. */
function isLive({ playlist }: { readonly playlist: { readonly ended: boolean; readonly type?: string } }): boolean {
  return !playlist.ended && playlist.type !== "EVENT";
}

async function* joinMedia(media: readonly AsyncGenerator<Piece>[], setup: JoinSetup): AsyncGenerator<Uint8Array> {
  const [only] = media;
  if (!only) return;
  const packets = createPackets();
  const first = await only.next();
  if (first.done) return;
  if (media.length === 1 && first.value.begins?.form === "ts")
    yield* joinPackets(prepend(first.value, only), packets, setup);
  else yield* joinRemuxed([prepend(first.value, only), ...media.slice(1)], packets, setup);
}

async function* joinPackets(
  pieces: AsyncIterable<Piece>,
  packets: Packets,
  { gap, url }: JoinSetup,
): AsyncGenerator<Uint8Array> {
  let started = false;
  let broken = false;
  let map: Uint8Array | undefined;
  for await (const { bytes, begins } of pieces) {
    if (begins) {
      if (begins.form !== "ts") {
        const reason = "what its segments are made of has changed";
        throw new HeadendError("dial.content", { url, reason });
      }
      const whole = packets.end();
      broken = started && (begins.gap || !whole);
      packets.begin(broken);
    }
    const out = begins?.map && begins.map !== map ? packets.push(begins.map) : [];
    map = begins ? begins.map : map;
    out.push(...packets.push(bytes));
    if (out.length === 0) continue;
    started = true;
    if (broken) gap();
    broken = false;
    yield* out;
  }
}

async function* joinRemuxed(
  media: readonly AsyncGenerator<Piece>[],
  packets: Packets,
  { gap, remux, signal, url }: JoinSetup,
): AsyncGenerator<Uint8Array> {
  if (!remux) throw new HeadendError("dial.ffmpegless", { url });
  const runs = media.map(createRuns);
  for (let started = false; ; ) {
    const inputs = await untilAborted(Promise.all(runs.map((each) => each.next())), signal);
    const present = inputs.filter((input) => input !== undefined);
    if (present.length < inputs.length) return;
    packets.begin(started);
    let broken = started;
    for await (const chunk of remux(present, signal).chunks) {
      const out = packets.push(chunk);
      if (out.length === 0) continue;
      started = true;
      if (broken) gap();
      broken = false;
      yield* out;
    }
    for (const each of runs) each.check();
  }
}

async function* prepend(first: Piece, rest: AsyncGenerator<Piece>): AsyncGenerator<Piece> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
