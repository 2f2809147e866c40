// The playlists that players are given.
import { setImmediate } from "node:timers/promises";
import { formatMedia, type MediaMap, type PartialSegment } from "../../core/formats/hls.ts";
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
  /** What must be read before it. */
  readonly map?: string;
  readonly parts?: readonly ListedPart[];
}

/** A part of a segment. */
export interface ListedPart {
  readonly name: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly independent: boolean;
}

/** A segment that is not whole yet, as far as it is there. */
export interface Opened {
  readonly sequence: number;
  readonly discontinuity: number;
  readonly date?: number;
  readonly map: string;
  readonly parts: readonly ListedPart[];
  /** What its next part will be called. */
  readonly hint: string;
}

/** What a playlist with parts says besides. */
export interface Parts {
  readonly rest: Opened;
  /** Milliseconds: no part is longer. */
  readonly target: number;
}

/** With a map, and with parts: what players need to know for these they tell by the tags alone (bis §8). */
const versions = { ts: 6, mp4: 7 } as const;
/** Parts that players stay behind the end, at least (bis §4.4.3.8). */
const heldBack = 3;

/** @param target milliseconds, whole seconds; @param prefix what stands before a name to make an address of it */
export function formatLive(segments: readonly Listed[], target: number, prefix: string, parts?: Parts): string {
  const [first] = segments;
  const maps = new Map<string, MediaMap>();
  const mapOf = (name: string) => {
    const map = maps.get(name) ?? { uri: prefix + name, keys: [] };
    maps.set(name, map);
    return map;
  };
  const partsOf = (listed: readonly ListedPart[]): PartialSegment[] =>
    listed.map(({ name, duration, independent }) => ({ uri: prefix + name, duration, independent }));
  const isOfParts = ({ independent }: { readonly independent: boolean }) => independent;
  const [opening] = parts?.rest.parts ?? [];
  return formatMedia({
    kind: "media",
    version: first?.map === undefined && !parts ? versions.ts : versions.mp4,
    targetDuration: target,
    sequence: first?.sequence ?? 0,
    // That of the playlist is that of its first segment: its own mark is left out with what came before it.
    discontinuity: first?.discontinuity ?? 0,
    ended: false,
    iFramesOnly: false,
    independent: segments.every(isOfParts) && (opening?.independent ?? true),
    segments: segments.map(({ name, duration, sequence, discontinuity, date, map, parts }) => ({
      uri: prefix + name,
      ...{ duration, sequence, discontinuity, date, keys: [] },
      ...(map === undefined ? {} : { map: mapOf(map) }),
      ...(parts && parts.length > 0 ? { parts: partsOf(parts) } : {}),
    })),
    ...(parts && { lowLatency: formatRest(parts) }),
  });

  function formatRest({ rest, target: partTarget }: Parts) {
    const { sequence, discontinuity, date, map, parts: listed, hint } = rest;
    const opened = {
      ...{ sequence, discontinuity, keys: [], map: mapOf(map), parts: partsOf(listed) },
      ...(date === undefined ? {} : { date }),
    };
    return {
      ...{ blocks: true, partTarget, partHoldBack: heldBack * partTarget, hint: prefix + hint },
      ...(listed.length > 0 ? { rest: opened } : {}),
    };
  }
}

/** Segments that are written in one go. */
const atOnce = 250;

/** The playlist of a past, which grows at its end only: what has been written once is not written again. */
export interface PastPlaylist {
  /**
   * Lets everything else have its turn meanwhile: the first time a day has fourteen thousand segments.
   * @param count segments that are there, never fewer than before; with fewer than the plan has, more will come
   */
  text(count: number): Promise<string>;
}

export function createPastPlaylist(plan: Plan, prefix: string): PastPlaylist {
  let written = 0;
  let body = "";
  const format = (type: "VOD" | "EVENT", from: number, to: number): string =>
    formatMedia({
      kind: "media",
      version: versions.ts,
      targetDuration: longestPlanned,
      sequence: 0,
      discontinuity: 0,
      type,
      ended: false,
      iFramesOnly: false,
      independent: false,
      // Players begin what is not ended near its end.
      start: 0,
      segments: Array.from({ length: to - from }, (_, index) => ({
        uri: `${prefix}${from + index}.ts`,
        duration: plan.begins(from + index + 1) - plan.begins(from + index),
        sequence: from + index,
        discontinuity: 0,
        date: plan.begins(from + index),
        keys: [],
      })),
    });
  return {
    async text(count) {
      const most = Math.min(count, plan.count);
      const head = format("EVENT", 0, 0);
      while (written < most) {
        const until = Math.min(most, written + atOnce);
        body += format("EVENT", written, until).slice(head.length);
        written = until;
        if (written < most) await setImmediate();
      }
      return written < plan.count ? head + body : `${format("VOD", 0, 0)}${body}#EXT-X-ENDLIST\n`;
    },
  };
}
