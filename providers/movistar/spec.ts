// The part of a U7D address that says when: a time in any of the ways that players write it.
import { parseTime } from "../../core/formats/catchup/time.ts";

/** What is wanted: live, or from an instant on, in milliseconds since the Unix epoch. */
export type Spec = "live" | { readonly at: number };

/** Live by any of its names, perhaps with an ending. */
const live = /^(?:live|mpegts)(?:\.\w+)?$/i;
const relative = /^(?:\w+[-_])?(?:timeshift_rel|rewind)-(\d{1,9})(?:\.\w+)?$/i;

/**
 * Reads `{YYYYMMDDhhmm}`, `{YYYYMMDDhhmmss}` (what the clock shows in `zone`), `{timestamp}`, or
 * `{word}-{timestamp}-{duration}.{ext}` with any part but the time left out; `timeshift_rel-{seconds ago}`.
 *
 * Digits alone go by their number. Otherwise the first run of ten digits is the time; what follows, a duration or an
 * end, never ended an answer: players go on reading.
 *
 * @returns undefined when it says no time
 */
export function parseSpec(text: string, now: number, zone?: string): Spec | undefined {
  if (live.test(text)) return "live";
  const [, ago] = relative.exec(text) ?? [];
  if (ago !== undefined) return { at: now - Number(ago) * 1000 };
  const [, alone] = /^(\d{10}|\d{12}|\d{14})(?:\.\w+)?$/.exec(text) ?? [];
  const [, dated] = /^(?:[a-z]\w*?-?)?(\d{14}|\d{12})(?:-\d{1,9})?(?:\.\w+)?$/i.exec(text) ?? [];
  const [, first] = /^(?:[a-z]\w*?)?-?(\d{10})(?!\d)/i.exec(text) ?? [];
  const digits = alone ?? dated ?? first;
  const at = digits === undefined ? undefined : parseTime(digits, zone);
  return at === undefined ? undefined : { at };
}
