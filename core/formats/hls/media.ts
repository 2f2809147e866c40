// What stands before and for the segments of a media playlist (RFC 8216 §4.3.2).
import { readAttributes } from "./attributes.ts";
import type { ByteRange, Key, MediaMap, PartialSegment, Segment } from "./model.ts";
import { given, readKey } from "./multivariant.ts";

/** A segment whose numbers are counted from the playlist's first. */
export type Drafted = Omit<Segment, "sequence">;

/** What has been read so far. */
export interface Draft {
  readonly segments: Drafted[];
  /** Of the playlist. */
  sequence: number;
  discontinuity: number;
  /** Of what follows: these stay until they are said anew. */
  keys: readonly Key[];
  map: MediaMap | undefined;
  discontinuities: number;
  /** Of the next segment alone. */
  next: {
    duration?: number;
    title?: string;
    range?: { length: number; offset?: number };
    date?: number;
    gap?: boolean;
    parts?: PartialSegment[];
  };
  /** True after a tag of the next segment: a key then is a further format of the same, or else a new one. */
  keyed: boolean;
  /** Where the last range ended, and of what. */
  last: { uri: string; end: number } | undefined;
}

export function startMedia(): Draft {
  return {
    segments: [],
    sequence: 0,
    discontinuity: 0,
    keys: [],
    map: undefined,
    discontinuities: 0,
    next: {},
    keyed: false,
    last: undefined,
  };
}

/** Takes a tag, or `""` with an address. False: it is none of a segment's. */
export function readSegmentTag(draft: Draft, tag: string, value: string): boolean {
  switch (tag) {
    case "":
      endSegment(draft, value);
      return true;
    case "#EXTINF": {
      const comma = value.indexOf(",");
      draft.next.duration = readDuration(comma < 0 ? value : value.slice(0, comma));
      const title = comma < 0 ? "" : value.slice(comma + 1).trim();
      if (title !== "") draft.next.title = title;
      return true;
    }
    case "#EXT-X-BYTERANGE": {
      const range = readRange(value);
      if (range) draft.next.range = range;
      return true;
    }
    case "#EXT-X-DISCONTINUITY":
      draft.discontinuities++;
      return true;
    case "#EXT-X-KEY": {
      const key = readKey(readAttributes(value));
      // Keys in a row are formats of one; a second of the same format is another key.
      const others = draft.keyed ? draft.keys.filter(({ format }) => format !== key?.format) : [];
      draft.keys = key ? [...others, key] : [];
      draft.keyed = key !== undefined;
      return true;
    }
    case "#EXT-X-MAP": {
      const attributes = readAttributes(value);
      const uri = attributes.get("URI");
      const range = readRange(attributes.get("BYTERANGE") ?? "");
      if (uri === undefined) return true;
      draft.map = {
        uri,
        keys: draft.keys,
        ...given("range", range && { length: range.length, offset: range.offset ?? 0 }),
      };
      return true;
    }
    case "#EXT-X-PROGRAM-DATE-TIME": {
      const date = Date.parse(value);
      if (Number.isFinite(date)) draft.next.date = date;
      return true;
    }
    case "#EXT-X-PART": {
      const part = readPart(value);
      if (part && draft.next.parts) draft.next.parts.push(part);
      else if (part) draft.next.parts = [part];
      return true;
    }
    case "#EXT-X-GAP":
      draft.next.gap = true;
      return true;
    default:
      return false;
  }
}

function endSegment(draft: Draft, uri: string): void {
  const { duration = 0, title, range, date, gap, parts } = draft.next;
  const whole: ByteRange | undefined = range && {
    length: range.length,
    // Without an offset it begins where the range before it ended (§4.3.2.2).
    offset: range.offset ?? (draft.last?.uri === uri ? draft.last.end : 0),
  };
  draft.last = whole && { uri, end: whole.offset + whole.length };
  draft.segments.push({
    uri,
    duration,
    discontinuity: draft.discontinuities,
    keys: draft.keys,
    ...given("title", title),
    ...given("range", whole),
    ...given("map", draft.map),
    ...given("date", date),
    ...given("gap", gap),
    ...given("parts", parts),
  });
  draft.next = {};
  draft.keyed = false;
}

/** bis §4.4.4.9; ranges of a part are not read. */
function readPart(value: string): PartialSegment | undefined {
  const attributes = readAttributes(value);
  const uri = attributes.get("URI");
  if (uri === undefined) return undefined;
  return {
    uri,
    duration: readDuration(attributes.get("DURATION") ?? ""),
    independent: attributes.get("INDEPENDENT") === "YES",
  };
}

/** What is there of the segment that is not whole yet: its parts, and what holds for them. */
export function readRest({ next, discontinuities, keys, map }: Draft): Omit<Drafted, "uri" | "duration"> | undefined {
  const { parts, date } = next;
  return parts && { parts, discontinuity: discontinuities, keys, ...given("map", map), ...given("date", date) };
}

/** Seconds as a decimal, to milliseconds; what is none, or negative, is 0. */
export function readDuration(text: string): number {
  const seconds = /^\s*\d{1,9}(?:\.\d*)?/.exec(text)?.[0];
  return seconds === undefined ? 0 : Math.round(Number(seconds) * 1e6) / 1e3;
}

/** `<length>[@<offset>]` */
function readRange(text: string): { length: number; offset?: number } | undefined {
  const [, length, offset] = /^(\d{1,15})(?:@(\d{1,15}))?$/.exec(text) ?? [];
  if (length === undefined) return undefined;
  return offset === undefined ? { length: Number(length) } : { length: Number(length), offset: Number(offset) };
}
