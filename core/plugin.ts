// The contract: what a plugin gives, and all that it may touch. A plugin imports this file and nothing else of core
// but `formats/` and `transport/`.
import type { AnyElysia, Elysia } from "elysia";
import type { z } from "zod";
import type { Check, Probe } from "./check.ts";
import type {
  Artefact,
  Channel,
  Document,
  GuideMatch,
  GuideSource,
  GuideStyle,
  Health,
  Job,
  LineupChannel,
  Metric,
  Programme,
  Source,
  Span,
  Tune,
} from "./types.ts";
import type { Output, StreamHub, Viewer } from "./watch.ts";

export type * from "./check.ts";
export { HeadendError } from "./errors.ts";
export { stripTypes } from "./runtime/strip.ts";
export { replyFile } from "./server/reply.ts";
export type * from "./types.ts";
export type * from "./watch.ts";

/** A plugin: a name, a config schema, and a setup that returns what it contributes. */
export interface Plugin<Schema extends z.ZodType = z.ZodType> {
  /** What `use:` in the config file says. */
  readonly name: string;
  /** Contract version; a mismatch disables this plugin, never the headend. */
  readonly api: 1;
  /** Checked before `setup()`; also the source of its documentation. Keep it free of transforms. */
  readonly config: Schema;
  /** What its environment variables stand for, where there is no file; undefined: none of them is set. Built-in plugins alone are asked. */
  environment?(env: Readonly<Record<string, string | undefined>>): EnvironmentForm | undefined;
  /** Builds one instance. Throw to refuse; the sentence reaches the user. */
  setup(host: Host, config: z.output<Schema>): Contribution<z.output<Schema>> | Promise<Contribution<z.output<Schema>>>;
}

/** What environment variables stand for: a whole config, as a file would have it; and what is wrong, by variable. */
export interface EnvironmentForm {
  readonly config: Readonly<Record<string, unknown>>;
  readonly problems: readonly { readonly variable: string; readonly reason: string }[];
}

/** Every part is optional. Providers fill the first three; other plugins the rest. */
export interface Contribution<Config = unknown> {
  /** One attempt to list the channels, one by one or in lists. Core retries, guards and keeps the last good lineup. */
  channels?(signal: AbortSignal): AsyncIterable<Channel | readonly Channel[]>;
  /**
   * Names what `channels()` would give now, where that can be told without making it, such as by a document's digest.
   * Asked before `channels()` of the same refresh, which is left out when the lineup is of this version already, over
   * restarts too. The config need not be in it. Undefined: not known.
   */
  version?(signal: AbortSignal): Promise<string | undefined>;
  /** Forgets what it knows of upstream: called before a refresh that begins from nothing (`?clean=1`). */
  forget?(): void | Promise<void>;
  /** Guide sources for a span, best first; asked after `channels()` of the same refresh. */
  guide?(span: Span, signal: AbortSignal): GuideSource[] | Promise<GuideSource[]>;
  /** Opens a tune's upstream: one attempt. Absent: core dials the channel's address, its catch-up dialect applied. */
  open?(tune: Tune, signal: AbortSignal): Promise<Source>;
  /** The upstream's own M3U, when it has one: `/<instance>/playlist.m3u` passes it on while no rule edits the channels. */
  playlist?(): Document | undefined;
  /** Ways to get pictures, by the extension they answer: `m3u8` answers `/live/<channel>.m3u8`. */
  readonly outputs?: Readonly<Record<string, Output>>;
  /** Routes, mounted at `/<instance>`; hooks stay in this scope. */
  routes?(app: Elysia): AnyElysia;
  /** Routes at the root of the server, mounted while no other instance uses the same plugin; `/<path>`, not `/<instance>/<path>`. */
  root?(app: Elysia): AnyElysia;
  /** Ports of its own: opened after `setup()`, tried again while they cannot be, closed when the instance stops. */
  readonly listeners?: readonly Listener[];
  /** Work done again and again, by name. */
  jobs?: Readonly<Record<string, Job>>;
  /** State beyond what core sees by itself. */
  health?(): Health;
  /** Figures for `/metrics`, read when they are asked for; core adds the instance's name as the label `headend_instance`. */
  metrics?(): Iterable<Metric>;
  /** Tries what its clients do, for the self-test (`headend doctor`); has some seconds, then the signal aborts. */
  checks?(probe: Probe, signal: AbortSignal): AsyncIterable<Check>;
  /**
   * Takes changed options of its own without a restart; false: it is restarted. Called while core's keys of the instance
   * stay the same; has five seconds. Streams, routes and ports go on; what is open for a channel that changed is the
   * plugin's own to end. Core then refreshes the channels, and believes however few come.
   */
  reconfigure?(config: Config): boolean | Promise<boolean>;
  /** True: no channels at all is an answer, and not upstream's fault. */
  readonly mayBeEmpty?: boolean;
  /** Called after `host.signal` has aborted; has five seconds. */
  stop?(): void | Promise<void>;
}

