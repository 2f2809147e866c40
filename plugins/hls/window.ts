// The last segments of a live stream: those that the playlist lists, and a few more for requests that come late.
import type { Listed, ListedPart, Opened } from "./playlist.ts";
import type { Piece } from "./run.ts";
import type { Segment } from "./segmenter.ts";

export interface Window {
  /** Takes the next segment of a transport stream; `now` is the wall clock, in milliseconds. */
  add(segment: Segment, now: number): void;
  /** Takes the next piece of fragmented MP4. */
  take(piece: Piece, now: number): void;
  /** What the playlist lists now; parts only of those at the end. */
  list(): readonly Listed[];
  /** The segment that is not whole yet; always there once `take()` was called and there are parts. */
  readonly rest: Opened | undefined;
  /** Milliseconds, whole seconds: no segment is longer (RFC 8216 §4.3.3.1). */
  readonly target: number;
  /** Milliseconds: no part is longer (bis §4.4.3.7). 0: there are none. */
  readonly partTarget: number;
  get(name: string): Uint8Array | undefined;
  readonly bytes: number;
  /** The discontinuity sequence number of what comes next, unless it jumps. */
  readonly discontinuity: number;
  /** Steps with every change of what is listed. */
  readonly changes: number;
}

export interface WindowOptions {
  /** Segments that are listed, and that are kept. */
  readonly listed: number;
  readonly kept: number;
  /** Bytes that are kept at most, but for the three segments that players need. */
  readonly mostBytes: number;
  /** What segments are called, before their number. Never used before. */
  readonly name: string;
  /** The first media sequence number. */
  readonly sequence: number;
  /** The first discontinuity sequence number; absent: the same. */
  readonly discontinuity?: number;
  /** Milliseconds that segments are meant to have. */
  readonly target: number;
  /** Parts are listed. */
  readonly parts?: boolean;
}

interface Kept extends Listed {
  readonly bytes: number;
}

/** A segment under way. */
interface Growing {
  readonly sequence: number;
  readonly discontinuity: number;
  readonly jumps: boolean;
  date: number | undefined;
  duration: number;
  readonly parts: ListedPart[];
}

/** Fewer segments than these three leave a player without anything to play (§6.3.3). */
const least = 3;
/** Target durations from the end for which parts are listed (bis §6.2.2). */
const partSpan = 3;
/** Milliseconds that the clock may be off before dates are set right. */
const off = 5000;

export function createWindow(o: WindowOptions): Window {
  const kept: Kept[] = [];
  /** All that can be fetched, by name. */
  const media = new Map<string, Uint8Array>();
  let sequence = o.sequence;
  let discontinuity = o.discontinuity ?? o.sequence;
  let bytes = 0;
  let target = Math.max(1000, roundToSeconds(o.target));
  let partTarget = 0;
  let next: number | undefined;
  let map: string | undefined;
  let maps = 0;
  let growing: Growing | undefined;
  let changes = 0;

  /** When it began: what just came ended now; then each follows the one before, however the requests come. */
  function dateOf(began: number, jumps: boolean): number {
    return next === undefined || jumps || Math.abs(began - next) > off ? began : next;
  }

  function keep(segment: Kept): void {
    kept.push(segment);
    next = segment.date + segment.duration;
    sequence = segment.sequence + 1;
    target = Math.max(target, roundToSeconds(segment.duration));
    changes++;
    while (kept.length > o.kept || (bytes > o.mostBytes && kept.length > least)) {
      const old = kept.shift();
      if (!old) break;
      bytes -= old.bytes;
      media.delete(old.name);
      for (const { name } of old.parts ?? []) media.delete(name);
      if (old.map !== undefined && old.map !== map && kept[0]?.map !== old.map) media.delete(old.map);
    }
  }

  function begin(jumps: boolean): Growing {
    if (jumps) discontinuity++;
    return { sequence, discontinuity, jumps, date: undefined, duration: 0, parts: [] };
  }

  function grow(it: Growing, { bytes: part, duration, independent }: Piece & { kind: "part" }, now: number): void {
    const name = `${o.name}-${it.sequence}.${it.parts.length}.m4s`;
    it.date ??= dateOf(now - duration, it.jumps);
    it.duration += duration;
    it.parts.push({ name, duration, independent });
    media.set(name, part);
    bytes += part.length;
    if (!o.parts) return;
    partTarget = Math.max(partTarget, Math.ceil(duration));
    changes++;
  }

  /** The parts become views of the whole. */
  function close({ parts, date = 0, duration, ...it }: Growing): void {
    const pieces = parts.map((part) => media.get(part.name) ?? new Uint8Array(0));
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const whole = pieces.length === 1 && pieces[0] ? pieces[0] : new Uint8Array(size);
    let at = 0;
    for (const [index, { name }] of parts.entries()) {
      const length = pieces[index]?.length ?? 0;
      if (pieces.length > 1) whole.set(pieces[index] ?? [], at);
      if (o.parts) media.set(name, whole.subarray(at, at + length));
      else media.delete(name);
      at += length;
    }
    const name = `${o.name}-${it.sequence}.m4s`;
    media.set(name, whole);
    keep({
      ...{ name, duration, sequence: it.sequence, discontinuity: it.discontinuity, date, bytes: size },
      independent: parts[0]?.independent ?? false,
      ...(map === undefined ? {} : { map }),
      ...(o.parts ? { parts } : {}),
    });
  }

  return {
    add(segment, now) {
      const { duration, independent } = segment;
      if (segment.discontinuity) discontinuity++;
      const date = dateOf(now - duration, segment.discontinuity);
      const name = `${o.name}-${sequence}.ts`;
      const size = segment.bytes.length;
      media.set(name, segment.bytes);
      bytes += size;
      keep({ name, duration, sequence, discontinuity, date, independent, bytes: size });
    },
    take(piece, now) {
      if (piece.kind === "map") {
        if (map !== undefined && !kept.some((segment) => segment.map === map)) media.delete(map);
        map = `${o.name}-map${maps++}.mp4`;
        media.set(map, piece.bytes);
      } else if (piece.kind === "open") growing = begin(piece.discontinuity);
      else if (piece.kind === "part" && growing) grow(growing, piece, now);
      else if (piece.kind === "close" && growing) {
        close(growing);
        growing = undefined;
      }
    },
    list() {
      const listed = kept.slice(-o.listed);
      if (!o.parts) return listed;
      let span = growing?.duration ?? 0;
      const from = listed.findLastIndex(({ duration }) => {
        span += duration;
        return span > partSpan * target;
      });
      return listed.map((segment, index) => (index <= from ? { ...segment, parts: [] } : segment));
    },
    get rest() {
      if (!o.parts || map === undefined) return undefined;
      const { parts = [], date } = growing ?? {};
      return {
        ...{ sequence: growing?.sequence ?? sequence, discontinuity: growing?.discontinuity ?? discontinuity },
        ...{ parts, map, hint: `${o.name}-${growing?.sequence ?? sequence}.${parts.length}.m4s` },
        ...(date === undefined ? {} : { date }),
      };
    },
    get target() {
      return target;
    },
    get partTarget() {
      return partTarget;
    },
    get: (name) => media.get(name),
    get bytes() {
      return bytes;
    },
    get discontinuity() {
      return discontinuity;
    },
    get changes() {
      return changes;
    },
  };
}

function roundToSeconds(ms: number): number {
  return Math.round(ms / 1000) * 1000;
}
