// M3U playlists: read (`parsePlaylist`), written (`formatPlaylist`), passed on with another guide address (`rewriteHeader`).
export { encodePlaylist, type FormatOptions, formatPlaylist } from "./m3u/format.ts";
export type { PlaylistHeader } from "./m3u/header.ts";
export type { Offer } from "./m3u/offered.ts";
export { type DropReason, type ParseOptions, type Playlist, parsePlaylist } from "./m3u/parse.ts";
export { rewriteHeader } from "./m3u/rewrite.ts";
