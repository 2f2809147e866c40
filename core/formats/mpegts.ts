// MPEG-2 transport stream (ISO/IEC 13818-1, ITU-T H.222.0): packets, tables, clock references and time stamps, in place.
//
// Functions take a buffer and `at`, the offset of a packet in it, so that nothing is allocated per packet. They never
// throw on hostile bytes: what cannot be there is absent.
import { kindOfStream, type StreamKind } from "./stream-kind.ts";

/** Bytes of a transport packet (§2.4.3.2). */
export const packetLength = 188;
/** Ticks per second of time stamps (§2.4.3.7) and of the base of clock references (§2.4.3.5). */
export const ticksPerSecond = 90_000;
/** Ticks per second of whole clock references (§2.4.2.1). */
export const clockRate = 27_000_000;
/** Time stamps count modulo this (33 bits, §2.4.3.7). */
export const stampWrap = 2 ** 33;
/** Whole clock references count modulo this (§2.4.3.5). */
export const clockWrap = stampWrap * 300;

const syncByte = 0x47;

/**
 * The offset of the first packet at or after `from`: a sync byte that two further packets, or the end, confirm
 * (§2.4.3.3).
 *
 * @example findSync(new Uint8Array(188).fill(0x47, 0, 1)) // 0
 */
export function findSync(bytes: Uint8Array, from = 0): number | undefined {
  for (let at = from; at + packetLength <= bytes.length; at++) {
    const confirmed = [0, 1, 2].every((ahead) => {
      const next = at + ahead * packetLength;
      return next >= bytes.length || bytes[next] === syncByte;
    });
    if (confirmed) return at;
  }
  return undefined;
}

/** The packet's PID: which of the multiplexed streams it carries (13 bits, §2.4.3.3). */
export function pidOf(bytes: Uint8Array, at: number): number {
  return ((byte(bytes, at + 1) & 0x1f) << 8) | byte(bytes, at + 2);
}

/** True when a PES packet or a table section begins in this packet (payload_unit_start_indicator, §2.4.3.3). */
export function startsUnit(bytes: Uint8Array, at: number): boolean {
  return (byte(bytes, at + 1) & 0x40) !== 0;
}

/** The continuity counter, 0 to 15; it steps with every packet of its PID that has a payload (§2.4.3.3). */
export function counterOf(bytes: Uint8Array, at: number): number {
  return byte(bytes, at + 3) & 0x0f;
}

/** Writes the continuity counter, modulo 16. */
export function writeCounter(bytes: Uint8Array, at: number, counter: number): void {
  bytes[at + 3] = (byte(bytes, at + 3) & 0xf0) | (counter & 0x0f);
}

/** The offset of the packet's payload, or `undefined` when it has none (adaptation_field_control, §2.4.3.3). */
export function payloadAt(bytes: Uint8Array, at: number): number | undefined {
  const control = byte(bytes, at + 3) & 0x30;
  if (control === 0x10) return at + 4;
  const start = at + 5 + byte(bytes, at + 4);
  return control === 0x30 && start < at + packetLength ? start : undefined;
}

/** True when a decoder may start here: a key frame, with its parameters (random_access_indicator, §2.4.3.5). */
export function isRandomAccess(bytes: Uint8Array, at: number): boolean {
  return (adaptationFlags(bytes, at) & 0x40) !== 0;
}

/** The program clock reference in ticks of 27 MHz, if the packet has one (§2.4.3.5). */
export function readPcr(bytes: Uint8Array, at: number): number | undefined {
  if (!hasPcr(bytes, at)) return undefined;
  const high = word(bytes, at + 6) * 2 ** 16 + word(bytes, at + 8);
  const last = byte(bytes, at + 10);
  return (high * 2 + (last >> 7)) * 300 + ((last & 1) << 8) + byte(bytes, at + 11);
}

