// What the clock on the wall shows in a time zone, to and from instants, on the days when it is changed too.

/** A date of the Gregorian calendar with the time of day; `month` is 1 to 12. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const day = 86_400_000;

/** Made once a zone: making one takes longer than using it a hundred times. */
const formats = new Map<string | undefined, Intl.DateTimeFormat>();

/**
 * What the clock shows at an instant.
 *
 * @param at milliseconds since the Unix epoch
 * @param zone IANA name; default: the zone of this machine
 * @throws RangeError when the zone is not known
 */
export function wallTimeAt(at: number, zone?: string): WallTime {
  const date = new Date(at + offsetAt(at, zone));
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

/**
 * The instant at which the clock shows a time. In the hour that is there twice when clocks go back, the first; in the one
 * that is left out when they go forward, as much later as the clock was put forward.
 *
 * @returns milliseconds since the Unix epoch; undefined when there is no such date or time of day
 * @throws RangeError when the zone is not known
 */
export function instantOf(wall: WallTime, zone?: string): number | undefined {
  const { year, month, hour, minute, second } = wall;
  const shown = Date.UTC(year, month - 1, wall.day, hour, minute, second);
  const date = new Date(shown);
  if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== wall.day) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const before = offsetAt(shown - day, zone);
  const after = offsetAt(shown + day, zone);
  const found = [shown - before, shown - after].filter((at) => at + offsetAt(at, zone) === shown);
  return found.length > 0 ? Math.min(...found) : shown - before;
}

/** How far the clock is ahead of UTC, in milliseconds. */
function offsetAt(at: number, zone: string | undefined): number {
  if (zone === "UTC") return 0;
  const second = Math.floor(at / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(second)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

function formatOf(zone: string | undefined): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    const two = "2-digit";
    format = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
      ...(zone !== undefined && { timeZone: zone }),
      ...{ year: "numeric", month: two, day: two, hour: two, minute: two, second: two, hourCycle: "h23" },
    });
    formats.set(zone, format);
  }
  return format;
}