/**
 * A port with an app at its root. Whoever reaches it is let in, without user or token: its routes decide whom they
 * answer. `host.baseUrl()` and `host.viewer()` know its requests.
 */
export interface Listener {
  /** 0: any that is free. */
  readonly port: number;
  /** Address to listen on; default: the server's own. */
  readonly host?: string;
  /** One that cannot be opened is told of in the log, and is no fault of the instance. */
  readonly optional?: boolean;
  routes(app: Elysia): AnyElysia;
  /** Told the port, and the address that it listens on, once it is open. */
  opened?(port: number, host: string): void;
}

/** All that a plugin may touch. In tests it is a fake; nothing else is imported from core. */
export interface Host {
  /** The instance: config key, route prefix, cache folder, log label. */
  readonly name: string;
  readonly log: Logger;
  /** HTTP with cookies, conditional requests, limits; and documents whose last good copy is kept. */
  readonly fetch: Fetch;
  /** This instance's own folder; survives restarts. */
  readonly cache: Cache;
  /** The only source of time. */
  readonly clock: Clock;
  /** Aborted when this instance stops. */
  readonly signal: AbortSignal;
  readonly lineup: Lineup;
  readonly guide: Guide;
  /** Opens a media address by its scheme: http(s), udp, rtp, rtsp, and what ffmpeg can. @throws HeadendError `dial.*`, `fetch.*` */
  readonly dial: Dial;
  /** One upstream a tune, any number of viewers. */
  readonly hub: StreamHub;
  /** The first picture of whole packets of a transport stream, as JPEG. @throws HeadendError `dial.ffmpegless`, `dial.ffmpeg` */
  readonly still: (packets: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
  /** The address at which the sender of this request reaches us, without a slash at its end; carries its access token. */
  baseUrl(request: Request): string;
  /** Who sent this request: as a viewer for the hub, and the address it came from (`""`: not known). */
  viewer(request: Request): Viewer & {
    readonly address: string;
    /** The user who is logged in, or whose password came along. */
    readonly user?: string;
    /** Whether they may change things. Core itself lets nobody else send more than GET, but where a route says so. */
    readonly admin: boolean;
  };
  /** This instance's part of the config file. */
  readonly config: OwnConfig;
}

/** What to set at a path of keys below the instance; undefined removes it. */
export interface ConfigChange {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** An instance's part of the config file. */
export interface OwnConfig {
  /** What stands there now, as written: `${NAME}` not filled in; undefined where there is no file or no such instance. */
  read(): Promise<unknown>;
  /**
   * Changes all at once; resolves when it is in force. Comments and order stay, and nothing is written unless the whole
   * file is right with it. Not from `setup()` or `reconfigure()`, for which it would wait.
   *
   * @throws HeadendError `config.*`, `cache.write`; the file is as before then
   */
  change(changes: readonly ConfigChange[]): Promise<void>;
}

/** Lines for people; secrets in texts and addresses are struck out before they are written. */
export interface Logger {
  debug(sentence: string, details?: Readonly<Record<string, unknown>>): void;
  info(sentence: string, details?: Readonly<Record<string, unknown>>): void;
  warn(sentence: string, details?: Readonly<Record<string, unknown>>): void;
  error(sentence: string, details?: Readonly<Record<string, unknown>>): void;
}

/** Time. Tests move it by hand. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. It may jump. */
  now(): number;
  /** Milliseconds since some start; never jumps. For durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** How to get something. */
export interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Milliseconds until the answer's headers must be there (default 30 s). */
  readonly timeout?: number;
  /** Milliseconds without a byte of the body after which it counts as dead (default 30 s); Infinity: never. */
  readonly idle?: number;
  /** Largest body accepted, in bytes as received (default 2 GiB); Infinity: any. */
  readonly maxBytes?: number;
  /** Somebody watches: waits for no place at the origin and takes none, as it is tuners that bound these. */
  readonly media?: boolean;
}

/** How to get a document. */
export interface DocumentOptions extends FetchOptions {
  /** The user's config names this address, so it may be a `file:` address or a plain path. */
  readonly local?: boolean;
  /** Looks at a new copy before it takes the place of the last good one; throws to refuse it. */
  readonly check?: (copy: Document) => Promise<void>;
}

/** HTTP for one instance: its own cookie jar, redirects followed, at most a few requests per origin at once. */
export interface Fetch {
  /** @throws HeadendError `fetch.*` when no answer came; an answer of any status is returned. */
  (url: string, options?: FetchOptions): Promise<Response>;
  /** Gets a document conditionally and keeps it on disk. @throws HeadendError `fetch.*`; the copy from before stays. */
  document(url: string, options?: DocumentOptions): Promise<Document>;
  /** The last good copy of a document, if there is one. */
  lastGood(url: string): Promise<Document | undefined>;
}

/** A folder of files that are replaced whole. Keys are slash-separated names of letters, digits, `.`, `_`, `-`. */
export interface Cache {
  /** The path a key has on disk, whether or not it is there. */
  path(key: string): string;
  /** Text of a key, or undefined. */
  read(key: string): Promise<string | undefined>;
  /** Replaces a key by rename, after the bytes are on disk. */
  write(key: string, content: string | Uint8Array | AsyncIterable<string | Uint8Array>): Promise<Artefact>;
  /** What is stored under a key, with its entity tag. */
  artefact(key: string): Promise<Artefact | undefined>;
  delete(key: string): Promise<void>;
}

/** How to open a media address. */
export interface DialOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** What to make of pictures and sound; absent: they are passed on as they come. */
  readonly media?: MediaWish;
}

