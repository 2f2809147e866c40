// Puts NAL units of H.264 and H.265 together to access units: delimiter first, parameters before every key frame.
import type { Frame } from "./frame.ts";

/** What a NAL unit is to an access unit. */
export type UnitRole = "delimiter" | "parameters" | "key" | "picture" | "other";

/** What differs between the codecs. */
export interface VideoCodec {
  /** A delimiter for any kind of picture, without its start code. */
  readonly delimiter: Uint8Array;
  /** Bytes of the header of a NAL unit. */
  readonly header: number;
  role(unit: Uint8Array): UnitRole;
  /** Names a set of parameters, so that a later one takes its place: `<rank>/<id>`; they are sent by rank. */
  parametersId(unit: Uint8Array): string;
  /** Whether a picture that is none by its type can be begun with, given that parameters came with it. */
  isIntra(unit: Uint8Array): boolean;
  /** Whether a coded slice is the first of its picture. */
  isFirstSlice(unit: Uint8Array): boolean;
}

export interface AccessUnits {
  /** Takes a whole NAL unit without a start code: a view is copied only when its access unit is complete. */
  add(unit: Uint8Array, timestamp: number): void;
  /** The last packet of the access unit, as the sender says (the marker, RFC 6184 §5.1, RFC 7798 §4.1). */
  mark(): void;
  /** Packets are missing before one of this time stamp: the access unit that they may be of is left out. */
  gap(timestamp: number): void;
  /** A part of the access unit of this time stamp is missing or unreadable: it is left out. */
  damage(timestamp: number): void;
  take(): Frame[];
  readonly damaged: number;
}

/** Bytes of an access unit beyond which it is none. */
export const mostBytes = 32 * 2 ** 20;
/** Sets of parameters that are kept. */
const mostParameters = 64;

/** @param parameters those of the description, each without a start code */
export function createAccessUnits(codec: VideoCodec, parameters: readonly Uint8Array[]): AccessUnits {
  const sets = new Map<string, Uint8Array>();
  const done: Frame[] = [];
  let units: Uint8Array[] = [];
  let size = 0;
  let timestamp: number | undefined;
  let hasPicture = false;
  let isKey = false;
  let broken = false;
  let damaged = 0;
  /** The time stamp of the last access unit that ended by its marker; a sender whose markers lie is not believed again. */
  let marked: number | undefined;
  let believed = true;
  for (const unit of parameters) keep(unit);

  function keep(unit: Uint8Array): void {
    if (unit.length <= codec.header) return;
    const id = codec.parametersId(unit);
    if (sets.size < mostParameters || sets.has(id)) sets.set(id, new Uint8Array(unit));
  }

  function clear(): void {
    units = [];
    size = 0;
    hasPicture = false;
    isKey = false;
    broken = false;
  }

  function finish(): void {
    if (broken || !hasPicture || timestamp === undefined) {
      if (broken) damaged++;
      clear();
      return;
    }
    const own = units.filter((unit) => codec.role(unit) === "parameters");
    const rest = units.filter((unit) => codec.role(unit) !== "parameters");
    const key = isKey || (own.length > 0 && rest.some((unit) => codec.role(unit) === "picture" && codec.isIntra(unit)));
    for (const unit of own) keep(unit);
    const ahead = key ? sorted(sets) : own;
    done.push({ bytes: joined([codec.delimiter, ...ahead, ...rest]), timestamp, key: key && ahead.length > 0 });
    clear();
  }

  return {
    add(unit, stamp) {
      if (unit.length < codec.header) return;
      const role = codec.role(unit);
      if (timestamp !== undefined && stamp !== timestamp) {
        // Parameters may be sent before their picture with a time stamp of their own.
        if (hasPicture || broken) finish();
      } else if (believed && marked === stamp && (role === "picture" || role === "key") && !hasPicture) {
        believed = codec.isFirstSlice(unit);
      }
      timestamp = stamp;
      if (role === "delimiter") return;
      // The first slice was lost with the packets before.
      if (!hasPicture && (role === "picture" || role === "key") && !codec.isFirstSlice(unit)) broken = true;
      if (hasPicture && (role === "picture" || role === "key") && codec.isFirstSlice(unit)) finish();
      size += unit.length + 4;
      if (size > mostBytes) {
        broken = true;
        units = [];
      }
      if (broken) return;
      units.push(unit);
      if (role === "key") isKey = true;
      if (role === "key" || role === "picture") hasPicture = true;
    },
    mark() {
      if (!believed || (!hasPicture && !broken)) return;
      marked = timestamp;
      finish();
    },
    gap(stamp) {
      if (stamp === timestamp) broken = true;
      else if (hasPicture || broken || units.length > 0) {
        broken = true;
        finish();
      }
    },
    damage(stamp) {
      if (stamp !== timestamp && (hasPicture || broken)) finish();
      timestamp = stamp;
      broken = true;
      units = [];
    },
    take: () => done.splice(0),
    get damaged() {
      return damaged;
    },
  };
}

function sorted(sets: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, unit]) => unit);
}

/** With a start code of four bytes before each (annex B). */
function joined(units: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(units.reduce((sum, unit) => sum + unit.length + 4, 0));
  let at = 0;
  for (const unit of units) {
    bytes[at + 3] = 1;
    bytes.set(unit, at + 4);
    at += unit.length + 4;
  }
  return bytes;
}

/** Reads Exp-Golomb codes (ITU-T H.264 §9.1), from a byte on; emulation prevention is not undone. */
export function readCodes(bytes: Uint8Array, at: number, count: number): number[] {
  let bit = at * 8;
  const end = bytes.length * 8;
  const next = () => {
    const value = ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
    bit++;
    return value;
  };
  return Array.from({ length: count }, () => {
    let zeros = 0;
    while (zeros < 31 && bit < end && next() === 0) zeros++;
    let value = 1;
    for (let left = zeros; left > 0; left--) value = value * 2 + next();
    return bit <= end ? value - 1 : -1;
  });
}
