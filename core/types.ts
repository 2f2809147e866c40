// The nouns of the house: what providers give, what the lineup and the guide hold, what passes between core and plugins.

/** A half-open interval `[from, to)` of instants in milliseconds since the Unix epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** How a channel's past is reached, as its provider announces it. */
export interface Catchup {
  /** The dialect: `default`, `append`, `shift`, `flussonic`, `flussonic-ts`, `flussonic-hls`, `xc`, `vod`, or what upstream wrote. */
  readonly mode: string;
  /** Address template with the upstream's placeholders, untouched. */
  readonly source?: string;
  /** How many days back the archive reaches. */
  readonly days?: number;
  /** Milliseconds to take from every instant asked for (`catchup-correction`). */
  readonly correction?: number;
}

/** One way to reach a channel's pictures. */
export interface Upstream {
  readonly url: string;
  /** HTTP request headers that this upstream wants; names as upstream spelled them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The instance that brings it, and its account there: whose tuners it takes. */
  readonly instance?: string;
  readonly account?: string;
  readonly catchup?: Catchup;
}

/** A wish for a channel's pictures: live, or from a past instant on. */
export interface Tune {
  readonly channel: LineupChannel;
  /** The instant to begin at, in milliseconds since the Unix epoch; absent: live. */
  readonly at?: number;
  /** Where the past that is wanted ends; absent: as far as upstream goes on. Only with `at`. */
  readonly until?: number;
}

/** An upstream that is open: a transport stream, or the address of an HLS playlist that core relays or joins. */
export type Source = TransportSource | HlsSource;

/** An MPEG-2 transport stream as it comes. */
export interface TransportSource {
  readonly kind: "ts";
  /**
   * The bytes, cut anywhere; each chunk is the reader's to keep. Ends when upstream ends, throws a HeadendError when it
   * fails. Upstream is closed once it has ended, thrown, or `return()` has resolved: tuners are counted by that.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** True when reading slowly loses nothing: an archive, or segments. Otherwise what is not read in time is lost. */
  readonly patient?: boolean;
  /** How it is reached, in a few words without secrets, for people: `rtp multicast`, `rtsp over tcp`, `ffmpeg`. */
  readonly how?: string;
}

/** An HLS playlist (RFC 8216): multivariant or media. */
export interface HlsSource {
  readonly kind: "hls";
  /** After redirects: what relative addresses in it are relative to. */
  readonly url: string;
  /** What was asked for, before redirects: asked again when what it led to has run out. Default: `url`. */
  readonly address?: string;
  /** Request headers that upstream wants, for everything it names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The playlist, when it has been fetched already. */
  readonly playlist?: string;
}

/** A channel as a provider gives it. Only `name` is required. */
export interface Channel {
  readonly name: string;
  /** The provider's own lasting id. Absent: core recognises the channel again by guide id, name, groups and address. */
  readonly id?: string;
  /** Where the pictures are. An address that starts with `/` is answered by this headend. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The id by which guides call this channel (`tvg-id`), exactly as given. */
  readonly guideId?: string;
  /** The name by which guides call it, where it differs from `name` (`tvg-name`). */
  readonly guideName?: string;
  /** Milliseconds to add to the guide's times for this channel (`tvg-shift`). */
  readonly guideShift?: number;
  /** What the provider wants a remote control to dial: digits, or digits.digits. */
  readonly number?: string;
  readonly groups?: readonly string[];
  readonly logo?: string;
  readonly radio?: boolean;
  /** The account by which upstream counts tuners, where an instance has several. No secret. */
  readonly account?: string;
  readonly catchup?: Catchup;
  /** Milliseconds of its live pictures that are kept here; absent or 0: none. What the config says of a channel wins. */
  readonly timeshift?: number;
  /** Bytes on disk that this may take; absent: 8 GB. */
  readonly timeshiftSize?: number;
  /** Whether it is kept only while somebody watches, or always; absent: `watched`. */
  readonly timeshiftWhen?: "watched" | "always";
  /** Milliseconds that live segments of HLS are meant to have; then the first one does not wait for its end. Absent: as `hls` is told. */
  readonly segment?: number;
  /** How live HLS is made of it; absent: as `hls` is told. */
  readonly hls?: "ts" | "fmp4" | "ll";
  /** Milliseconds for which its upstream stays open after the last sign of a viewer; absent: what its instance is told. */
  readonly linger?: number;
  /** Kodi input-stream properties (`#KODIPROP`). */
  readonly properties?: Readonly<Record<string, string>>;
  /** Attributes that core gives no meaning to, kept as spelled. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Directive lines that core gives no meaning to, kept whole, with their `#`. */
  readonly directives?: readonly string[];
}

/** A channel of the lineup: identity and number are for ever. */
export interface LineupChannel extends Channel {
  /** `<instance>:<id>`. */
  readonly id: string;
  readonly instance: string;
  readonly number: string;
  /** The id under which `/guide.xml` lists this channel: the provider's `guideId`, else one made from the channel's id. */
  readonly guideId: string;
  /** The provider's own id, where it gave one. */
  readonly ownId?: string;
  /** How players get its pictures: through us; sent on to upstream; upstream's address in playlists. Absent: `relay`. */
  readonly deliver?: "relay" | "redirect" | "direct";
  /** Further ways to the same pictures, best first; empty unless duplicates are merged. */
  readonly alternates: readonly Upstream[];
}

