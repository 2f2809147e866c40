// Writes HLS playlists; `parseHls()` gives the same values back.
import { Buffer } from "node:buffer";
import { bare, formatAttributes } from "./attributes.ts";
import type { ByteRange, Key, MediaMap, MediaPlaylist, Multivariant, Segment, Variant } from "./model.ts";

/** Writes a media playlist (RFC 8216 §4.3.3). */
export function formatMedia(playlist: MediaPlaylist): string {
  const { version, targetDuration, sequence, discontinuity, type, start, lowLatency } = playlist;
  const lines = ["#EXTM3U"];
  if (version !== undefined) lines.push(`#EXT-X-VERSION:${version}`);
  lines.push(`#EXT-X-TARGETDURATION:${formatSeconds(targetDuration)}`);
  if (lowLatency) {
    const { partTarget, partHoldBack, blocks } = lowLatency;
    const control = formatAttributes([
      ["CAN-BLOCK-RELOAD", blocks ? bare("YES") : undefined],
      ["PART-HOLD-BACK", partHoldBack === undefined ? undefined : bare(formatSeconds(partHoldBack))],
    ]);
    if (control !== "") lines.push(`#EXT-X-SERVER-CONTROL:${control}`);
    lines.push(`#EXT-X-PART-INF:PART-TARGET=${formatSeconds(partTarget)}`);
  }
  if (sequence !== 0) lines.push(`#EXT-X-MEDIA-SEQUENCE:${sequence}`);
  if (discontinuity !== 0) lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuity}`);
  if (type !== undefined) lines.push(`#EXT-X-PLAYLIST-TYPE:${type}`);
  if (playlist.iFramesOnly) lines.push("#EXT-X-I-FRAMES-ONLY");
  if (playlist.independent) lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  if (start !== undefined)
    lines.push(`#EXT-X-START:TIME-OFFSET=${start < 0 ? "-" : ""}${formatSeconds(Math.abs(start))}`);
  let before: InEffect = { discontinuity, keys: [] };
  for (const segment of playlist.segments) {
    lines.push(...formatSegment(segment, before));
    before = segment;
  }
  if (lowLatency?.rest) lines.push(...formatOpening(lowLatency.rest, before), ...formatParts(lowLatency.rest));
  if (lowLatency?.hint !== undefined)
    lines.push(
      `#EXT-X-PRELOAD-HINT:${formatAttributes([
        ["TYPE", bare("PART")],
        ["URI", lowLatency.hint],
      ])}`,
    );
  if (playlist.ended) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/** Writes a multivariant playlist (§4.3.4). */
export function formatMultivariant(playlist: Multivariant): string {
  const lines = ["#EXTM3U"];
  if (playlist.version !== undefined) lines.push(`#EXT-X-VERSION:${playlist.version}`);
  if (playlist.independent) lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  const yes = (value: boolean) => (value ? bare("YES") : undefined);
  for (const { id, value, uri, language } of playlist.sessionData)
    lines.push(
      `#EXT-X-SESSION-DATA:${formatAttributes([
        ["DATA-ID", id],
        ["VALUE", value],
        ["URI", uri],
        ["LANGUAGE", language],
      ])}`,
    );
  for (const key of playlist.sessionKeys) lines.push(`#EXT-X-SESSION-KEY:${formatKey(key)}`);
  for (const rendition of playlist.renditions)
    lines.push(
      `#EXT-X-MEDIA:${formatAttributes([
        ["TYPE", bare(rendition.type)],
        ["GROUP-ID", rendition.group],
        ["NAME", rendition.name],
        ["LANGUAGE", rendition.language],
        ["DEFAULT", yes(rendition.default)],
        ["AUTOSELECT", yes(rendition.autoselect)],
        ["FORCED", yes(rendition.forced)],
        ["INSTREAM-ID", rendition.instream],
        ["CHARACTERISTICS", rendition.characteristics],
        ["CHANNELS", rendition.channels],
        ["URI", rendition.uri],
      ])}`,
    );
  for (const variant of playlist.iFrames)
    lines.push(`#EXT-X-I-FRAME-STREAM-INF:${formatVariant(variant, variant.uri)}`);
  for (const variant of playlist.variants) lines.push(`#EXT-X-STREAM-INF:${formatVariant(variant)}`, variant.uri);
  return `${lines.join("\n")}\n`;
}

