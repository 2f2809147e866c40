// Address templates of catch-up: every placeholder that pvr.iptvsimple fills, and those of other players.
import { formatTime, isLongPattern } from "./time.ts";
import { wallTimeAt } from "./zone.ts";

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the placeholders are the template's own.
/** What Huawei's and ZTE's platforms are asked with, put behind an address: clock times, begin and end. */
export const playseekSource = "?playseek=${(b)yyyyMMddHHmmss}-${(e)yyyyMMddHHmmss}";

/** What the query of our own addresses is in a template: Unix seconds, by the names that most players fill. */
export const spanSource = "?start=${start}&end=${end}";
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.

/** What a template is filled with. Instants in milliseconds since the Unix epoch. */
export interface TemplateValues {
  readonly at: number;
  readonly until: number;
  readonly now: number;
  /** IANA name of the zone in which upstream's clock times are; default: this machine's. */
  readonly zone?: string | undefined;
  readonly catchupId?: string | undefined;
}

type Moment = "at" | "until" | "now";

/** Which instant a name means. Those in capitals mean UTC whatever the pattern. */
const moments: Readonly<Record<string, Moment>> = {
  utc: "at",
  start: "at",
  GMT: "at",
  utcend: "until",
  end: "until",
  GMTend: "until",
  lutc: "now",
  now: "now",
  timestamp: "now",
};

/**
 * Fills a template, as pvr.iptvsimple does (`CatchupController.cpp`, FormatDateTime) and a little beyond:
 *
 * - `{utc}` `${start}`, `{utcend}` `${end}`, `{lutc}` `${now}` `${timestamp}`: Unix seconds of begin, end and now;
 * - `{duration}` `${duration}`, `${offset}`: seconds from begin to end, and from begin to now; with a divisor
 *   (`{duration:60}`, `{offset:1}`) whole units of so many seconds;
 * - `{Y}` `{m}` `{d}` `{H}` `{M}` `{S}` of the begin, and the names above with a pattern (`{utc:YmdHMS}`): what the clock
 *   shows in the zone, as in that player. A pattern in long letters behind `utc…` (`${utc:yyyyMMddHHmmss}`) and `{GMT:…}` are UTC;
 * - `${(b)yyyyMMddHHmmss}` and `${(e)…}`, begin and end in the zone; in UTC with `|UTC` or `:utc` at the end. `(b)timestamp`
 *   is Unix seconds, `(b)` alone ISO 8601; `${(d)M}` is the length in minutes, `H` hours, else seconds;
 * - `{catchup-id}`: what the guide says of the programme.
 *
 * The `$` is optional everywhere. What is not known stays as it is.
 *
 * @returns undefined when the template wants a catch-up id and there is none
 * @throws RangeError when the zone is not known
 */
export function fillTemplate(template: string, values: TemplateValues): string | undefined {
  if (template.includes("{catchup-id}") && !values.catchupId) return undefined;
  return template.replace(/\$?\{([^{}]{1,100})\}/g, (whole, body: string) => fill(body, values) ?? whole);
}

function fill(body: string, values: TemplateValues): string | undefined {
  if (/^[YmdHMS]$/.test(body)) return formatTime(wallTimeAt(values.at, values.zone), body);
  if (body === "catchup-id") return values.catchupId;
  const [, letter, short = ""] = /^\(([bed])\)(.*)$/.exec(body) ?? [];
  if (letter === "d") return formatUnits(values.until - values.at, { M: 60, H: 3600 }[short] ?? 1);
  if (letter) return formatMoment(values[letter === "b" ? "at" : "until"], short, values.zone);
  const colon = body.indexOf(":");
  const name = colon === -1 ? body : body.slice(0, colon);
  const format = colon === -1 ? undefined : body.slice(colon + 1);
  if (name === "duration" || name === "offset") {
    const divisor = format === undefined ? 1 : /^\d{1,9}$/.test(format) ? Number(format) : 0;
    const length = name === "offset" ? values.now - values.at : values.until - values.at;
    return divisor > 0 ? formatUnits(length, divisor) : undefined;
  }
  const moment = Object.hasOwn(moments, name) ? moments[name] : undefined;
  if (!moment) return undefined;
  if (format === undefined) return seconds(values[moment]);
  const utc = name.startsWith("GMT") || (name.includes("utc") && isLongPattern(format));
  return formatMoment(values[moment], format, utc ? "UTC" : values.zone);
}

function formatMoment(at: number, format: string, zone: string | undefined): string {
  const [, pattern = "", utc] = /^(.*?)([|:](?:UTC|GMT))?$/i.exec(format) ?? [];
  if (pattern === "timestamp") return seconds(at);
  if (pattern === "") return new Date(at).toISOString();
  return formatTime(wallTimeAt(at, utc ? "UTC" : zone), pattern);
}

function formatUnits(ms: number, divisor: number): string {
  return String(Math.max(0, Math.floor(ms / 1000 / divisor)));
}

function seconds(at: number): string {
  return String(Math.floor(at / 1000));
}
