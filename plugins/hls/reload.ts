// What a player that knows parts asks of a playlist: not to be answered before it has this (bis §6.2.5.2).
import { HeadendError } from "../../core/plugin.ts";
import type { Window } from "./window.ts";

/** A segment, and a part of it. */
export interface Awaited {
  readonly sequence: number;
  readonly part: number | undefined;
}

/** Segments ahead of the last that may be waited for; and milliseconds of parts. */
const mostAhead = 2;
const mostAheadParts = 3000;

/** @throws HeadendError `request.invalid` for what is no number */
export function parseReload(query: URLSearchParams): Awaited | undefined {
  const [segment, part] = [query.get("_HLS_msn"), query.get("_HLS_part")];
  if (segment === null && part === null) return undefined;
  const sequence = numberOf(segment);
  const number = part === null ? undefined : numberOf(part);
  if (sequence === undefined || (part !== null && number === undefined))
    throw new HeadendError("request.invalid", {
      reason: "_HLS_msn must be a number, and _HLS_part one that goes with it",
    });
  return { sequence, part: number };
}

/**
 * Whether the playlist has what is waited for.
 * @throws HeadendError `request.invalid` when that is so far away that it is an error
 */
export function isThere(window: Window, { sequence, part }: Awaited): boolean {
  const segments = window.list();
  const last = segments.at(-1)?.sequence ?? 0;
  const rest = window.rest?.parts.length ?? 0;
  const limit = window.partTarget > 0 ? Math.ceil(mostAheadParts / Math.min(1000, window.partTarget)) : 3;
  if (sequence > last + mostAhead || (sequence === last + 1 && (part ?? 0) > rest - 1 + limit))
    throw new HeadendError("request.invalid", {
      reason: `segment ${sequence} is too far away: the last one is ${last}`,
    });
  if (part === undefined) return sequence <= last;
  if (sequence < last) return true;
  if (sequence > last) return sequence === last + 1 && part < rest;
  // What a segment does not have is the beginning of the next one (§6.2.5.2).
  return part < (segments.at(-1)?.parts?.length ?? 0) || rest > 0;
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
