// Times as catch-up addresses write them: Unix seconds, runs of digits, ISO 8601, and patterns of letters.
import { instantOf, type WallTime } from "./zone.ts";

/** Later than this nothing is asked for: the end of the year 2100. */
const end = Date.UTC(2101, 0, 1);

const dated =
  /^(\d{4})(-?)(\d\d)\2(\d\d)[T: ]?(\d\d)(?:[:-]?(\d\d))(?:[:-]?(\d\d)(?:\.\d{1,9})?)?(Z|GMT|UTC|[+ -]\d\d:?\d\d)?$/i;

/**
 * Reads a time in any of the ways in which players write one:
 *
 * - 1 to 10 digits: seconds since the Unix epoch; 13 digits: milliseconds;
 * - 12 or 14 digits, `YYYYMMDDhhmm[ss]`: what the clock shows in `zone`; in UTC when `Z`, `GMT` or `UTC` follows;
 * - ISO 8601, extended or basic, with `T`, `:` or a space before the time of day and `:` or `-` within it, as Xtream has it
 *   (`2026-03-01:20-15`): likewise, or at the offset that follows (`+08:00`, whose sign may have become a space).
 *
 * @param zone IANA name; default: the zone of this machine
 * @returns milliseconds since the Unix epoch; undefined when it is no time, or one outside the years 1970 to 2100
 * @throws RangeError when the zone is not known
 */
export function parseTime(text: string, zone?: string): number | undefined {
  if (text.length > 40) return undefined;
  const at = /^(\d{1,10}|\d{13})$/.test(text) ? Number(text) * (text.length === 13 ? 1 : 1000) : parseDated(text, zone);
  return at !== undefined && at >= 0 && at < end ? at : undefined;
}

function parseDated(text: string, zone: string | undefined): number | undefined {
  const [, year, , month, day, hour, minute, second = "0", mark = ""] = dated.exec(text) ?? [];
  if (year === undefined) return undefined;
  const wall: WallTime = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
  };
  if (mark === "") return instantOf(wall, zone);
  const at = instantOf(wall, "UTC");
  const [, sign, hours, minutes] = /^([+ -])(\d\d):?(\d\d)$/.exec(mark) ?? [];
  if (at === undefined || sign === undefined) return at;
  // Behind a mere run of digits it is the end of a range.
  if (/^\d{12}/.test(text)) return undefined;
  return at - (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
}

/** Whether a pattern is written in the long letters of Java (`yyyyMMddHHmmss`), not in those of C (`YmdHMS`). */
export function isLongPattern(pattern: string): boolean {
  return /yyyy|MM|dd|HH|mm|ss/.test(pattern);
}

/** Writes a time by a pattern, in long letters (`yyyy MM dd HH mm ss`) or short ones (`Y m d H M S`); the rest stays. */
export function formatTime(wall: WallTime, pattern: string): string {
  const letters = isLongPattern(pattern) ? /yyyy|MM|dd|HH|mm|ss/g : /[YmdHMS]/g;
  return pattern.replace(letters, (letter) => formatPart(wall, letter));
}

function formatPart(wall: WallTime, letter: string): string {
  switch (letter) {
    case "Y":
    case "yyyy":
      return String(wall.year).padStart(4, "0");
    case "m":
    case "MM":
      return two(wall.month);
    case "d":
    case "dd":
      return two(wall.day);
    case "H":
    case "HH":
      return two(wall.hour);
    case "M":
    case "mm":
      return two(wall.minute);
    default:
      return two(wall.second);
  }
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
