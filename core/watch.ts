// What a plugin sees of streams: who watches, what they get, and ways to hand pictures out.
import type { Tune } from "./types.ts";

/** Who watches, and how much it matters. */
export interface Viewer {
  /** Who it is, for people and for the hand-over of a tuner: address and player. No secrets. */
  readonly name: string;
  /** A tuner is taken from the lesser when none is free. A `tap` sees what is open and keeps nothing open. Default `viewer`. */
  readonly priority?: "viewer" | "recording" | "probe" | "tap";
  /** When it was last heard of, by the host's monotonic clock, for those who leave without a word; absent: it is there until it leaves. */
  readonly seen?: number;
}

/** A viewer's share of a tune. */
export interface TransportWatch {
  readonly kind: "ts";
  /** Names it in `/api/streams`. */
  readonly id: string;
  /** Whole packets, beginning with PAT, PMT and a random-access point. Cancel it to leave. */
  readonly body: ReadableStream<Uint8Array>;
}

/** A viewer's share of a tune whose upstream is HLS, playlist by playlist, each part fetched once for all. */
export interface HlsWatch {
  readonly kind: "hls";
  readonly id: string;
  /** The playlist of that name (`""`: the first), its addresses replaced by names relative to it. @throws HeadendError */
  playlist(name: string): Promise<string>;
  /** A segment, map or key by its name; undefined when it is known no more. @throws HeadendError */
  part(name: string): Promise<HlsPart | undefined>;
  /** Leaves. */
  close(): void;
}

/** A piece that an HLS playlist names. */
export interface HlsPart {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What everybody watches. */
export interface StreamHub {
  /** Watches as a transport stream; upstream's HLS is joined into one. Resolves with the first bytes. @throws HeadendError `tune.*` */
  watch(tune: Tune, viewer: Viewer, signal: AbortSignal): Promise<TransportWatch>;
  /** Watches upstream's HLS as it is, or as a transport stream where upstream has none. @throws HeadendError `tune.*` */
  watchHls(tune: Tune, viewer: Viewer, signal: AbortSignal): Promise<HlsWatch | TransportWatch>;
  /** Every stream that is open now. */
  streams(): readonly StreamStatus[];
  /** Ends a viewer's watch, or a stream with all its viewers. False: nothing has this id. */
  end(id: string): boolean;
}

/** One way to get pictures. */
export interface Output {
  /** What HEAD answers, without tuning. */
  readonly type: string;
  /** Answers `/live/<channel>.<extension>`, and what lies below it: `path` is the rest, `""` for the address itself. */
  answer(request: Request, tune: Tune, path: string, viewer: Viewer): Response | Promise<Response>;
}

/** A stream as people see it. */
export interface StreamStatus {
  readonly id: string;
  readonly channel: string;
  readonly name: string;
  /** The instance whose upstream is in use. */
  readonly instance: string;
  readonly state: "opening" | "running" | "lingering" | "failing" | "closing";
  /** Milliseconds since the Unix epoch; absent: live. */
  readonly at?: number;
  /** Since when, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Address without secrets, and how it is reached. */
  readonly upstream: string;
  readonly how: string;
  /** Bits a second over the last seconds. */
  readonly bitrate: number;
  readonly bytes: number;
  readonly failovers: number;
  readonly stalls: number;
  readonly continuityErrors: number;
  readonly ringBytes: number;
  readonly error?: string;
  readonly viewers: readonly ViewerStatus[];
}

/** A viewer as people see it. */
export interface ViewerStatus {
  readonly id: string;
  readonly name: string;
  readonly since: number;
  /** Milliseconds from its wish to the first byte that it was given; absent: it waits. */
  readonly firstByte?: number;
  readonly bytes: number;
  /** Bytes that wait for it. */
  readonly backlog: number;
  /** How often it was moved forward. */
  readonly skips: number;
}