/** A text in a language (BCP 47), or in none that is known. */
export interface Text {
  readonly value: string;
  readonly lang?: string;
}

/** A person of a programme: `role` is the XMLTV credits element (`actor`, `director`, `presenter`, …). */
export interface Credit {
  readonly role: string;
  readonly name: string;
  /** Character played. */
  readonly as?: string;
}

/** One entry of the guide. Times in milliseconds since the Unix epoch. */
export interface Programme {
  /** The guide's channel id. */
  readonly channel: string;
  readonly start: number;
  readonly stop?: number;
  readonly titles: readonly Text[];
  readonly subtitles?: readonly Text[];
  readonly descriptions?: readonly Text[];
  readonly categories?: readonly Text[];
  readonly credits?: readonly Credit[];
  /** Year or date of production, as XMLTV writes it: `2024`, `20240131`. */
  readonly date?: string;
  readonly icon?: string;
  /** Episode numbers by XMLTV system: `xmltv_ns`, `onscreen`, … */
  readonly episodes?: Readonly<Record<string, string>>;
  readonly rating?: { readonly value: string; readonly system?: string };
  /** What a `vod` catch-up address takes for this programme. */
  readonly catchupId?: string;
}

/** How far guide ids are matched to channels: exactly; also normalised; also by name. */
export type Match = "exact" | "normalised" | "name";

/** What every kind of guide source may say of itself. */
interface GuideSourceOptions {
  /** Name in logs and status; default: the address without its secrets, or the instance's name. */
  readonly name?: string;
  /** Milliseconds to add to every time of this source. */
  readonly shift?: number;
  /** By hand: the source's channel id → the lineup's guide id (`tvg-id`). Wins over every match. */
  readonly map?: Readonly<Record<string, string>>;
  /** How far to go for this source; default: `guide.match` of the config. */
  readonly match?: Match;
  /** `guide` (default): ids are guide ids, for any channel. `channel`: ids are this instance's own channel ids. */
  readonly ids?: "guide" | "channel";
}

/** An XMLTV document that core fetches, conditionally, and whose last good copy it keeps. */
export interface GuideAddress extends GuideSourceOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** True when the user's config named this address, so that it may be a file. */
  readonly local?: boolean;
}

/** An XMLTV document that the provider itself brings, as bytes (compressed or not). */
export interface GuideBytes extends GuideSourceOptions {
  readonly bytes: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** Programmes as objects, in any order. */
export interface GuideProgrammes extends GuideSourceOptions {
  readonly programmes: (signal: AbortSignal) => AsyncIterable<Programme>;
}

/** A part of the guide that a provider contributes; core streams, matches and merges it. */
export type GuideSource = GuideAddress | GuideBytes | GuideProgrammes;

/** A file that readers see whole or not at all: replaced by rename, named by its content. */
export interface Artefact {
  readonly path: string;
  readonly bytes: number;
  /** Strong entity tag (RFC 9110 §8.8.3), with its quotes. */
  readonly etag: string;
  /** When the content last changed: milliseconds since the Unix epoch, whole seconds. */
  readonly modified: number;
}

/** A document from upstream, kept on disk with any Content-Encoding undone; it may still be a compressed file. */
export interface Document extends Artefact {
  /** False when upstream said, or the bytes showed, that nothing changed since the last time. */
  readonly changed: boolean;
  /** Bytes of body that came for it this time, any Content-Encoding undone; 0 for a 304 and for a local file. */
  readonly received: number;
  /** Two documents with the same digest have the same content. */
  readonly digest: string;
  /** The content, decompressed (gzip, xz, zstd by magic bytes), in chunks of about 256 KiB. */
  open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** State of an instance. */
export type State = "invalid" | "starting" | "ok" | "degraded" | "stopped";

/** What an instance says of itself: one word and one sentence. */
export interface Health {
  readonly state: "ok" | "degraded" | "down";
  readonly sentence: string;
  /** More of it, for `/api/status`: plain JSON values, without secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Work that core runs again and again; a run never overlaps the one before. */
export interface Job {
  /** Milliseconds between the end of a run and the start of the next. */
  readonly every: number;
  run(signal: AbortSignal): Promise<void>;
}

/** One sample of a figure for Prometheus. Samples of one name have one type and one help. */
export interface Metric {
  /** `[a-zA-Z_:][a-zA-Z0-9_:]*`; a counter's ends in `_total`, a unit stands in it: `acme_guide_age_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly value: number;
  /** Label values by name. No secrets. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where a guide id found its channel, and by which step. */
export interface GuideMatch {
  readonly source: string;
  readonly sourceId: string;
  readonly guideId: string;
  readonly step: "map" | Match;
}

/** Which styles of guide are made (each a bend for one client family). */
export type GuideStyle = "plain" | "plex" | "kodi" | "jellyfin";
