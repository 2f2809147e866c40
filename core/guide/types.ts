// The guide's own nouns: what it is made for, what it is made from, and what a merge says of itself.
import type { Match } from "../types.ts";

export type { GuideTarget } from "./target.ts";

export interface GuideSettings {
  readonly match: Match;
  /** Milliseconds ahead of now; absent: all. */
  readonly days?: number;
  /** Milliseconds kept behind now; absent: all. */
  readonly history?: number;
  /** False: the past that sources no longer have is not kept (default true). */
  readonly keepPast?: boolean;
  readonly repair: readonly ("stops" | "overlaps")[];
  /** Deflate level; default: 6 while little is kept, 3 where most is. */
  readonly level?: number;
}

export interface MergeSource {
  readonly name: string;
  readonly instance: string;
  /** The file on disk as it came: plain, gzip, xz or zstd. */
  readonly path: string;
  /** Changes with the content. */
  readonly digest: string;
  readonly shift?: number;
  readonly map?: Readonly<Record<string, string>>;
  readonly match?: Match;
  readonly ids?: "guide" | "channel";
}

/** Why a programme of a source is not in the guide; the keys of `dropped`. */
export type DropReason =
  | "unmatched"
  | "owned elsewhere"
  | "outside the span"
  | "no start time"
  | "unreadable"
  | "duplicate";

export interface SourceReport {
  name: string;
  instance: string;
  /** Decompressed. */
  bytes: number;
  channels: number;
  programmes: number;
  kept: number;
  dropped: Record<string, number>;
  /** Ill-formed things, skipped or mended, by what they were. */
  lost: Record<string, number>;
  /** Why the source ended early or gave nothing. */
  error?: string;
}

export interface MergeReport {
  /** True when nothing that the guide is made of has changed: nothing was read or written. */
  unchanged: boolean;
  seconds: number;
  /** In the result, history included. */
  programmes: number;
  channels: number;
  /** How many of the programmes came out of the guide before. */
  history: number;
  sources: SourceReport[];
  /** Targets without a programme, and ids of sources without a target. */
  unmatchedTargets: number;
  unmatchedIds: number;
}

/**
 * Targets by id, and the source (by name) that calls them by a better match than a source before it does. Known only
 * after a merge, and kept for the next.
 */
export type Reserved = Readonly<Record<string, { readonly source: string; readonly step: "map" | Match }>>;

/** How far a merge is. */
export interface MergeProgress {
  readonly source: string;
  /** Decompressed bytes read so far, of all sources. */
  readonly bytes: number;
  readonly programmes: number;
  readonly kept: number;
}
