// Passes an HLS playlist on with other addresses, and without what a relay cannot keep; else byte for byte.
import { itemsPerStep, runSteps, type Steps } from "../steps.ts";
import { type Attributes, dropAttributes, readAttributes, scanAttributes } from "./attributes.ts";
import { type Line, readLines } from "./lines.ts";

/** A place where an address stands. */
export interface Reference {
  /** As written. */
  readonly uri: string;
  /** The tag whose attribute it is, with its `#`; `""` for a line of its own. */
  readonly tag: string;
  /** The attribute: `URI`, …; `""` for a line of its own. */
  readonly attribute: string;
  /** All attributes of the tag; of an address after EXT-X-STREAM-INF those of that tag. */
  readonly attributes: Attributes;
  /** How many lines with an address came before: names the segment of a media playlist, the variant of the other. */
  readonly index: number;
}

export interface RewriteOptions {
  /** True when each segment is given as a resource of its own: EXT-X-BYTERANGE and BYTERANGE are left out. */
  readonly whole?: boolean;
}

/**
 * Replaces every address by what `replace` gives; where it gives undefined, the line (and, for a variant, the tag that
 * announces it) is left out. Left out as well: what promises or names partial segments, delta updates, blocking reloads
 * and other servers (bis §4.4.3.7 to 8, §4.4.3.10, §4.4.4.9, §4.4.5.3 to 4, §4.4.6.6), since a relay has no part in them.
 */
export function rewriteHls(
  text: string,
  replace: (reference: Reference) => string | undefined,
  options: RewriteOptions = {},
): string {
  return runSteps(rewritingHls(text, replace, options));
}

/** As `rewriteHls()`, in steps. */
export function* rewritingHls(
  text: string,
  replace: (reference: Reference) => string | undefined,
  options: RewriteOptions = {},
): Steps<string> {
  const lines: string[] = [];
  // An EXT-X-STREAM-INF, and what stands between it and its address.
  let announced: string[] = [];
  let attributes: Attributes = none;
  let index = 0;
  let count = 0;
  for (const line of readLines(text)) {
    if (++count % itemsPerStep === 0) yield;
    if (line.tag === "") {
      const uri = replace({ uri: line.value, tag: "", attribute: "", attributes, index: index++ });
      if (uri !== undefined) lines.push(...announced, line.text.replace(line.value, () => uri) + line.end);
      announced = [];
      attributes = none;
      continue;
    }
    const kept = rewriteTag(line, replace, index, options.whole ?? false);
    if (line.tag === "#EXT-X-STREAM-INF") {
      lines.push(...announced);
      announced = kept === undefined ? [] : [kept];
      attributes = readAttributes(line.value);
    } else if (kept !== undefined) (announced.length > 0 ? announced : lines).push(kept);
  }
  return lines.join("") + announced.join("");
}

const none: Attributes = new Map();

const promises = new Set([
  "#EXT-X-PART",
  "#EXT-X-PART-INF",
  "#EXT-X-PRELOAD-HINT",
  "#EXT-X-RENDITION-REPORT",
  "#EXT-X-SKIP",
  "#EXT-X-CONTENT-STEERING",
]);

/** Attributes that hold an address; and in EXT-X-DATERANGE those of interstitials (bis appendix D). */
const addresses = /^(?:URI|SERVER-URI|X-ASSET-URI|X-ASSET-LIST)$/;

function rewriteTag(line: Line, replace: (reference: Reference) => string | undefined, index: number, whole: boolean) {
  const { text, end, tag, value } = line;
  if (tag === undefined) return text + end;
  if (promises.has(tag) || (whole && tag === "#EXT-X-BYTERANGE")) return undefined;
  if (tag === "#EXT-X-SERVER-CONTROL") {
    // HOLD-BACK stays: it is about whole segments.
    const left = dropAttributes(value, (name) => /^(?:CAN-|PART-)/.test(name));
    return left === "" ? undefined : withValue(line, left);
  }
  let list = value;
  if (whole && tag === "#EXT-X-MAP") list = dropAttributes(list, (name) => name === "BYTERANGE");
  // Not an attribute list: a title may look like one.
  if (tag === "#EXTINF" || !/URI|X-ASSET-LIST/.test(list)) return text + end;
  const attributes = readAttributes(value);
  let moved = "";
  let at = 0;
  for (const { name, value: uri, from, to, quoted } of scanAttributes(list)) {
    if (!addresses.test(name) || !quoted) continue;
    const other = replace({ uri, tag, attribute: name, attributes, index });
    if (other === undefined) return undefined;
    if (other === uri) continue;
    moved += `${list.slice(at, from)}"${other}"`;
    at = to;
  }
  moved += list.slice(at);
  return moved === value ? text + end : withValue(line, moved);
}

/** The line with another value behind its colon. */
function withValue({ text, end, value }: Line, other: string): string {
  const colon = text.indexOf(":") + 1;
  return text.slice(0, colon) + text.slice(colon).replace(value, () => other) + end;
}
