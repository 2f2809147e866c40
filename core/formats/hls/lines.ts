// Lines of an HLS playlist: what kind each is, with everything that is needed to write it again byte for byte.

/** A line of more characters than this is no line of a playlist. */
export const longestLine = 1 << 20;
/** More lines than this are no playlist: a day of one-second segments has a fifth of them. */
const mostLines = 1_000_000;

/** A line without its end. */
export interface Line {
  /** As it stands, spaces included. */
  readonly text: string;
  /** `\n`, `\r\n`, or nothing at the end of the text. */
  readonly end: string;
  /** For a tag its name with the `#`; for an address `""`; for comments and empty lines undefined. */
  readonly tag?: string;
  /** What follows the tag's colon, or the address; without spaces around. */
  readonly value: string;
}

/** Lines in order (RFC 8216 §4.1). Ends early, with false, at a text that is longer than any playlist. */
export function* readLines(text: string): Generator<Line, boolean> {
  let at = 0;
  for (let count = 0; at < text.length; count++) {
    const feed = text.indexOf("\n", at);
    const stop = feed < 0 ? text.length : feed;
    const carriage = stop > at && text.charCodeAt(stop - 1) === 13;
    const last = carriage && feed >= 0 ? stop - 1 : stop;
    if (last - at > longestLine || count >= mostLines) return false;
    yield readLine(text.slice(at, last), text.slice(last, feed < 0 ? stop : feed + 1));
    at = feed < 0 ? stop : feed + 1;
  }
  return true;
}

function readLine(text: string, end: string): Line {
  // A byte order mark counts as a space for trim().
  const plain = text.trim();
  if (plain === "") return { text, end, value: "" };
  if (!plain.startsWith("#")) return { text, end, tag: "", value: plain };
  if (!/^#EXT/i.test(plain)) return { text, end, value: plain };
  const colon = plain.indexOf(":");
  const name = colon < 0 ? plain : plain.slice(0, colon);
  return { text, end, tag: name.trim().toUpperCase(), value: colon < 0 ? "" : plain.slice(colon + 1).trim() };
}

/** True for a text whose first line that is no comment is #EXTM3U or, where that was forgotten, another tag of HLS. */
export function beginsAsHls(text: string): boolean {
  return /^[\s\ufeff]*(?:#(?!EXT)[^\n]*\n\s*)*#EXT(?:M3U|-X-)/i.test(text);
}
