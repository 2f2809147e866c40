// Single characters in bytes: UTF-8 sequences and references, checked.
import type { Buffer } from "node:buffer";
import { isSpace, isXmlChar } from "./bytes.ts";

/** Well-formed UTF-8, but no character of XML 1.0 (§2.2). */
export const ILLEGAL = -2;
/** Not well-formed UTF-8 (RFC 3629 §4). */
export const INVALID = -1;

/** The offset after the character at `at`, or `ILLEGAL` or `INVALID`. */
export function characterEnd(bytes: Buffer, at: number, limit: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return lead < 32 && !isSpace(lead) ? ILLEGAL : at + 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > limit) return INVALID;
  for (let i = 1; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return INVALID;
  const second = bytes[at + 1] as number;
  if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return INVALID;
  if ((lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return INVALID;
  // U+FFFE and U+FFFF.
  if (lead === 0xef && second === 0xbf && (bytes[at + 2] as number) >= 0xbe) return ILLEGAL;
  return at + length;
}

/** The offset after the reference at `from`, or -1: one of XML's five entities, or a legal character's number (§4.1). */
export function referenceEnd(bytes: Buffer, from: number): number {
  let at = from + 1;
  const first = bytes[at];
  if (first !== 0x23) {
    if (first === 0x61 && bytes[at + 1] === 0x6d && bytes[at + 2] === 0x70 && bytes[at + 3] === 0x3b) return at + 4;
    if ((first === 0x6c || first === 0x67) && bytes[at + 1] === 0x74 && bytes[at + 2] === 0x3b) return at + 3;
    const text = bytes.toString("latin1", at, at + 5);
    return text === "quot;" || text === "apos;" ? at + 5 : -1;
  }
  const hex = bytes[++at] === 0x78;
  if (hex) at++;
  const digits = at;
  let code = 0;
  for (; at - digits < 8; at++) {
    const byte = bytes[at] as number;
    const lower = byte | 0x20;
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : hex && lower >= 97 && lower <= 102 ? lower - 87 : -1;
    if (digit < 0) break;
    code = code * (hex ? 16 : 10) + digit;
  }
  return at > digits && bytes[at] === 0x3b && isXmlChar(code) ? at + 1 : -1;
}
