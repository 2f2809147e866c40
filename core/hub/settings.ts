// What is decided of streams from outside: how they behave, and what all of them share.
import type { Clock, Logger } from "../plugin.ts";
import type { Breaker } from "./breaker.ts";
import type { Pace } from "./intake.ts";
import type { Ledger } from "./ledger.ts";
import type { HubObserver } from "./observer.ts";
import type { Sizes } from "./sizes.ts";

/** How a stream behaves; milliseconds. */
export interface StreamSettings {
  /** How long upstream stays open when nobody watches. */
  readonly linger: number;
  /** Silence after which another upstream is tried. */
  readonly stall: number;
  /** How long a slate is shown while no upstream works. */
  readonly slate: number;
}

/** What all streams share. */
export interface StreamShared {
  readonly ledger: Ledger;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: HubObserver;
  readonly sizes: Sizes;
  /** What is shown while no upstream works: a transport stream in its own time. */
  slate?(signal: AbortSignal): AsyncIterable<Uint8Array>;
  pace(): Pace;
  /** Told now and then how many bits a second a channel has. */
  measured(channel: string, bits: number): void;
}