/** What is wanted of pictures and sound. What cannot be carried in a transport stream is transcoded, too. */
export interface MediaWish {
  /** `copy`: as they come. `h264`: other pictures are transcoded. */
  readonly video: "copy" | "h264";
  /** `auto`: AAC as it comes, all else as AAC. `aac`: transcoded in any case. `copy`: as it comes. `off`: none. */
  readonly audio: "auto" | "aac" | "copy" | "off";
}

/** Opens a media address: one attempt. Aborting the signal closes what it gave. */
export type Dial = (url: string, options?: DialOptions) => Promise<Source>;

/** The merged channels. */
export interface Lineup {
  /** All channels in order of number; or one instance's, in its own order. Never changes once handed out. */
  channels(instance?: string): readonly LineupChannel[];
  get(id: string): LineupChannel | undefined;
  /** Names what `channels()` gives: the same as long as nothing changes, over restarts too. */
  tag(instance?: string): string;
  /** False until the last good lineup is restored or a first refresh is done. */
  readonly ready: boolean;
  /** An instance's own M3U, while its channels are just its entries: none filtered, renamed or renumbered by a rule. */
  original(instance: string): Document | undefined;
  /** Calls back after every change, until the signal aborts. */
  onChange(callback: () => void, signal: AbortSignal): void;
}

/** Which guide file. */
export interface GuideQuery {
  /** Only this instance's channels. */
  readonly instance?: string;
  readonly style?: GuideStyle;
}

/** The merged programmes. */
export interface Guide {
  /** The guide as one gzip member, or undefined before the first merge. */
  artefact(query?: GuideQuery): Promise<Artefact | undefined>;
  /** A channel's programmes that touch the span, in order. */
  programmes(channel: LineupChannel, span: Span, signal?: AbortSignal): Promise<readonly Programme[]>;
  /** The programme at an instant (default now) and the one after. */
  nowNext(channel: LineupChannel, at?: number): Promise<{ readonly now?: Programme; readonly next?: Programme }>;
  /** Every match of the last merge. */
  matches(): readonly GuideMatch[];
  onChange(callback: () => void, signal: AbortSignal): void;
}

/** Names a plugin's types; returns it as it is. */
export function definePlugin<Schema extends z.ZodType>(plugin: Plugin<Schema>): Plugin<Schema> {
  return plugin;
}