function formatVariant(variant: Variant, uri?: string): string {
  const { resolution } = variant;
  return formatAttributes([
    ["BANDWIDTH", bare(variant.bandwidth)],
    ["AVERAGE-BANDWIDTH", bare(variant.averageBandwidth)],
    ["CODECS", variant.codecs?.join(",")],
    ["RESOLUTION", resolution && bare(`${resolution.width}x${resolution.height}`)],
    ["FRAME-RATE", bare(variant.frameRate)],
    ["AUDIO", variant.audio],
    ["VIDEO", variant.video],
    ["SUBTITLES", variant.subtitles],
    ["CLOSED-CAPTIONS", variant.closedCaptions],
    ["NAME", variant.name],
    ["URI", uri],
  ]);
}

/** What of the segment before stays in effect. */
type InEffect = Pick<Segment, "discontinuity" | "keys" | "map">;

function formatSegment(segment: Segment, before: InEffect): string[] {
  const { gap, duration, title, range, uri } = segment;
  const lines = [...formatOpening(segment, before), ...formatParts(segment)];
  if (gap) lines.push("#EXT-X-GAP");
  if (range) lines.push(`#EXT-X-BYTERANGE:${formatRange(range)}`);
  return [...lines, `#EXTINF:${formatSeconds(duration)},${title ?? ""}`, uri];
}

function formatParts({ parts = [] }: Pick<Segment, "parts">): string[] {
  return parts.map(
    ({ uri, duration, independent }) =>
      `#EXT-X-PART:${formatAttributes([
        ["DURATION", bare(formatSeconds(duration))],
        ["URI", uri],
        ["INDEPENDENT", independent ? bare("YES") : undefined],
      ])}`,
  );
}

/** What stands before a segment and its parts. */
function formatOpening(segment: InEffect & Pick<Segment, "date">, before: InEffect): string[] {
  const { discontinuity, keys, map, date } = segment;
  const lines = Array.from({ length: discontinuity - before.discontinuity }, () => "#EXT-X-DISCONTINUITY");
  let inEffect = before.keys;
  const useKeys = (wanted: readonly Key[]) => {
    if (sameKeys(inEffect, wanted)) return;
    lines.push(
      ...(wanted.length > 0 ? wanted.map((key) => `#EXT-X-KEY:${formatKey(key)}`) : ["#EXT-X-KEY:METHOD=NONE"]),
    );
    inEffect = wanted;
  };
  if (map && !sameMap(map, before.map)) {
    useKeys(map.keys);
    lines.push(
      `#EXT-X-MAP:${formatAttributes([
        ["URI", map.uri],
        ["BYTERANGE", map.range && formatRange(map.range)],
      ])}`,
    );
    // Keys that follow keys without a segment between are taken for further formats of the same.
    if (keys.length > 0 && map.keys.length > 0 && !sameKeys(keys, map.keys)) lines.push("#EXT-X-KEY:METHOD=NONE");
  }
  useKeys(keys);
  if (date !== undefined) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(date).toISOString()}`);
  return lines;
}

function formatKey({ method, uri, iv, format }: Key): string {
  return formatAttributes([
    ["METHOD", bare(method)],
    ["URI", uri],
    ["IV", iv && bare(`0x${Buffer.from(iv).toString("hex")}`)],
    ["KEYFORMAT", format === "identity" ? undefined : format],
  ]);
}

function formatRange({ length, offset }: ByteRange): string {
  return `${length}@${offset}`;
}

/** Milliseconds as seconds, to the microsecond at most. */
function formatSeconds(ms: number): string {
  return (ms / 1000).toFixed(6).replace(/\.?0+$/, "");
}

function sameKeys(one: readonly Key[], other: readonly Key[]): boolean {
  return one === other || (one.length === other.length && one.every((key, index) => sameKey(key, other[index])));
}

function sameKey(one: Key, other: Key | undefined): boolean {
  return other !== undefined && formatKey(one) === formatKey(other);
}

function sameMap(one: MediaMap, other: MediaMap | undefined): boolean {
  return (
    other !== undefined &&
    one.uri === other.uri &&
    one.range?.length === other.range?.length &&
    one.range?.offset === other.range?.offset &&
    sameKeys(one.keys, other.keys)
  );
}
