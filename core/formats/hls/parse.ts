// Reads HLS playlists. Any text is read without an exception: what is wrong is left out, or makes the whole invalid.
import { itemsPerStep, runSteps, type Steps } from "../steps.ts";
import { type Attributes, readAttributes } from "./attributes.ts";
import { beginsAsHls, type Line, readLines } from "./lines.ts";
import { type Draft, readDuration, readRest, readSegmentTag, startMedia } from "./media.ts";
import type {
  HlsPlaylist,
  Key,
  LowLatency,
  MediaPlaylist,
  Multivariant,
  Rendition,
  Segment,
  SessionData,
  Variant,
} from "./model.ts";
import { readKey, readRendition, readSessionData, readVariant } from "./multivariant.ts";

/** More segments than this are no playlist that anybody plays. */
const mostSegments = 200_000;

/**
 * Reads a playlist (RFC 8216 §4). Tags that are not known change nothing.
 *
 * @param text with any variables replaced (`expandVariables()`)
 * @example parseHls("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST\n").kind // "media"
 */
export function parseHls(text: string): HlsPlaylist {
  return runSteps(parsingHls(text));
}

/** As `parseHls()`, in steps: a day of one-second segments takes as long as five pictures. */
export function* parsingHls(text: string): Steps<HlsPlaylist> {
  if (text.trim() === "") return { kind: "invalid", reason: "it is empty" };
  if (/^[\s\ufeff]*<(?:!doctype|html|head|body|\?xml)/i.test(text))
    return { kind: "invalid", reason: "a web page came where a playlist was expected" };
  if (!beginsAsHls(text)) return { kind: "invalid", reason: "it does not begin with #EXTM3U" };

  const lines: Line[] = [];
  const reading = readLines(text);
  for (let next = reading.next(); ; next = reading.next()) {
    if (!next.done) lines.push(next.value);
    else if (next.value) break;
    else return { kind: "invalid", reason: "it is longer than any playlist" };
    if (lines.length % itemsPerStep === 0) yield;
  }
  const tags = new Set(lines.map(({ tag }) => tag));
  if (tags.has("#EXT-X-STREAM-INF") || tags.has("#EXT-X-I-FRAME-STREAM-INF")) return parseMultivariant(lines);
  if (tags.has("#EXT-X-TARGETDURATION") || tags.has("#EXT-X-MEDIA-SEQUENCE") || tags.has("#EXT-X-ENDLIST"))
    return yield* parseMedia(lines);
  return { kind: "invalid", reason: "it has neither variants nor a target duration" };
}

function parseMultivariant(lines: readonly Line[]): HlsPlaylist {
  const variants: Variant[] = [];
  const iFrames: Variant[] = [];
  const renditions: Rendition[] = [];
  const sessionKeys: Key[] = [];
  const sessionData: SessionData[] = [];
  let version: number | undefined;
  let independent = false;
  let awaited: Attributes | undefined;
  for (const { tag, value } of lines) {
    if (tag === "") {
      if (awaited) variants.push(readVariant(awaited, value));
      awaited = undefined;
    } else if (tag === "#EXT-X-STREAM-INF") awaited = readAttributes(value);
    else if (tag === "#EXT-X-I-FRAME-STREAM-INF") {
      const attributes = readAttributes(value);
      const uri = attributes.get("URI");
      if (uri !== undefined) iFrames.push(readVariant(attributes, uri));
    } else if (tag === "#EXT-X-MEDIA") renditions.push(readRendition(readAttributes(value)));
    else if (tag === "#EXT-X-SESSION-KEY") {
      const key = readKey(readAttributes(value));
      if (key) sessionKeys.push(key);
    } else if (tag === "#EXT-X-SESSION-DATA") sessionData.push(readSessionData(readAttributes(value)));
    else if (tag === "#EXT-X-VERSION") version = readWhole(value);
    else if (tag === "#EXT-X-INDEPENDENT-SEGMENTS") independent = true;
  }
  if (variants.length === 0 && iFrames.length === 0) return { kind: "invalid", reason: "it has no variants" };
  const found: Multivariant = {
    kind: "multivariant",
    independent,
    variants,
    iFrames,
    renditions,
    sessionKeys,
    sessionData,
  };
  return version === undefined ? found : { ...found, version };
}

