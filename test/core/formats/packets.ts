// Transport packets made by hand: tables of any length, PES packets with the bytes that a test wants in them.
import { packetLength } from "../../../core/formats/mpegts.ts";

export interface PacketOptions {
  readonly counter?: number;
  /** Adaptation field after its length: flags, and what they promise. */
  readonly field?: readonly number[];
  readonly starts?: boolean;
  readonly scrambled?: boolean;
}

/** One packet; a payload that is too short is preceded by stuffing. Without a payload: an adaptation field alone. */
export function packet(pid: number, payload: ArrayLike<number> | undefined, o: PacketOptions = {}): Uint8Array {
  const bytes = new Uint8Array(packetLength).fill(0xff);
  const room = packetLength - 4 - (payload?.length ?? 0);
  const hasField = room > 0;
  const start = (o.starts ?? true) ? 0x40 : 0;
  bytes.set([0x47, start | (pid >> 8), pid & 0xff]);
  bytes[3] = (o.scrambled ? 0x80 : 0) | (hasField ? 0x20 : 0) | (payload ? 0x10 : 0) | ((o.counter ?? 0) & 15);
  if (hasField) bytes[4] = room - 1;
  if (room > 1) bytes.set(o.field ?? [0], 5);
  if (payload) bytes.set(Array.from(payload), packetLength - payload.length);
  return bytes;
}

/** A PES packet's header with a PTS, and what follows it. */
export function pes(body: readonly number[], pts = 0, id = 0xe0): number[] {
  const ticks = BigInt(pts);
  const part = (shift: bigint, mask: bigint) => Number((ticks >> shift) & mask);
  return [
    ...[0, 0, 1, id, 0, 0, 0x80, 0x80, 5],
    ...[0x21 | (part(30n, 7n) << 1), part(22n, 0xffn), (part(15n, 0x7fn) << 1) | 1, part(7n, 0xffn)],
    ...[(part(0n, 0x7fn) << 1) | 1, ...body],
  ];
}

/** A program association section. */
export function pat(maps: Readonly<Record<number, number>>): Uint8Array {
  return section(
    0,
    1,
    0,
    Object.entries(maps).flatMap(([number, pid]) => [...word(Number(number)), ...word(0xe000 | pid)]),
  );
}

/** A program map section. */
export function pmt(
  number: number,
  pcrPid: number,
  streams: readonly { readonly pid: number; readonly type: number; readonly descriptors?: readonly number[] }[],
  version = 0,
): Uint8Array {
  const entries = streams.flatMap(({ pid, type, descriptors = [] }) => [
    ...[type, ...word(0xe000 | pid), ...word(0xf000 | descriptors.length), ...descriptors],
  ]);
  return section(2, number, version, [...word(0xe000 | pcrPid), ...word(0xf000), ...entries]);
}

/** A section in as many packets as it needs. */
export function packetsOf(pid: number, bytes: Uint8Array, counter = 0): Uint8Array {
  const whole = [0, ...bytes];
  const packets: number[] = [];
  for (let at = 0, index = 0; at < whole.length; at += packetLength - 4, index++) {
    const part = whole.slice(at, at + packetLength - 4);
    while (part.length < packetLength - 4) part.push(0xff);
    packets.push(...packet(pid, part, { starts: index === 0, counter: counter + index }));
  }
  return Uint8Array.from(packets);
}

function section(table: number, id: number, version: number, body: readonly number[]): Uint8Array {
  const head = [table, ...word(0xb000 | (body.length + 9)), ...word(id), 0xc1 | (version << 1), 0, 0];
  const bytes = [...head, ...body];
  let crc = 0xffffffff;
  for (const byte of bytes)
    for (let bit = 7; bit >= 0; bit--) {
      const carry = (crc >>> 31) ^ ((byte >> bit) & 1);
      crc = (crc << 1) ^ (carry ? 0x04c11db7 : 0);
    }
  return Uint8Array.from([...bytes, crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255]);
}

function word(value: number): [number, number] {
  return [(value >> 8) & 255, value & 255];
}
