// The segments of a rendition in order, each fetched while the one before is read, and no further ahead.
import type { Segment } from "../../formats/hls.ts";
import type { Clock } from "../../plugin.ts";
import type { Hold } from "./parts.ts";
import { type Rendition, untilAborted } from "./rendition.ts";
import type { Named, Snapshot } from "./snapshot.ts";

export interface FollowSetup {
  readonly rendition: Rendition;
  /** Begins to fetch a part. */
  take(rendition: Rendition, name: string): Hold;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Where to begin: near the live edge, at the beginning, or with a media sequence number. */
  readonly start: "live" | "beginning" | number;
}

/** A segment that is being fetched, unless upstream says that it is not there. */
export interface Followed {
  readonly segment: Segment;
  readonly named: Named;
  /** True when segments before it were missed. */
  readonly lost: boolean;
  readonly hold?: Hold;
}

/** How many segments before the live edge a viewer begins (RFC 8216 §6.3.3 has three target durations). */
const behind = 3;

/** Ends where the playlist ends. Its reader releases what it was given. @throws HeadendError; the signal's reason */
export async function* followSegments(setup: FollowSetup): AsyncGenerator<Followed> {
  const control = new AbortController();
  const signal = AbortSignal.any([setup.signal, control.signal]);
  const segments = orderSegments(setup, signal);
  const begin = async (): Promise<Followed | undefined> => {
    const { done, value } = await segments.next();
    if (done) return undefined;
    return value.segment.gap ? value : { ...value, hold: setup.take(setup.rendition, value.named.segment) };
  };
  let upcoming = begin();
  try {
    for (;;) {
      const followed = await upcoming;
      if (!followed) return;
      // Not before this one has come: the first picture is not to share the line.
      upcoming = followed.hold ? untilAborted(followed.hold.settled, signal).then(begin) : begin();
      // It is awaited later; until then nobody minds.
      upcoming.catch(() => {});
      yield followed;
    }
  } finally {
    control.abort(new DOMException("nobody reads on", "AbortError"));
    await upcoming.then(
      (followed) => followed?.hold?.release(),
      () => {},
    );
  }
}

async function* orderSegments(
  { rendition, start }: FollowSetup,
  signal: AbortSignal,
): AsyncGenerator<Omit<Followed, "hold">> {
  let snapshot = await untilAborted(rendition.read(), signal);
  let { epoch } = snapshot;
  let position = startOf(snapshot, start);
  const { ended } = snapshot.playlist;
  let fresh = true;
  for (;;) {
    // Playlists grow old while a slow reader reads: what is asked for must be in the newest.
    if (!fresh) snapshot = await untilAborted(rendition.read(), signal);
    fresh = false;
    let lost = false;
    if (snapshot.epoch !== epoch) {
      epoch = snapshot.epoch;
      position = startOf(snapshot, "live");
      lost = true;
    }
    const { playlist } = snapshot;
    if (position < playlist.sequence) {
      // Too slow for the live edge, or upstream was away: the oldest would be gone soon, too.
      position = ended || start === "beginning" ? playlist.sequence : startOf(snapshot, "live");
      lost = true;
    }
    const segment = playlist.segments[position - playlist.sequence];
    const named = snapshot.names.get(position);
    if (segment && named) {
      position++;
      yield { segment, named, lost };
    } else if (playlist.ended) return;
    else {
      snapshot = await rendition.next(snapshot, signal);
      fresh = true;
    }
  }
}

/** The media sequence number to begin with. */
export function startOf({ playlist }: Snapshot, start: FollowSetup["start"]): number {
  const { segments, sequence, ended } = playlist;
  if (typeof start === "number") return start;
  if (ended || start === "beginning") return sequence;
  return sequence + Math.max(0, segments.length - behind);
}
