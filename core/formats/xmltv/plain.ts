// Says at once of most elements that they may pass as they are; whoever is not sure asks the verifier.
import type { Buffer } from "node:buffer";
import { AMP, EQUALS, GT, isSpace, LT, nameClass, QUOT, SLASH } from "./bytes.ts";
import { referenceEnd } from "./characters.ts";
import { type Ranks, UNKNOWN_RANK } from "./order.ts";

/** The lead byte of U+FFFE and U+FFFF, among others. */
const LEAD = 0xef;
const MAX_DEPTH = 8;
const MAX_ATTRIBUTES = 16;

/** 1: not to be passed over in text, in a value between double quotes. */
const inText = new Uint8Array(256);
const inValue = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if ((byte < 32 && !isSpace(byte)) || byte === LT || byte === AMP || byte === LEAD) inText[byte] = inValue[byte] = 1;
}
inText[GT] = 1;
inValue[QUOT] = 1;

/** Where the names of the open elements start. */
const open = new Int32Array(MAX_DEPTH);
/** The attribute names of one tag: length, first and last letter. */
const seen = new Int32Array(MAX_ATTRIBUTES);

/**
 * True when `bytes[start, end)`, which must be valid UTF-8, is surely one well-formed element (XML 1.0) with its children
 * in order. False says nothing: comments, sections, apostrophes around values and much else are left to the verifier.
 *
 * One loop without calls: what is run for a second must not take as long again to compile.
 */
export function isPlain(bytes: Buffer, start: number, end: number, ranks: Ranks): boolean {
  let stops = inText;
  let depth = 0;
  let count = 0;
  let last = 0;
  let at = start;
  for (;;) {
    while (stops[bytes[at] as number] === 0) at++;
    let byte = bytes[at];
    if (byte === AMP) {
      at = referenceEnd(bytes, at);
      if (at < 0) return false;
      continue;
    }
    if (byte === LEAD) {
      if (bytes[at + 1] === 0xbf && (bytes[at + 2] as number) >= 0xbe) return false;
      at++;
      continue;
    }
    if (at >= end) return false;
    if (stops === inText) {
      if (byte !== LT) return false;
      byte = bytes[++at];
      if (byte === SLASH) {
        let name = open[--depth] as number;
        at++;
        while ((nameClass[bytes[at] as number] as number) > 0 && bytes[at] === bytes[name]) {
          at++;
          name++;
        }
        if (bytes[at] !== GT || (nameClass[bytes[name] as number] as number) > 0) return false;
        at++;
        if (depth === 0) return at === end;
        continue;
      }
      if (nameClass[byte as number] !== 1 || depth === MAX_DEPTH) return false;
      open[depth] = at;
      let hash = 0x811c9dc5;
      for (let kind = 1; kind === 1 || kind === 2; kind = nameClass[byte as number] as number) {
        hash = Math.imul(hash ^ (byte as number), 0x01000193);
        byte = bytes[++at];
      }
      if (depth === 1) {
        const rank = ranks.get(hash | 0) ?? UNKNOWN_RANK;
        if (rank < last) return false;
        last = rank;
      }
      depth++;
      count = 0;
    } else {
      if (byte !== QUOT) return false;
      byte = bytes[++at];
    }
    // Behind a name or a value: an attribute or the end of the tag.
    if (isSpace(byte as number)) {
      do byte = bytes[++at];
      while (isSpace(byte as number));
      if (byte !== GT && byte !== SLASH) {
        const name = at;
        if (nameClass[byte as number] !== 1) return false;
        for (let kind = 1; kind === 1 || kind === 2; kind = nameClass[bytes[at] as number] as number) at++;
        if (bytes[at] !== EQUALS || bytes[at + 1] !== QUOT || count === MAX_ATTRIBUTES) return false;
        const key = ((at - name) << 16) | ((byte as number) << 8) | (bytes[at - 1] as number);
        for (let i = 0; i < count; i++) if (seen[i] === key) return false;
        seen[count++] = key;
        at += 2;
        stops = inValue;
        continue;
      }
    }
    if (byte === SLASH) {
      if (--depth === 0) return false;
      byte = bytes[++at];
    }
    if (byte !== GT) return false;
    at++;
    stops = inText;
  }
}
