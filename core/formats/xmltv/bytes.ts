// Byte classes and needles that the XMLTV readers share.
import { Buffer } from "node:buffer";

export const LT = 0x3c;
export const GT = 0x3e;
export const AMP = 0x26;
export const SLASH = 0x2f;
export const BANG = 0x21;
export const QUERY = 0x3f;
export const EQUALS = 0x3d;
export const QUOT = 0x22;
export const APOS = 0x27;
export const DASH = 0x2d;
export const RIGHT = 0x5d;

/** XML 1.0 §2.3, white space. */
export const isSpace = (byte: number): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9;

/** 1 for ASCII bytes that may start a name, 2 for those that may only continue it, 3 for bytes of non-ASCII characters. */
export const nameClass = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const char = String.fromCharCode(byte);
  if (byte >= 0x80) nameClass[byte] = 3;
  else if (/[A-Za-z_:]/.test(char)) nameClass[byte] = 1;
  else if (/[-.0-9]/.test(char)) nameClass[byte] = 2;
}

/** XML 1.0 §2.3 `Name`, without the letters beyond U+FFFF, which many parsers do not take for letters. */
export const namePattern =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: the joiners stand for themselves
  /^[:A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD][-.0-9\u00B7\u0300-\u036F\u203F\u2040:A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD]*$/;

/** XML 1.0 §2.2 `Char`: may this code point stand in a document? */
export function isXmlChar(code: number): boolean {
  return (
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

/** FNV-1a of a range, as a signed number, which maps take quicker. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash | 0;
}

/** Are two ranges the same bytes? */
export function sameBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** What is looked for, as bytes and as text. */
export interface Needle extends Buffer {
  readonly text: string;
}

/** A needle for `indexOf`: a Buffer is searched for nearly twice as fast as a string. */
export const needle = (text: string): Needle => Object.assign(Buffer.from(text, "latin1"), { text });

/** Where `Buffer` is written in JavaScript, text is searched twenty times as fast as bytes are. */
export const searchesBytes = /\[native code\]/.test(Function.prototype.toString.call(Buffer.prototype.indexOf));
