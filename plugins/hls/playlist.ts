// The playlists that players are given.
import { formatMedia } from "../../core/formats/hls.ts";
import { longestPlanned, type Plan } from "./pace.ts";

/** A segment as a playlist lists it. */
export interface Listed {
  readonly name: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly sequence: number;
  readonly discontinuity: number;
  /** Milliseconds since the Unix epoch. */
  readonly date: number;
  readonly independent: boolean;
}

const version = 6;

/** @param target milliseconds, whole seconds; @param prefix what stands before a name to make an address of it */
export function formatLive(segments: readonly Listed[], target: number, prefix: string): string {
  const [first] = segments;
  return formatMedia({
    kind: "media",
    version,
    targetDuration: target,
    sequence: first?.sequence ?? 0,
    // That of the playlist is that of its first segment: its own mark is left out with what came before it.
    discontinuity: first?.discontinuity ?? 0,
    ended: false,
    iFramesOnly: false,
    independent: segments.every(({ independent }) => independent),
    segments: segments.map(({ name, duration, sequence, discontinuity, date }) => ({
      uri: prefix + name,
      duration,
      sequence,
      discontinuity,
      date,
      keys: [],
    })),
  });
}

/** @param count segments that are there; with fewer than the plan has, more will come */
export function formatPast(plan: Plan, count: number, prefix: string): string {
  const ended = count >= plan.count;
  return formatMedia({
    kind: "media",
    version,
    targetDuration: longestPlanned,
    sequence: 0,
    discontinuity: 0,
    type: ended ? "VOD" : "EVENT",
    ended,
    iFramesOnly: false,
    independent: false,
    // Players begin what is not ended near its end.
    start: 0,
    segments: Array.from({ length: Math.min(count, plan.count) }, (_, index) => ({
      uri: `${prefix}${index}.ts`,
      duration: plan.begins(index + 1) - plan.begins(index),
      sequence: index,
      discontinuity: 0,
      date: plan.begins(index),
      keys: [],
    })),
  });
}
