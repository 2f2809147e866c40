// What HLS playlists say, as values. Addresses are as written; durations are milliseconds, to the microsecond.

/** Part of a resource (RFC 8216 §4.3.2.2): `length` bytes from `offset`. */
export interface ByteRange {
  readonly length: number;
  readonly offset: number;
}

/** How what follows is encrypted (§4.3.2.4). */
export interface Key {
  /** `AES-128`, `SAMPLE-AES`, or what upstream wrote; never `NONE`. */
  readonly method: string;
  readonly uri?: string;
  /** 16 bytes; absent: made from the media sequence number (§5.2). */
  readonly iv?: Uint8Array;
  /** `identity` when the address gives the key itself; else a system for rights. */
  readonly format: string;
}

/** What must be read before the segments that it is for (§4.3.2.5): the header of fragmented MP4, or PAT and PMT. */
export interface MediaMap {
  readonly uri: string;
  readonly range?: ByteRange;
  /** The keys in effect where it stands, which encrypt it too. */
  readonly keys: readonly Key[];
}

/** A piece of media (§3). */
export interface Segment {
  readonly uri: string;
  /** Milliseconds (§4.3.2.1). */
  readonly duration: number;
  readonly title?: string;
  /** Its media sequence number (§6.2.1). */
  readonly sequence: number;
  /** Its discontinuity sequence number: segments in which it differs do not continue one another (§6.2.1). */
  readonly discontinuity: number;
  readonly range?: ByteRange;
  /** Empty: not encrypted. Several: the same key by several formats. */
  readonly keys: readonly Key[];
  readonly map?: MediaMap;
  /** Milliseconds since the Unix epoch, where the playlist says so (§4.3.2.6). */
  readonly date?: number;
  /** True when upstream knows that it is not there (bis §4.4.4.7). */
  readonly gap?: boolean;
  /** Pieces of it that were there before it was whole, while the playlist still lists them. */
  readonly parts?: readonly PartialSegment[];
}

/** A piece of a segment (bis §4.4.4.9). */
export interface PartialSegment {
  readonly uri: string;
  /** Milliseconds. */
  readonly duration: number;
  /** It begins with a picture that decodes by itself. */
  readonly independent: boolean;
}

/** What players that know parts are told (bis §4.4.3.7, §4.4.3.8). */
export interface LowLatency {
  /** Milliseconds: no part is longer. */
  readonly partTarget: number;
  /** Milliseconds from the end at which players begin at least. */
  readonly partHoldBack?: number;
  /** A playlist may be asked for before there is one (§6.2.5.2). */
  readonly blocks: boolean;
  /** The segment that is not whole yet, as far as it is there. */
  readonly rest?: Omit<Segment, "uri" | "duration" | "title" | "range" | "gap">;
  /** The part that comes next (§4.4.5.3). */
  readonly hint?: string;
}

/** A playlist of segments (§4.3.3). */
export interface MediaPlaylist {
  readonly kind: "media";
  readonly version?: number;
  /** Milliseconds: no segment is longer (§4.3.3.1). */
  readonly targetDuration: number;
  readonly sequence: number;
  readonly discontinuity: number;
  readonly type?: "VOD" | "EVENT";
  /** True when no segment will be added (§4.3.3.4). */
  readonly ended: boolean;
  readonly iFramesOnly: boolean;
  readonly independent: boolean;
  /** Where to begin: milliseconds from the start, or, negative, from the end (§4.3.5.2). */
  readonly start?: number;
  readonly segments: readonly Segment[];
  /** Absent: there are no parts. */
  readonly lowLatency?: LowLatency;
}

/** One of several encodings of the same (§4.3.4.2); of pictures alone when it is in `iFrames` (§4.3.4.3). */
export interface Variant {
  readonly uri: string;
  /** Bits a second, at most. */
  readonly bandwidth: number;
  readonly averageBandwidth?: number;
  readonly codecs?: readonly string[];
  readonly resolution?: { readonly width: number; readonly height: number };
  readonly frameRate?: number;
  /** Groups of renditions that go with it. */
  readonly audio?: string;
  readonly video?: string;
  readonly subtitles?: string;
  readonly closedCaptions?: string;
  readonly name?: string;
}

/** An alternative for one kind of media within a group (§4.3.4.1). */
export interface Rendition {
  /** `AUDIO`, `VIDEO`, `SUBTITLES`, `CLOSED-CAPTIONS`, or what upstream wrote. */
  readonly type: string;
  readonly group: string;
  readonly name: string;
  /** Absent: it is in the variant's own segments. */
  readonly uri?: string;
  readonly language?: string;
  readonly channels?: string;
  readonly characteristics?: string;
  readonly instream?: string;
  readonly default: boolean;
  readonly autoselect: boolean;
  readonly forced: boolean;
}

/** Whatever upstream wants to say (§4.3.4.4): a value, or the address of a JSON document. */
export interface SessionData {
  readonly id: string;
  readonly value?: string;
  readonly uri?: string;
  readonly language?: string;
}

/** A playlist of playlists (§4.3.4). */
export interface Multivariant {
  readonly kind: "multivariant";
  readonly version?: number;
  readonly independent: boolean;
  readonly variants: readonly Variant[];
  readonly iFrames: readonly Variant[];
  readonly renditions: readonly Rendition[];
  readonly sessionKeys: readonly Key[];
  readonly sessionData: readonly SessionData[];
}

/** A text that is no playlist. */
export interface Invalid {
  readonly kind: "invalid";
  /** Why, in a few words. */
  readonly reason: string;
}

export type HlsPlaylist = Multivariant | MediaPlaylist | Invalid;