/** Writes a clock reference, modulo `clockWrap`, into a packet that already has one; others stay as they are. */
export function writePcr(bytes: Uint8Array, at: number, clock: number): void {
  if (!hasPcr(bytes, at)) return;
  const whole = clock % clockWrap;
  const base = Math.floor(whole / 300);
  const extension = whole % 300;
  const high = Math.floor(base / 2);
  const reserved = 0x7e;
  bytes.set(
    [high >>> 24, high >>> 16, high >>> 8, high, ((base % 2) << 7) | reserved | (extension >> 8), extension],
    at + 6,
  );
}

/** Time stamps of a PES packet in ticks of 90 kHz (§2.4.3.7); without `dts` decoding and presentation coincide. */
export interface Stamps {
  readonly pts: number;
  readonly dts?: number;
}

/** The time stamps of the PES packet that begins in this packet, if it has any (§2.4.3.7). */
export function readStamps(bytes: Uint8Array, at: number): Stamps | undefined {
  const start = stampsAt(bytes, at);
  if (start === undefined) return undefined;
  const pts = readStamp(bytes, start);
  return hasDts(bytes, start) ? { pts, dts: readStamp(bytes, start + 5) } : { pts };
}

/** Writes time stamps, modulo `stampWrap`, where the PES packet already has them; it never makes room. */
export function writeStamps(bytes: Uint8Array, at: number, stamps: Stamps): void {
  const start = stampsAt(bytes, at);
  if (start === undefined) return;
  writeStamp(bytes, start, stamps.pts);
  if (hasDts(bytes, start)) writeStamp(bytes, start + 5, stamps.dts ?? stamps.pts);
}

/** The program association table: PID of the map of each programme number (§2.4.4.4); network entries are left out. */
export function parsePat(bytes: Uint8Array, at: number): ReadonlyMap<number, number> | undefined {
  const section = sectionOf(bytes, at);
  return section && parsePatSection(section);
}

/** The same of a whole section, however many packets it came in (§2.4.4.4). */
export function parsePatSection(section: Uint8Array): ReadonlyMap<number, number> | undefined {
  if (!isSection(section, 0x00)) return undefined;
  const maps = new Map<number, number>();
  for (let entry = 8; entry + 4 <= section.length - 4; entry += 4) {
    const programme = word(section, entry);
    if (programme !== 0) maps.set(programme, word(section, entry + 2) & 0x1fff);
  }
  return maps;
}

/** What a programme consists of (§2.4.4.9). */
export interface ProgrammeMap {
  /** The PID whose packets carry the programme's clock. */
  readonly pcrPid: number;
  /** Elementary streams in order. */
  readonly streams: readonly ProgrammeStream[];
}

/** An elementary stream of a programme. */
export interface ProgrammeStream {
  readonly pid: number;
  /** A stream_type of table 2-34, such as 0x1b for H.264. */
  readonly type: number;
  /** By its type, or for private data (0x06) by its descriptors. */
  readonly kind: StreamKind;
}

/** The program map table of a packet, when it is whole in it (§2.4.4.9). */
export function parsePmt(bytes: Uint8Array, at: number): ProgrammeMap | undefined {
  const section = sectionOf(bytes, at);
  return section && parsePmtSection(section);
}

/** The same of a whole section, however many packets it came in (§2.4.4.9). */
export function parsePmtSection(section: Uint8Array): ProgrammeMap | undefined {
  if (!isSection(section, 0x02) || section.length < 16) return undefined;
  const streams: ProgrammeStream[] = [];
  const end = section.length - 4;
  let entry = 12 + (word(section, 10) & 0x0fff);
  while (entry + 5 <= end) {
    const next = entry + 5 + (word(section, entry + 3) & 0x0fff);
    const type = byte(section, entry);
    const descriptors = section.subarray(entry + 5, Math.min(next, end));
    streams.push({ pid: word(section, entry + 1) & 0x1fff, type, kind: kindOfStream(type, descriptors) });
    entry = next;
  }
  return { pcrPid: word(section, 8) & 0x1fff, streams };
}

