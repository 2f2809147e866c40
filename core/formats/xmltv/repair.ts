// Makes a well-formed element out of one that is not: everything that can be had of it, and a count of what was mended.
import { Buffer, isUtf8 } from "node:buffer";
import { namePattern } from "./bytes.ts";
import { decodeMixed, escapeValue, legalText, referenced } from "./text.ts";

/** What was mended. */
export type Mend =
  | "bare ampersand"
  | "undefined entity"
  | "stray less-than sign"
  | "illegal character"
  | "invalid UTF-8"
  | "broken tag"
  | "broken comment"
  | "unclosed element";

/** Children of a programme that have children of their own; any other child ends where the next one starts. */
const containers = new Set([
  "credits",
  "video",
  "audio",
  "subtitles",
  "rating",
  "star-rating",
  "review",
  "previously-shown",
]);
const children = new Set(
  (
    "title sub-title desc credits date category keyword language orig-language length icon url country episode-num video audio " +
    "previously-shown premiere last-chance new subtitles rating star-rating review image display-name"
  ).split(" "),
);
const MAX_DEPTH = 32;

interface Open {
  readonly name: string;
  /** Where in the output its start tag stands. */
  readonly place: number;
}

/**
 * A well-formed rendering of a `programme` or `channel` element's bytes, or undefined when there is nothing in it worth
 * having. `mended` is told of each kind of thing that had to be done, as often as it was.
 */
export function repairElement(bytes: Buffer, mended: (what: Mend) => void): Buffer | undefined {
  const valid = isUtf8(bytes);
  if (!valid) mended("invalid UTF-8");
  const decoded = valid ? bytes.toString("utf8") : decodeMixed(bytes);
  const source = legalText(decoded);
  if (source.length !== decoded.length) mended("illegal character");

  const output: string[] = [];
  const open: Open[] = [];
  let whole = 0;
  const close = (upTo: number) => {
    while (open.length > upTo) {
      const element = open.pop();
      output.push(`</${element?.name}>`);
      if (open.length === 1) whole++;
    }
  };

  let at = 0;
  while (at < source.length) {
    const next = source.indexOf("<", at);
    const stop = next < 0 ? source.length : next;
    if (stop > at) output.push(repairText(source.slice(at, stop), mended));
    if (next < 0) break;
    const markup = readMarkup(source, next);
    at = markup.end;
    switch (markup.kind) {
      case "keep":
        output.push(source.slice(next, at));
        break;
      case "drop":
        mended("broken comment");
        break;
      case "stray":
        mended("stray less-than sign");
        output.push("&lt;");
        break;
      case "cut":
        mended("broken tag");
        break;
      case "end": {
        const depth = open.findLastIndex((element) => element.name === markup.name);
        if (depth < 0) {
          mended("unclosed element");
          break;
        }
        // What was opened inside and never closed was a mark such as `<br>`, with its text beside it.
        for (const inner of open.splice(depth + 1)) {
          mended("unclosed element");
          output[inner.place] = output[inner.place]?.replace(/>$/, "/>") ?? "";
        }
        close(depth);
        break;
      }
      case "start": {
        const child = open[1]?.name;
        if (child && children.has(markup.name) && !containers.has(child)) {
          mended("unclosed element");
          close(1);
        }
        if (open.length === MAX_DEPTH) return undefined;
        const attributes = repairAttributes(markup.attributes, mended);
        output.push(`<${markup.name}${attributes}${markup.empty ? "/" : ""}>`);
        if (!markup.empty) open.push({ name: markup.name, place: output.length - 1 });
        else if (open.length === 1) whole++;
        break;
      }
    }
    if (open.length === 0) break;
  }
  if (open.length > 0) {
    mended("unclosed element");
    close(0);
  }
  return whole > 0 ? Buffer.from(output.join(""), "utf8") : undefined;
}

function repairText(text: string, mended: (what: Mend) => void): string {
  return text.replace(/\]\]>/g, "]]&gt;").replace(/&(#[xX][0-9a-fA-F]+;|#\d+;|\w+;)?/g, (whole, reference?: string) => {
    if (!reference) {
      mended("bare ampersand");
      return `&amp;${whole.slice(1)}`;
    }
    const char = referenced(reference.slice(0, -1).replace(/^#X/, "#x"));
    if (char === undefined) {
      mended("undefined entity");
      return `&amp;${reference}`;
    }
    if (/^(#x?[0-9a-fA-F]+|amp|lt|gt|quot|apos);$/.test(reference)) return whole;
    mended("undefined entity");
    return `&#${char.codePointAt(0)};`;
  });
}

type Markup =
  | { kind: "keep" | "drop" | "stray" | "cut"; end: number }
  | { kind: "end"; end: number; name: string }
  | { kind: "start"; end: number; name: string; attributes: [string, string][]; empty: boolean };

/** Reads what starts with the `<` at `at`, as forgivingly as can be. */
function readMarkup(source: string, at: number): Markup {
  if (source.startsWith("<!--", at)) return readHidden(source, at, 4, "-->", (body) => !/--|-$/.test(body));
  if (source.startsWith("<![CDATA[", at)) return readHidden(source, at, 9, "]]>", () => true);
  if (source.startsWith("<?", at)) return readHidden(source, at, 2, "?>", () => false);
  const end = /<\/([^\s<>/]+)\s*(?:>|(?=<)|$)/y;
  end.lastIndex = at;
  const closing = end.exec(source);
  if (closing?.[1]) return { kind: "end", end: end.lastIndex, name: closing[1] };
  const start = /<([^\s<>/=]+)/y;
  start.lastIndex = at;
  const name = start.exec(source)?.[1];
  if (!name || !namePattern.test(name)) return { kind: "stray", end: at + 1 };
  return readAttributes(source, at, start.lastIndex, name);
}

function readHidden(
  source: string,
  at: number,
  opener: number,
  closer: string,
  fine: (body: string) => boolean,
): Markup {
  const end = source.indexOf(closer, at + opener);
  if (end < 0) return { kind: "drop", end: at + opener };
  return { kind: fine(source.slice(at + opener, end)) ? "keep" : "drop", end: end + closer.length };
}

function readAttributes(source: string, at: number, from: number, name: string): Markup {
  const attributes: [string, string][] = [];
  const attribute = /\s*([^\s=<>/"']+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s<>"']+))|\s*[^<>\s/]|\s+|\/(?!>)/y;
  attribute.lastIndex = from;
  for (let last = from; ; last = attribute.lastIndex) {
    const found = attribute.exec(source);
    if (!found) {
      if (source.startsWith("/>", last)) return { kind: "start", end: last + 2, name, attributes, empty: true };
      if (source[last] === ">") return { kind: "start", end: last + 1, name, attributes, empty: false };
      // A tag that the document, or the next tag, cuts off; a lone sign such as `a <b` is text.
      return attributes.length > 0 || last >= source.length
        ? { kind: "cut", end: last }
        : { kind: "stray", end: at + 1 };
    }
    if (found[1]) attributes.push([found[1], found[2] ?? found[3] ?? found[4] ?? ""]);
  }
}

function repairAttributes(attributes: readonly [string, string][], mended: (what: Mend) => void): string {
  const seen = new Set<string>();
  let text = "";
  for (const [name, raw] of attributes) {
    if (seen.has(name) || !namePattern.test(name)) {
      mended("broken tag");
      continue;
    }
    seen.add(name);
    const value = raw.replace(
      /&(#[xX]?[0-9a-fA-F]+|\w+);/g,
      (whole, reference: string) => referenced(reference) ?? whole,
    );
    text += ` ${name}="${escapeValue(value)}"`;
  }
  return text;
}
