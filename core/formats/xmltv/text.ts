// Text to XML and back: escaping, references, and bytes that are no UTF-8.
import { Buffer } from "node:buffer";
import { isXmlChar } from "./bytes.ts";
import { htmlEntity } from "./html.ts";

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
  "\n": "&#10;",
  "\t": "&#9;",
};

/** Without white space around it; XML's own (§2.3), so that a no-break space stays. */
export function trimSpace(text: string): string {
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}

/** True for a text of XML's white space alone. */
export function isBlank(text: string): boolean {
  return !/[^ \t\r\n]/.test(text);
}

/** No character below the space but XML's white space, none beyond U+D7FF that is not to be looked at singly. */
const fine = /^[\t\n\r -\ud7ff\ue000-\ufffd]*$/;

/** Nothing to escape or to leave out, as of nearly every text: one look instead of two. */
const isPlain = /^[ !#-%'-;=?-\ud7ff\ue000-\ufffd]*$/;

/** Without the characters that XML 1.0 §2.2 does not allow. */
export function legalText(text: string): string {
  return fine.test(text) ? text : [...text].filter((char) => isXmlChar(char.codePointAt(0) ?? 0)).join("");
}

/** Text for between tags. @example escapeText("a & b") // "a &amp; b" */
export function escapeText(text: string): string {
  return isPlain.test(text) ? text : legalText(text).replace(/[&<>\r]/g, (char) => escapes[char] ?? char);
}

/** Text for a value in double quotes. */
export function escapeValue(text: string): string {
  return isPlain.test(text) ? text : legalText(text).replace(/[&<>"\r\n\t]/g, (char) => escapes[char] ?? char);
}

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The character a reference names (`amp`, `#233`, `#xE9`, `nbsp`), or undefined. */
export function referenced(name: string): string | undefined {
  if (name[0] !== "#") return named[name] ?? htmlEntity(name);
  const code = /^#[xX]/.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return isXmlChar(code) ? String.fromCodePoint(code) : undefined;
}

/** A value as it stands between its quotes, made text (XML 1.0 §3.3.3); references that name nothing stay as they are. */
export function unescapeValue(raw: string): string {
  if (!/[&\s]/.test(raw)) return raw;
  return raw
    .replace(/\r\n|[\r\n\t]/g, " ")
    .replace(/&(#[xX]?[0-9a-fA-F]+|\w+);/g, (whole, name: string) => referenced(name) ?? whole);
}

/** The text of an element that has no elements in it: references and CDATA sections read. */
export function parseText(content: string): string {
  if (!content.includes("&") && !content.includes("<")) return content;
  return content
    .split(/<!\[CDATA\[([\s\S]*?)\]\]>/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part.replace(/&(#[xX]?[0-9a-fA-F]+|\w+);/g, (whole, name: string) => referenced(name) ?? whole),
    )
    .join("");
}

const sequence =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

/** Bytes as text; what is no UTF-8 is taken for windows-1252, which is what such bytes nearly always are. */
export function decodeMixed(bytes: Buffer): string {
  const western = new TextDecoder("windows-1252");
  return bytes.toString("latin1").replace(sequence, (part) => {
    const raw = Buffer.from(part, "latin1");
    return part.length > 1 ? raw.toString("utf8") : western.decode(raw);
  });
}
