// The lineup as core sees it: what plugins may read, and what fills it.
import type { Clock, Lineup, Logger } from "../plugin.ts";
import type { Channel, Document, LineupChannel } from "../types.ts";
import type { Composed, Duplicates } from "./compose.ts";
import type { NumberRange } from "./numbers.ts";
import type { Rules } from "./rules.ts";
import type { Store } from "./store.ts";

/** How one instance's channels enter the lineup. */
export interface UpdateOptions {
  /** Applied in order: the instance's own, then the lineup's. */
  readonly rules: readonly Rules[];
  readonly range: NumberRange | undefined;
  /** The upstream's own M3U, asked for after the channels are read. */
  readonly original: (() => Document | undefined) | undefined;
  readonly signal: AbortSignal;
  /** No channels at all are believed. */
  readonly mayBeEmpty?: boolean;
  /** Names what the channels are, before they are read; the same name means that nothing has to be. */
  readonly version?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
}

export interface UpdateResult {
  /** Channels of this instance now in the lineup. */
  readonly channels: number;
  /** Channels that upstream gave and rules left out. */
  readonly excluded: number;
  readonly changed: boolean;
}

/** How players get a channel's pictures; absent where this headend passes them on. */
export type Deliver = LineupChannel["deliver"];

export interface LineupSettings {
  readonly duplicates: Duplicates;
  /** How many refreshes must agree before a much smaller lineup is believed. */
  readonly shrinkGuard: number;
  /** Instances whose channels are not relayed. */
  readonly deliver?: Readonly<Record<string, Deliver>>;
}

export interface LineupOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly clock: Clock;
  /** After much garbage was made; given where nobody is held up by its collection. */
  releaseMemory?(): void;
}

/** The lineup as core sees it. */
export interface LineupKeeper extends Lineup {
  /** Restores the last good channels of these instances, in this order of precedence. */
  restore(instances: readonly string[]): Promise<void>;
  /** Reads one instance's channels. @throws HeadendError `instance.empty`, `instance.shrunk`; the last good ones stay. */
  update(
    instance: string,
    channels: AsyncIterable<Channel | readonly Channel[]>,
    options: UpdateOptions,
  ): Promise<UpdateResult>;
  /** Which instances count, in order; others leave the lineup (their ids and numbers stay theirs). */
  arrange(instances: readonly string[], settings: LineupSettings): Promise<void>;
  /** Says that an instance is about to bring channels: those after it in order wait a while with their new numbers. */
  expect(instance: string): void;
  /** Says that it will not. */
  dismiss(instance: string): void;
  /** Takes the next lineup of an instance as it comes, however small: its config has changed. */
  trust(instance: string): void;
  /** Resolves when nothing is being written any more. */
  close(): Promise<void>;
  /** The composed lineup, for the guide's targets. */
  composed(): Composed;
  /** When an instance's channels were last known to be right: milliseconds since the Unix epoch. */
  confirmed(instance: string): number | undefined;
}
