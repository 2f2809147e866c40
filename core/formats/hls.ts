// HLS playlists (RFC 8216, draft-pantos-hls-rfc8216bis): recognised, read (`parseHls`), written (`formatMedia`,
// `formatMultivariant`), passed on with other addresses (`rewriteHls`).
export { formatMedia, formatMultivariant } from "./hls/format.ts";
export type {
  ByteRange,
  HlsPlaylist,
  Invalid,
  Key,
  LowLatency,
  MediaMap,
  MediaPlaylist,
  Multivariant,
  PartialSegment,
  Rendition,
  Segment,
  SessionData,
  Variant,
} from "./hls/model.ts";
export { parseHls, parsingHls } from "./hls/parse.ts";
export { isHls } from "./hls/recognise.ts";
export { type Reference, rewriteHls, rewritingHls } from "./hls/rewrite.ts";
export { expandVariables } from "./hls/variables.ts";
