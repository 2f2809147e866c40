// Answers what players ask of a window: its playlist, as soon as it has what they wait for; segments, parts and maps.
import { type Clock, HeadendError } from "../../core/plugin.ts";
import { RelayOver } from "./over.ts";
import { formatLive } from "./playlist.ts";
import { isThere, parseReload } from "./reload.ts";
import { replyPart, replyPlaylist, typeOf } from "./reply.ts";
import { createBell, within } from "./waiting.ts";
import type { Window } from "./window.ts";

export interface Listing {
  /**
   * The playlist, its addresses below `prefix`; held back until it has what the query waits for (bis §6.2.5.2).
   * @throws HeadendError `request.invalid`, `tune.late`; RelayOver when nothing more comes
   */
  playlist(prefix: string, query: () => URLSearchParams, signal: AbortSignal): Promise<Response>;
  /** A segment, a part or a map; the part that comes next as soon as it is there. @throws HeadendError `not.found`, `tune.late` */
  media(name: string, signal: AbortSignal): Promise<Response>;
  /** The window has changed: who waits looks again. */
  changed(): void;
  /** Nothing more comes. */
  end(): void;
}

export interface ListingOptions {
  readonly window: Window;
  readonly clock: Clock;
  /** Its name, for people. */
  readonly channel: string;
}

/** Target durations for which a playlist or a part is held back. */
const mostHeld = 3;
/** Milliseconds for which what a name stands for does not change. */
const mediaAge = 3_600_000;
/** Prefixes whose playlist is remembered until the next change. */
const mostRendered = 8;

export function createListing({ window, clock, channel }: ListingOptions): Listing {
  const bell = createBell();
  const rendered = new Map<string, string>();
  let renderedAt = -1;
  let ended = false;

  /** Waits for a change. @param since when the waiting began */
  async function change(since: number, signal: AbortSignal): Promise<void> {
    const limit = mostHeld * window.target;
    const late = () => new HeadendError("tune.late", { channel, limit: `${limit / 1000}s` });
    await within(bell.rung, { clock, ms: since + limit - clock.monotonic(), signal, late });
  }

  /** Written once for all who ask before the next change. */
  function render(prefix: string): string {
    if (renderedAt !== window.changes) rendered.clear();
    renderedAt = window.changes;
    const known = rendered.get(prefix);
    if (known !== undefined) return known;
    const { rest, target, partTarget } = window;
    const text = formatLive(window.list(), target, prefix, rest && { rest, target: partTarget });
    if (rendered.size < mostRendered) rendered.set(prefix, text);
    return text;
  }

  return {
    async playlist(prefix, query, signal) {
      const awaited = window.rest && parseReload(query());
      for (const since = clock.monotonic(); awaited && !isThere(window, awaited); ) {
        if (ended) throw new RelayOver(channel, undefined);
        await change(since, signal);
      }
      return replyPlaylist(render(prefix));
    },
    async media(name, signal) {
      for (const since = clock.monotonic(); ; ) {
        const bytes = window.get(name);
        if (bytes) return replyPart(bytes, typeOf(name), mediaAge);
        if (ended || window.rest?.hint !== name) throw new HeadendError("not.found");
        await change(since, signal);
      }
    },
    changed: () => bell.ring(),
    end() {
      ended = true;
      bell.ring();
    },
  };
}