/** The section that begins in this packet, when it is whole in it (§2.4.4.3, §2.4.4.11). */
function sectionOf(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const payload = startsUnit(bytes, at) ? payloadAt(bytes, at) : undefined;
  if (payload === undefined) return undefined;
  const start = payload + 1 + byte(bytes, payload);
  const end = start + 3 + (word(bytes, start + 1) & 0x0fff);
  return end > Math.min(at + packetLength, bytes.length) ? undefined : bytes.subarray(start, end);
}

/** True for a section of a table with what every section has, and a right checksum (§2.4.4.11). */
function isSection(section: Uint8Array, table: number): boolean {
  return section.length >= 12 && byte(section, 0) === table && sectionChecksum(section) === 0;
}

/** The CRC-32 of a section: begun with ones, nothing inverted; zero when the section ends with its own (annex A). */
export function sectionChecksum(section: Uint8Array): number {
  let crc = -1;
  // By index: an iterator costs ten times as much, and guides come in megabytes.
  for (let at = 0; at < section.length; at++)
    crc = (crc << 8) ^ (checksums[((crc >>> 24) ^ byte(section, at)) & 0xff] ?? 0);
  return crc >>> 0;
}

/** What each first byte makes of the checksum. */
const checksums = Int32Array.from({ length: 256 }, (_, first) => {
  let crc = first << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** The flags of the adaptation field, zero without one (§2.4.3.4). */
function adaptationFlags(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at + 3) & 0x20) !== 0 && byte(bytes, at + 4) > 0 ? byte(bytes, at + 5) : 0;
}

function hasPcr(bytes: Uint8Array, at: number): boolean {
  return (adaptationFlags(bytes, at) & 0x10) !== 0 && byte(bytes, at + 4) >= 7 && at + 12 <= bytes.length;
}

/** Where the PTS of the PES packet that begins here lies (§2.4.3.6). */
function stampsAt(bytes: Uint8Array, at: number): number | undefined {
  const pes = startsUnit(bytes, at) ? payloadAt(bytes, at) : undefined;
  if (pes === undefined || word(bytes, pes) !== 0 || byte(bytes, pes + 2) !== 1) return undefined;
  // The streams whose packets have a header with flags say so by '10' before them; padding and maps do not.
  if (headerless.has(byte(bytes, pes + 3)) || (byte(bytes, pes + 6) & 0xc0) !== 0x80) return undefined;
  const flags = byte(bytes, pes + 7) >> 6;
  const size = flags === 3 ? 10 : flags === 2 ? 5 : 0;
  const fits = byte(bytes, pes + 8) >= size && pes + 9 + size <= Math.min(at + packetLength, bytes.length);
  return size > 0 && fits ? pes + 9 : undefined;
}

/** Stream ids whose PES packets have no optional header (§2.4.3.7). */
const headerless: ReadonlySet<number> = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff]);

/** PTS_DTS_flags lie two bytes before the PTS. */
function hasDts(bytes: Uint8Array, stamp: number): boolean {
  return byte(bytes, stamp - 2) >> 6 === 3;
}

function readStamp(bytes: Uint8Array, at: number): number {
  const high = (byte(bytes, at) >> 1) & 0x07;
  return high * 2 ** 30 + (word(bytes, at + 1) >> 1) * 2 ** 15 + (word(bytes, at + 3) >> 1);
}

/** The four bits before a stamp tell PTS from DTS, and stay. */
function writeStamp(bytes: Uint8Array, at: number, stamp: number): void {
  const ticks = stamp % stampWrap;
  const middle = Math.floor(ticks / 2 ** 15) & 0x7fff;
  const low = ticks & 0x7fff;
  const first = (byte(bytes, at) & 0xf0) | (Math.floor(ticks / 2 ** 30) << 1) | 1;
  bytes.set([first, middle >> 7, (middle << 1) | 1, low >> 7, (low << 1) | 1], at);
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1);
}
