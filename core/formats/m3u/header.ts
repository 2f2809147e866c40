// The #EXTM3U line: guide addresses, defaults for the entries, and whatever else it says.
import { scanAttributes, textBetween } from "./attributes.ts";
import { type CatchupTexts, parseHours } from "./catchup.ts";

/** What the header lines of a playlist say. */
export interface PlaylistHeader {
  /** Addresses of guides, from `url-tvg` and `x-tvg-url`, in order, none twice. */
  readonly guides: readonly string[];
  /** Every attribute, as spelled, those above too; of several header lines the last one counts. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Free text after `#EXTM3U`. */
  readonly text?: string;
}

/** What a header sets for entries that do not say it themselves. */
export interface EntryDefaults {
  /** `tvg-shift` in milliseconds. */
  shift: number;
  catchup: CatchupTexts;
}

/** More guides than this no header names. */
export const mostGuides = 256;

export const noCatchup: CatchupTexts = { mode: "", type: "", source: "", days: "", archive: "", correction: "" };

/** `#EXTM3U`, in any case, alone or before a separator. */
export function isHeader(line: string): boolean {
  return /^#EXTM3U(?![\w-])/i.test(line);
}

/** Attribute names that hold guide addresses, in lower case. */
export function isGuideName(name: string): boolean {
  return name === "url-tvg" || name === "x-tvg-url";
}

/**
 * Reads one header line.
 *
 * @param base address against which relative guide addresses are resolved
 * @returns what it says, and the defaults that it sets, if any
 */
export function parseHeader(
  line: string,
  base: string | undefined,
): { header: PlaylistHeader; defaults: EntryDefaults | undefined } {
  const spans: number[] = [];
  const from = "#EXTM3U".length;
  scanAttributes(line, from, spans, false);
  const attributes: Record<string, string> = {};
  const defaults: EntryDefaults = { shift: 0, catchup: { ...noCatchup } };
  const guides = new Set<string>();
  for (let index = 0; index < spans.length; index += 4) {
    const name = line.slice(spans[index], spans[index + 1]);
    const value = line.slice(spans[index + 2], spans[index + 3]).trim();
    const lower = name.toLowerCase();
    attributes[name] = value;
    if (isGuideName(lower)) for (const guide of splitGuides(value, base)) guides.add(guide);
    else if (lower === "tvg-shift") defaults.shift = parseHours(value) ?? 0;
    else setDefault(defaults.catchup, lower, value);
  }
  const text = textBetween(line, from, spans);
  return {
    header: { guides: [...guides], attributes, ...(text && { text }) },
    defaults: defaults.shift || Object.values(defaults.catchup).some(Boolean) ? defaults : undefined,
  };
}

function setDefault(catchup: CatchupTexts, name: string, value: string): void {
  if (name === "catchup") catchup.mode = value;
  else if (name === "catchup-type") catchup.type = value;
  else if (name === "catchup-source") catchup.source = value;
  else if (name === "catchup-days") catchup.days = value;
  else if (name === "catchup-correction") catchup.correction = value;
}

/** Several addresses stand in one value, with commas or blanks between; a comma may also be part of an address. */
function splitGuides(value: string, base: string | undefined): string[] {
  const guides: string[] = [];
  let separator = "";
  for (const part of value.split(/([\s,]+)/)) {
    if (part === "" || /^[\s,]/.test(part)) separator = part;
    else if (separator === "," && guides.length > 0 && !/^[a-z][a-z0-9+.-]*:\/\//i.test(part))
      guides.push(`${guides.pop()},${part}`);
    else guides.push(part);
  }
  return guides.slice(0, mostGuides).map((guide) => resolveAddress(guide, base));
}

/** An absolute address; the text itself where it is absolute already, or nothing can be made of it. */
export function resolveAddress(address: string, base: string | undefined): string {
  if (base === undefined || hasScheme(address)) return address;
  return URL.parse(address, base)?.href ?? address;
}

export function hasScheme(address: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(address);
}