function* parseMedia(lines: readonly Line[]): Steps<HlsPlaylist> {
  const head: { -readonly [K in keyof MediaPlaylist]?: MediaPlaylist[K] } = {};
  const draft: Draft = startMedia();
  let targetDuration = 0;
  let ended = false;
  let skipped = 0;
  const latency: { -readonly [K in keyof LowLatency]?: LowLatency[K] } = {};
  for (const [at, { tag, value }] of lines.entries()) {
    if (at % itemsPerStep === itemsPerStep - 1) yield;
    if (tag === undefined || readSegmentTag(draft, tag, value)) {
      if (draft.segments.length > mostSegments)
        return { kind: "invalid", reason: `it has more than ${mostSegments} segments` };
    } else if (tag === "#EXT-X-TARGETDURATION") targetDuration = readDuration(value);
    else if (tag === "#EXT-X-MEDIA-SEQUENCE") draft.sequence = readWhole(value) ?? 0;
    else if (tag === "#EXT-X-DISCONTINUITY-SEQUENCE") draft.discontinuity = readWhole(value) ?? 0;
    else if (tag === "#EXT-X-ENDLIST") ended = true;
    else if (tag === "#EXT-X-I-FRAMES-ONLY") head.iFramesOnly = true;
    else if (tag === "#EXT-X-INDEPENDENT-SEGMENTS") head.independent = true;
    else if (tag === "#EXT-X-SKIP") skipped = readWhole(readAttributes(value).get("SKIPPED-SEGMENTS") ?? "") ?? 0;
    else if (tag === "#EXT-X-PART-INF") {
      const target = readDuration(readAttributes(value).get("PART-TARGET") ?? "");
      if (target > 0) latency.partTarget = target;
    } else if (tag === "#EXT-X-SERVER-CONTROL") {
      const attributes = readAttributes(value);
      latency.blocks = attributes.get("CAN-BLOCK-RELOAD") === "YES";
      const back = readDuration(attributes.get("PART-HOLD-BACK") ?? "");
      if (back > 0) latency.partHoldBack = back;
    } else if (tag === "#EXT-X-PRELOAD-HINT") {
      const attributes = readAttributes(value);
      const uri = attributes.get("URI");
      if (uri !== undefined && attributes.get("TYPE") === "PART") latency.hint = uri;
    } else if (tag === "#EXT-X-PLAYLIST-TYPE") {
      if (value === "VOD" || value === "EVENT") head.type = value;
    } else if (tag === "#EXT-X-VERSION") {
      const version = readWhole(value);
      if (version !== undefined) head.version = version;
    } else if (tag === "#EXT-X-START") {
      const offset = Number(readAttributes(value).get("TIME-OFFSET") ?? Number.NaN);
      if (Number.isFinite(offset)) head.start = Math.round(offset * 1e6) / 1e3;
    }
  }
  const { sequence, discontinuity } = draft;
  const segments: Segment[] = [];
  for (const segment of draft.segments) {
    segments.push({
      ...segment,
      sequence: sequence + skipped + segments.length,
      discontinuity: discontinuity + segment.discontinuity,
    });
    if (segments.length % itemsPerStep === 0) yield;
  }
  const rest = readRest(draft);
  if (rest)
    latency.rest = {
      ...rest,
      sequence: sequence + skipped + segments.length,
      discontinuity: discontinuity + rest.discontinuity,
    };
  const { partTarget } = latency;
  // Without a target duration the longest segment must do.
  if (targetDuration <= 0) targetDuration = segments.reduce((most, { duration }) => Math.max(most, duration), 1000);
  return {
    kind: "media",
    iFramesOnly: false,
    independent: false,
    ...head,
    targetDuration,
    sequence,
    discontinuity,
    ended,
    segments,
    // Parts are nothing without their target (bis §4.4.3.7).
    ...(partTarget === undefined ? {} : { lowLatency: { blocks: false, ...latency, partTarget } }),
  };
}

/** A decimal integer (§4.2), or undefined. */
function readWhole(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
