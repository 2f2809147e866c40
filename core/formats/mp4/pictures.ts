// Access units of H.264 and H.265 as samples of MP4 (ISO/IEC 14496-15 §5.2.3, §8.2.2): lengths instead of start codes.
import { formatAvcEntry, parseAvcParameters } from "./avc.ts";
import { formatHevcEntry, parseHevcParameters } from "./hevc.ts";

/** What the header of a file must say of pictures. */
export interface PictureEntry {
  readonly entry: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface PictureReader {
  /**
   * A sample of an access unit in the byte stream format (annex B). Undefined: there is no picture in it.
   * @param key whether a decoder may begin with it: parameter sets that come with it hold from here on
   */
  read(unit: Uint8Array, key: boolean): Uint8Array | undefined;
  /** By the parameter sets of the last key picture; another object when they changed. Undefined: they were not all there. */
  readonly entry: PictureEntry | undefined;
}

type Role = "picture" | "set" | "none" | "other";

interface Codec {
  role(unit: Uint8Array): Role;
  /** Its place among the sets: a later one of the same place takes it. */
  place(unit: Uint8Array): string;
  format(sets: ReadonlyMap<string, Uint8Array>): PictureEntry | undefined;
}

/** NAL unit types of ITU-T H.264 table 7-1. */
const avc: Codec = {
  role(unit) {
    const type = (unit[0] ?? 0) & 0x1f;
    if (type >= 1 && type <= 5) return "picture";
    if (type === 7 || type === 8 || type === 13) return "set";
    // Delimiters, ends and filling are not for samples (14496-15 §5.2.3); 0 and 24 to 31 are none of H.264's.
    return type === 0 || (type >= 9 && type <= 12) || type >= 24 ? "none" : "other";
  },
  place: (unit) => `${(unit[0] ?? 0) & 0x1f}/${codeAt(unit, ((unit[0] ?? 0) & 0x1f) === 7 ? 4 : 1)}`,
  format(sets) {
    const of = (type: number) => [...sets].filter(([place]) => place.startsWith(`${type}/`)).map(([, unit]) => unit);
    const [sequence, picture] = [of(7), of(8)];
    const parameters = sequence[0] && parseAvcParameters(sequence[0]);
    if (!parameters || picture.length === 0) return undefined;
    const { width, height } = parameters;
    return { entry: formatAvcEntry(parameters, sequence.slice(0, 31), picture, of(13)), width, height };
  },
};

/** NAL unit types of ITU-T H.265 table 7-1. */
const hevc: Codec = {
  role(unit) {
    const type = ((unit[0] ?? 0) >> 1) & 0x3f;
    if (type < 32) return "picture";
    if (type <= 34) return "set";
    return type <= 38 || type >= 48 ? "none" : "other";
  },
  place(unit) {
    const type = ((unit[0] ?? 0) >> 1) & 0x3f;
    return `${type}/${type === 34 ? codeAt(unit, 2) : type === 32 ? (unit[2] ?? 0) >> 4 : 0}`;
  },
  format(sets) {
    const of = (type: number) => [...sets].filter(([place]) => place.startsWith(`${type}/`)).map(([, unit]) => unit);
    const [video, sequence, picture] = [of(32), of(33), of(34)];
    const parameters = sequence[0] && parseHevcParameters(sequence[0]);
    if (!parameters || video.length === 0 || picture.length === 0) return undefined;
    const { width, height } = parameters;
    return { entry: formatHevcEntry(parameters, video, sequence, picture), width, height };
  },
};

/** By stream_type (ISO/IEC 13818-1 table 2-34). */
const codecs: Readonly<Record<number, Codec>> = { 27: avc, 36: hevc };
/** Sets that are kept, and bytes of one: its length has two bytes. */
const mostSets = 64;
const longestSet = 0xffff;

/** True of the stream_types that `createPictureReader()` knows. */
export const isPictureType = (type: number): boolean => type in codecs;

/** @param type a stream_type: 0x1b H.264, 0x24 H.265; of others there are no samples */
export function createPictureReader(type: number): PictureReader {
  const codec = codecs[type];
  const sets = new Map<string, Uint8Array>();
  let changed = false;
  let entry: PictureEntry | undefined;

  /** True when the set is in effect already, so that no sample needs it. */
  function keep(unit: Uint8Array, key: boolean): boolean {
    const place = codec?.place(unit) ?? "";
    const known = sets.get(place);
    if (known && isSame(known, unit)) return !changed || key;
    if (unit.length > longestSet || (!known && sets.size >= mostSets)) return false;
    sets.set(place, new Uint8Array(unit));
    changed = true;
    return key;
  }

  return {
    read(bytes, key) {
      if (!codec) return undefined;
      const kept: Uint8Array[] = [];
      let hasPicture = false;
      for (const unit of unitsOf(bytes)) {
        const role = codec.role(unit);
        if (role === "picture") hasPicture = true;
        if (role === "none" || (role === "set" && keep(unit, key))) continue;
        kept.push(unit);
      }
      if (key && changed) {
        const next = codec.format(sets);
        if (next && !(entry && isSame(entry.entry, next.entry))) entry = next;
        changed = next === undefined;
      }
      return hasPicture ? withLengths(kept) : undefined;
    },
    get entry() {
      return entry;
    },
  };
}

/** NAL units between start codes (annex B), without the zeros behind them. */
export function unitsOf(bytes: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let start = -1;
  const end = bytes.length;
  const add = (to: number) => {
    let last = to;
    while (last > start && bytes[last - 1] === 0) last--;
    if (start >= 0 && last > start) units.push(bytes.subarray(start, last));
  };
  for (let at = 0; at + 2 < end; ) {
    const third = bytes[at + 2] ?? 0;
    if (third > 1) at += 3;
    else if (third === 1 && bytes[at] === 0 && bytes[at + 1] === 0) {
      add(at);
      start = at + 3;
      at += 3;
    } else at++;
  }
  add(end);
  return units;
}

function withLengths(units: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(units.reduce((sum, unit) => sum + 4 + unit.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const unit of units) {
    view.setUint32(at, unit.length);
    bytes.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return bytes;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** The Exp-Golomb code at a byte: the number of a set; short enough to need no unescaping. */
function codeAt(unit: Uint8Array, at: number): number {
  const word = ((unit[at] ?? 0) << 16) | ((unit[at + 1] ?? 0) << 8) | (unit[at + 2] ?? 0);
  const zeros = Math.clz32(word) - 8;
  return zeros > 11 ? -1 : (word >> (23 - 2 * zeros)) - 1;
}
