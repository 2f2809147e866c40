// Catch-up attributes to the typed `Catchup`, and the times and modes they are written in.
import type { Catchup } from "../../types.ts";

/** The attributes as they stand in the file; empty where absent. */
export interface CatchupTexts {
  /** `catchup` */
  mode: string;
  /** `catchup-type` */
  type: string;
  /** `catchup-source` */
  source: string;
  /** `catchup-days` */
  days: string;
  /** `timeshift` or `tvg-rec`: days too, in the way of older players, which have one mode only. */
  archive: string;
  /** `catchup-correction` */
  correction: string;
}

const hour = 3_600_000;

/** Other names of modes. Modes that are not listed stay as they are written. */
const modes: Readonly<Record<string, string>> = {
  fs: "flussonic-ts",
  "flussonic-hls": "flussonic-hls",
  "flussonic-ts": "flussonic-ts",
  flussonic: "flussonic",
  timeshift: "shift",
  shift: "shift",
  archive: "shift",
  default: "default",
  append: "append",
  xc: "xc",
  vod: "vod",
};

const off = new Set(["0", "false", "no", "none", "off", "disabled"]);

/**
 * A channel's catch-up, with the header's defaults for what the entry leaves out. Placeholders are untouched.
 *
 * @returns undefined when neither says how the past is reached, or the entry says there is none
 */
export function parseCatchup(entry: CatchupTexts, header: CatchupTexts): Catchup | undefined {
  const own = entry.mode || entry.type;
  if (off.has(own.toLowerCase())) return undefined;
  const wanted = own || header.mode || header.type;
  // A header's template belongs to the header's mode; under another mode it would build wrong addresses.
  const inherits = !own || own.toLowerCase() === (header.mode || header.type).toLowerCase();
  const source = entry.source || (inherits ? header.source : "");
  const archive = entry.archive || header.archive;
  const days = parseNumber(entry.days || archive || header.days);
  let mode = wanted;
  // `catchup="append" catchup-type="flussonic"` is met: to append nothing is no way to the past, the type is.
  if (!source && entry.type && /^(append|default)$/i.test(wanted)) mode = entry.type;
  if (!mode || /^(1|true|yes)$/i.test(mode)) {
    if (source) mode = "default";
    else if (days !== undefined && days > 0) mode = "shift";
    else return undefined;
  }
  const correction = parseHours(entry.correction || header.correction);
  return {
    mode: modes[mode.toLowerCase()] ?? mode,
    ...(source && { source }),
    ...(days !== undefined && days > 0 && { days }),
    ...(correction && { correction }),
  };
}

/** Hours, perhaps signed and with a fraction (`+3`, `-4.5`), to milliseconds; undefined when it is no number. */
export function parseHours(text: string): number | undefined {
  const hours = parseNumber(text);
  return hours === undefined ? undefined : Math.round(hours * hour) + 0;
}

/** Milliseconds to hours, so that `parseHours()` gives the same milliseconds back. */
export function formatHours(ms: number): string {
  return (ms / hour).toFixed(9).replace(/\.?0+$/, "");
}

function parseNumber(text: string): number | undefined {
  if (!text || !/^\s*[+-]?(\d{1,9}([.,]\d*)?|[.,]\d+)\s*$/.test(text)) return undefined;
  return Number(text.replace(",", "."));
}
