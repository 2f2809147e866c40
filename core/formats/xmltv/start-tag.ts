// Reads the attributes of a start tag that matter for a guide, as places in the bytes.
import { Buffer } from "node:buffer";
import { APOS, EQUALS, GT, isSpace, needle, QUOT, SLASH, sameBytes } from "./bytes.ts";

/** Where the values of an element's attributes stand, without their quotes; a start is -1 where there is none. */
export interface Places {
  /** `channel` of a programme, `id` of a channel. */
  idStart: number;
  idEnd: number;
  /** `start` of a programme. */
  fromStart: number;
  fromEnd: number;
  /** `stop` of a programme. */
  toStart: number;
  toEnd: number;
}

/** An element, while it is being told: `bytes[start, end)`, and its places in them. */
export class Found implements Places {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  idStart = -1;
  idEnd = -1;
  /** The times only after `Scanner.readTimes()`. */
  fromStart = -1;
  fromEnd = -1;
  toStart = -1;
  toEnd = -1;
}

/** Reads the attributes that matter. Returns the offset after `>`, or -1 when the tag is not whole before `bound`. */
export function readStartTag(bytes: Buffer, from: number, bound: number, places: Places): number {
  places.idStart = places.fromStart = places.toStart = -1;
  let at = from;
  for (;;) {
    while (at < bound && isSpace(bytes[at] as number)) at++;
    if (at >= bound) return -1;
    if (bytes[at] === GT) return at + 1;
    const name = at;
    let byte = bytes[at];
    while (at < bound && byte !== EQUALS && byte !== GT && byte !== SLASH && !isSpace(byte as number))
      byte = bytes[++at];
    const nameEnd = at;
    while (at < bound && isSpace(bytes[at] as number)) at++;
    if (bytes[at] !== EQUALS) {
      if (at === name) at++;
      continue;
    }
    at++;
    while (at < bound && isSpace(bytes[at] as number)) at++;
    const quote = bytes[at];
    if (quote !== QUOT && quote !== APOS) continue;
    const value = ++at;
    at = bytes.indexOf(quote, at);
    if (at < 0 || at >= bound) return -1;
    attribute(bytes, name, nameEnd, value, at, places);
    at++;
  }
}

function attribute(bytes: Buffer, name: number, nameEnd: number, value: number, end: number, places: Places): void {
  const length = nameEnd - name;
  const first = bytes[name];
  // channel, id, start, stop: told apart by length and letters, which no other attribute of the format shares.
  if ((length === 7 && first === 0x63 && bytes[name + 2] === 0x61) || (length === 2 && first === 0x69)) {
    if (places.idStart < 0) [places.idStart, places.idEnd] = [value, end];
  } else if (first === 0x73 && bytes[name + 1] === 0x74) {
    if (length === 5 && bytes[name + 4] === 0x74 && places.fromStart < 0)
      [places.fromStart, places.fromEnd] = [value, end];
    else if (length === 4 && bytes[name + 3] === 0x70 && places.toStart < 0)
      [places.toStart, places.toEnd] = [value, end];
  }
}

export const ID_PREFIX = needle('channel="');
const START_PREFIX = needle(' start="');
const STOP_PREFIX = needle(' stop="');
/** Where a time stands that comes first. */
const FIRST = '<programme start="'.length;
const SPACE = 32;

/** Does an attribute's value stand at `start`, after these bytes, with nothing in it but digits, spaces and signs? */
function standsAt(bytes: Buffer, prefix: Buffer, start: number, length: number): boolean {
  if (bytes[start + length] !== QUOT || !sameBytes(bytes, start - prefix.length, prefix, 0, prefix.length))
    return false;
  for (let at = start; at < start + length; at++) {
    const byte = bytes[at] as number;
    if (byte > 57 || byte === QUOT) return false;
  }
  return true;
}

/** Programmes come in runs of one channel whose tags look alike: the id of one is often all that must be compared. */
export class Run {
  /** The last programme's `channel="…"`, and how far behind the element's start it stood. */
  id: Buffer = needle("");
  offset = 0;
  /** Where its times stood, and how long they were; 0 when there were none. */
  #from = 0;
  #fromLength = 0;
  #to = 0;
  #toLength = 0;

  /** Keeps what was just read; true when the id is the same as the one before. */
  remember(bytes: Buffer, at: number, places: Places): boolean {
    const { idStart, idEnd } = places;
    const start = idStart - ID_PREFIX.length;
    // Only the name and its sign: the quote may be of either kind.
    const usual = idStart > 0 && sameBytes(bytes, start, ID_PREFIX, 0, ID_PREFIX.length - 1);
    const length = idEnd + 1 - start;
    const same = usual && length === this.id.length && sameBytes(bytes, start, this.id, 0, length);
    this.offset = start - at;
    if (!same) this.id = usual ? Buffer.from(bytes.subarray(start, idEnd + 1)) : needle("");
    this.rememberTimes(at, places);
    return same;
  }

  /** Keeps where the times just read stood. */
  rememberTimes(at: number, { fromStart, fromEnd, toStart, toEnd }: Places): void {
    this.#from = fromStart - at;
    this.#fromLength = fromStart < 0 ? 0 : fromEnd - fromStart;
    this.#to = toStart - at;
    this.#toLength = toStart < 0 ? 0 : toEnd - toStart;
  }

  /** Does the same id stand at the same place of this programme? */
  repeats(bytes: Buffer, at: number): boolean {
    const { id } = this;
    const start = at + this.offset;
    for (let i = 0; i < id.length; i++) if (bytes[start + i] !== id[i]) return false;
    return isSpace(bytes[start - 1] as number);
  }

  /** Is this tag start, stop and another id, at the same places, and nothing else? The id is then kept. */
  begins(bytes: Buffer, at: number, bound: number): boolean {
    const start = at + this.offset;
    const usual =
      this.#from === FIRST &&
      this.#to === FIRST + this.#fromLength + 1 + STOP_PREFIX.length &&
      this.offset === this.#to + this.#toLength + 2;
    if (!usual || this.id.length === 0 || bytes[start - 1] !== SPACE) return false;
    if (!sameBytes(bytes, start, ID_PREFIX, 0, ID_PREFIX.length) || !this.#timesStand(bytes, at)) return false;
    const end = bytes.indexOf(QUOT, start + ID_PREFIX.length);
    if (end < 0 || end >= bound || bytes[end + 1] !== GT) return false;
    this.id = Buffer.from(bytes.subarray(start, end + 1));
    return true;
  }

  /** Do both times stand at the same places of this programme, between quotes and without one inside? Then they are filled in. */
  repeatsTimes(bytes: Buffer, at: number, places: Places): boolean {
    if (!this.#timesStand(bytes, at)) return false;
    places.fromStart = at + this.#from;
    places.fromEnd = places.fromStart + this.#fromLength;
    places.toStart = at + this.#to;
    places.toEnd = places.toStart + this.#toLength;
    return true;
  }

  #timesStand(bytes: Buffer, at: number): boolean {
    return (
      this.#fromLength > 0 &&
      this.#toLength > 0 &&
      standsAt(bytes, START_PREFIX, at + this.#from, this.#fromLength) &&
      standsAt(bytes, STOP_PREFIX, at + this.#to, this.#toLength)
    );
  }
}
