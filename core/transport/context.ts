// What transport needs of the rest, handed in; and the shape of whatever opens one kind of address.
import type { Clock, DialOptions, Fetch, Logger } from "../plugin.ts";
import type { Source } from "../types.ts";

/** Where ffmpeg may be. Made once for all instances: what is found is remembered by this very object. */
export interface FfmpegSettings {
  /** What the config says (`streams.ffmpeg`): a path, or a name to look up in PATH. */
  readonly path?: string;
  /** What the environment says (FFMPEG_PATH), tried next; then plain `ffmpeg`. */
  readonly environment?: string;
}

/** What openers get from the instance they work for. */
export interface DialContext {
  /** The instance's own: its cookies and its User-Agent. */
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the instance stops; closes whatever was opened. */
  readonly signal: AbortSignal;
  /** Address or name of the network interface for multicast; absent: the system chooses. */
  readonly interface?: string;
  /** Most bytes that wait in one pushing transport for a reader; absent: 4 MiB. */
  readonly bufferBytes?: number;
  readonly ffmpeg: FfmpegSettings;
}

/** What openers get from whoever dials. */
export interface OpenOptions extends DialOptions {
  /** Ends the opening, and what came of it. It is aborted when the context's signal is, too. */
  readonly signal: AbortSignal;
}

/** Opens one kind of address: one attempt. @throws HeadendError `dial.*`, `fetch.*`, or the signal's reason. */
export type Opener = (url: string, options: OpenOptions, context: DialContext) => Promise<Source>;

/** Milliseconds from the start of an opening until its first data must be there. */
export const openingLimit = 10_000;
