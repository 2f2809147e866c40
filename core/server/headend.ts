// What the server asks of the rest of core, and nothing more.
import type { Guide, Lineup, LineupChannel, Output, StreamHub } from "../plugin.ts";
import type { State } from "../types.ts";

/** The headend as its HTTP side sees it. */
export interface Headend {
  readonly version: string;
  readonly lineup: Lineup;
  readonly guide: Guide & { unmatched(): Promise<unknown> };
  /** Computed at most once a second: the same object until it is computed again. */
  status(): StatusReport;
  /** True once every instance has refreshed or failed its first attempt, and the merged artefacts are served. */
  ready(): boolean;
  /** Whether every artefact is younger than twice its refresh interval, and which are not. */
  health(): { readonly ok: boolean; readonly problems: readonly string[] };
  /** A refresh now, or right after the one under way; settles when it is done. */
  refresh(instance: string, clean: boolean): Promise<unknown>;
}

/** Pictures as the HTTP side sees them. */
export interface Streams {
  readonly hub: StreamHub;
  /** What answers an extension. */
  output(extension: string): Output | undefined;
  extensions(): readonly string[];
  /** Where a channel's pictures are when this headend does not pass them on: an address, or a path of its own. */
  elsewhere(channel: LineupChannel): string | undefined;
  /** IANA name of the zone in which viewers' clock times are; undefined: this machine's. */
  timeZone(): string | undefined;
  /** Figures in Prometheus' text format 0.0.4. */
  metrics(): Promise<string>;
}

/** The self-test as the HTTP side sees it. */
export interface Doctor {
  /** Joins the run under way, if there is one. @throws HeadendError `not.ready` before anything listens */
  run(): Promise<object>;
  /** True for a request of the run under way. */
  marks(request: Request): boolean;
}

/** State of everything, for people and dashboards. No secrets. */
export interface StatusReport {
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
  /** Present while the config file as it is now is refused: the one before is in force. */
  readonly config?: ConfigRefusal;
  readonly instances: readonly InstanceStatus[];
  readonly guide: Readonly<Record<string, unknown>>;
}

/** Why a changed config file is not in force, and since when (ISO 8601). */
export interface ConfigRefusal {
  readonly sentence: string;
  readonly since: string;
}

/** State of one instance. Times in ISO 8601. */
export interface InstanceStatus {
  readonly name: string;
  readonly use: string;
  /** Where its addresses begin. */
  readonly mount: string;
  readonly state: State;
  readonly sentence: string;
  /** What its plugin says besides. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly lastSuccess?: string;
  readonly lastFailure?: string;
  readonly lastError?: string;
  readonly nextRefresh?: string;
  readonly channels: number;
  readonly programmesKept: number;
  readonly sources: readonly SourceStatus[];
}

/** State of one guide source of an instance. */
export interface SourceStatus {
  readonly name: string;
  readonly state: string;
  readonly bytes: number;
  readonly kept: number;
  readonly dropped: number;
}
