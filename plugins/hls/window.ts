// The last segments of a live stream: those that the playlist lists, and a few more for requests that come late.
import type { Listed } from "./playlist.ts";
import type { Segment } from "./segmenter.ts";

export interface Window {
  /** Takes the next segment; `now` is the wall clock, in milliseconds. */
  add(segment: Segment, now: number): void;
  /** What the playlist lists now. */
  list(): readonly Listed[];
  /** Milliseconds, whole seconds: no segment is longer (RFC 8216 §4.3.3.1). */
  readonly target: number;
  get(name: string): Uint8Array | undefined;
  readonly bytes: number;
}

export interface WindowOptions {
  /** Segments that are listed, and that are kept. */
  readonly listed: number;
  readonly kept: number;
  /** Bytes that are kept at most, but for the three segments that players need. */
  readonly mostBytes: number;
  /** What segments are called, before their number. Never used before. */
  readonly name: string;
  /** The first media sequence number, and discontinuity sequence number. */
  readonly sequence: number;
  /** Milliseconds that segments are meant to have. */
  readonly target: number;
}

interface Kept extends Listed {
  readonly bytes: Uint8Array;
}

/** Fewer segments than these three leave a player without anything to play (§6.3.3). */
const least = 3;
/** Milliseconds that the clock may be off before dates are set right. */
const off = 5000;

export function createWindow(o: WindowOptions): Window {
  const kept: Kept[] = [];
  let sequence = o.sequence;
  let discontinuity = o.sequence;
  let bytes = 0;
  let target = Math.max(1000, roundToSeconds(o.target));
  let next: number | undefined;

  return {
    add(segment, now) {
      if (segment.discontinuity) discontinuity++;
      // What just ended began a segment ago; then each follows the one before, however the requests come.
      const began = now - segment.duration;
      const date = next === undefined || segment.discontinuity || Math.abs(began - next) > off ? began : next;
      next = date + segment.duration;
      const { duration, independent } = segment;
      const name = `${o.name}-${sequence}.ts`;
      kept.push({ name, duration, sequence, discontinuity, date, independent, bytes: segment.bytes });
      bytes += segment.bytes.length;
      sequence++;
      target = Math.max(target, roundToSeconds(duration));
      while (kept.length > o.kept || (bytes > o.mostBytes && kept.length > least)) {
        bytes -= kept.shift()?.bytes.length ?? 0;
      }
    },
    list: () => kept.slice(-o.listed),
    get target() {
      return target;
    },
    get: (name) => kept.find((each) => each.name === name)?.bytes,
    get bytes() {
      return bytes;
    },
  };
}

function roundToSeconds(ms: number): number {
  return Math.round(ms / 1000) * 1000;
}
