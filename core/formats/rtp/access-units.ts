// Puts NAL units of H.264 and H.265 together to access units: delimiter first, parameters before every key frame.
import type { Frame } from "./frame.ts";
import { createPile } from "./pile.ts";

/** What a NAL unit is to an access unit. */
export type UnitRole = "delimiter" | "parameters" | "key" | "picture" | "other";

/** What differs between the codecs. */
export interface VideoCodec {
  /** A delimiter for any kind of picture, without its start code. */
  readonly delimiter: Uint8Array;
  /** Bytes of the header of a NAL unit. */
  readonly header: number;
  /** @param unit begins with the header of a NAL unit */
  role(unit: Uint8Array): UnitRole;
  /** Names a set of parameters, so that a later one takes its place: `<rank>/<id>`; they are sent by rank. */
  parametersId(unit: Uint8Array): string;
  /** Whether a picture that is none by its type can be begun with, given that parameters came with it. */
  isIntra(unit: Uint8Array): boolean;
  /** Whether a coded slice is the first of its picture. @param unit its header; @param next the byte after that */
  isFirstSlice(unit: Uint8Array, next: number): boolean;
}

export interface AccessUnits {
  /** Takes a whole NAL unit without a start code. */
  add(unit: Uint8Array, timestamp: number): void;
  /** Begins a NAL unit that comes in pieces. @param header of the unit; @param bytes what follows it, not empty */
  open(header: Uint8Array, bytes: Uint8Array, timestamp: number): void;
  extend(bytes: Uint8Array): void;
  close(): void;
  /** A NAL unit has begun, and not ended. */
  readonly isOpen: boolean;
  /** The last packet of the access unit, as the sender says (the marker, RFC 6184 §5.1, RFC 7798 §4.1). */
  mark(): void;
  /** Packets are missing before one of this time stamp: the access unit that they may be of is left out. */
  gap(timestamp: number): void;
  /** A part of the access unit of this time stamp is missing or unreadable: it is left out. */
  damage(timestamp: number): void;
  take(): readonly Frame[];
  readonly damaged: number;
}

/** Bytes of an access unit beyond which it is none. */
const mostBytes = 32 * 2 ** 20;
/** Sets of parameters that are kept. */
const mostParameters = 64;
/** Bytes that are reserved for access units at once, and before each for its delimiter and parameters. */
const block = 256 * 1024;
const headroom = 512;

const startCode = Uint8Array.of(0, 0, 0, 1);
const none: readonly Frame[] = [];

export interface VideoOptions {
  /** Parameters of the description, each without a start code. */
  readonly parameters?: readonly Uint8Array[];
  /** Frames are good until the next packet is pushed only: their memory is used again. */
  readonly transient?: boolean;
}

export function createAccessUnits(
  codec: VideoCodec,
  { parameters = [], transient = false }: VideoOptions,
): AccessUnits {
  const sets = new Map<string, Uint8Array>();
  /** All but delimiter and parameters, with a start code of four bytes before each (annex B). */
  const pile = createPile(block, headroom);
  /** Sets of parameters of the access unit under way, and their bytes. */
  let own: Uint8Array[] = [];
  let ownBytes = 0;
  let done: Frame[] = [];
  let timestamp: number | undefined;
  let hasPicture = false;
  let isKey = false;
  let broken = false;
  let damaged = 0;
  /** Of the unit under way: where it begins, and its role; undefined when there is none. */
  let unitAt = 0;
  let role: UnitRole | undefined;
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
    pile.cut(0);
    own = [];
    ownBytes = 0;
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
    for (const unit of own) keep(unit);
    const ahead = isKey ? sorted(sets) : own;
    const bytes = pile.take([codec.delimiter, ...ahead].flatMap((unit) => [startCode, unit]));
    done.push({ bytes, timestamp, key: isKey && ahead.length > 0 });
    clear();
  }

  /** A unit that is not whole is none. */
  function abandon(): void {
    if (role === undefined) return;
    role = undefined;
    pile.cut(unitAt);
    broken = true;
  }

  function begin(header: Uint8Array, next: number, stamp: number): void {
    const is = codec.role(header);
    const pictured = is === "picture" || is === "key";
    const isFirst = pictured && codec.isFirstSlice(header, next);
    if (timestamp !== undefined && stamp !== timestamp) {
      // Parameters may be sent before their picture with a time stamp of their own.
      if (hasPicture || broken) finish();
    } else if (believed && marked === stamp && pictured && !hasPicture) {
      believed = isFirst;
    }
    timestamp = stamp;
    // The first slice was lost with the packets before.
    if (!hasPicture && pictured && !isFirst) broken = true;
    if (hasPicture && isFirst) finish();
    if (transient && done.length === 0) pile.rewind();
    role = is;
    unitAt = pile.length;
    pile.append(startCode);
  }

  function extend(bytes: Uint8Array): void {
    if (broken) return;
    pile.append(bytes);
    if (ownBytes + pile.length <= mostBytes) return;
    broken = true;
    own = [];
    pile.cut(0);
  }

  function close(): void {
    const is = role;
    role = undefined;
    if (is === undefined) return;
    if (is === "parameters" && !broken) {
      own.push(new Uint8Array(pile.view(unitAt + startCode.length)));
      ownBytes += pile.length - unitAt;
    }
    if (is === "delimiter" || is === "parameters" || broken) {
      pile.cut(unitAt);
      return;
    }
    if (is === "key" || is === "picture") hasPicture = true;
    if (is === "key" || (is === "picture" && own.length > 0 && codec.isIntra(pile.view(unitAt + startCode.length))))
      isKey = true;
  }

  return {
    add(unit, stamp) {
      if (unit.length < codec.header) return;
      begin(unit, unit[codec.header] ?? 0, stamp);
      extend(unit);
      close();
    },
    open(header, bytes, stamp) {
      begin(header, bytes[0] ?? 0, stamp);
      extend(header);
      extend(bytes);
    },
    extend,
    close,
    get isOpen() {
      return role !== undefined;
    },
    mark() {
      if (!believed || role !== undefined || (!hasPicture && !broken)) return;
      marked = timestamp;
      finish();
    },
    gap(stamp) {
      abandon();
      if (stamp === timestamp) broken = true;
      else if (hasPicture || broken || own.length > 0 || pile.length > 0) {
        broken = true;
        finish();
      }
    },
    damage(stamp) {
      abandon();
      if (stamp !== timestamp && (hasPicture || broken)) finish();
      timestamp = stamp;
      broken = true;
      pile.cut(0);
    },
    take() {
      if (done.length === 0) return none;
      const frames = done;
      done = [];
      return frames;
    },
    get damaged() {
      return damaged;
    },
  };
}

function sorted(sets: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, unit]) => unit);
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
