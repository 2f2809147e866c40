// When a segment ends: live, as soon as its target is reached; of a past, near the boundaries that the playlist promised.
import type { Moment } from "./segmenter.ts";

/** Milliseconds that the first segment of a live stream must have: the sooner it is there, the sooner there is a picture. */
const leastFirst = 500;
/** A first segment does not wait longer for its second key frame. */
const mostFirst = 4000;
/** Key frames every 1.92 s are every 2 s. */
const tolerance = 100;

/** Of what is watched as it happens the first segment is a few pictures: it can be played before there is more. */
const promptFirst = 300;
/** Its first pictures come in short segments for so many milliseconds, until key frames give the measure. */
const promptSpan = 12_000;

/** As `livePace()`, for what is watched as it happens: players begin before the first group of pictures is over. */
export function promptPace(target: number, most: number): (moment: Moment) => boolean {
  return ({ elapsed, total, count, key, independent, interval }) => {
    if (count === 0) return elapsed >= Math.min(promptFirst, target);
    // What begins amid a group of pictures ends with it.
    if (key) return !independent || elapsed >= target - tolerance;
    return elapsed >= (interval === 0 && total < promptSpan ? target : most);
  };
}

/** @param target milliseconds that a segment has at least; @param most that it has without a key frame */
export function livePace(target: number, most: number): (moment: Moment) => boolean {
  return ({ elapsed, count, key }) => {
    if (key) return elapsed >= (count === 0 ? Math.min(leastFirst, target) : target - tolerance);
    return elapsed >= (count === 0 ? Math.max(mostFirst, target) : most);
  };
}

/** The segments of a span of the past: short ones first, so that the first picture comes soon. */
export interface Plan {
  readonly at: number;
  readonly until: number;
  /** How many there are. */
  readonly count: number;
  /** The instant at which a segment begins; that of `count` is `until`. Milliseconds since the Unix epoch. */
  begins(index: number): number;
}

/** Milliseconds; and how many of the short ones. */
const shortSegment = 2000;
const longSegment = 6000;
const shortOnes = 3;

export function planPast(at: number, until: number): Plan {
  const offset = (index: number) =>
    index <= shortOnes ? index * shortSegment : shortOnes * shortSegment + (index - shortOnes) * longSegment;
  let count = 1;
  if (until - at <= offset(shortOnes)) count = Math.max(1, Math.ceil((until - at) / shortSegment));
  else count = shortOnes + Math.ceil((until - at - offset(shortOnes)) / longSegment);
  return { at, until, count, begins: (index) => (index >= count ? until : at + offset(index)) };
}

/** The longest that a segment of a plan is meant to be, in milliseconds. */
export const longestPlanned = longSegment;

/** Ends segments at the key frames that are nearest to the boundaries of a plan, of which the first one is `first`. */
export function pastPace(plan: Plan, first: number): (moment: Moment) => boolean {
  const offset = (index: number) => plan.begins(index) - plan.begins(first);
  return ({ total, count, key, interval }) => {
    const index = first + count;
    const boundary = offset(index + 1);
    if (index + 1 >= plan.count) return total >= boundary;
    const half = (offset(index + 2) - boundary) / 2;
    // A key frame half an interval too early is nearer than the next one. Without any, the next segment must have something too.
    return total >= (key ? boundary - Math.min(half, interval / 2) : boundary + half);
  };
}
