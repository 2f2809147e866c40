// Sends segments round and round to a group, as the operator does, with the faults that a network adds.
import { Buffer } from "node:buffer";
import type { Socket } from "node:dgram";
import type { GroupAddress } from "./documents.ts";

export interface SentSegment {
  readonly payload: number;
  readonly id: number;
  version: number;
  bytes: Buffer;
}

/** What goes wrong; changed at any time. */
export interface CarouselFaults {
  /** Share of datagrams that are lost, 0 to 1. */
  loss: number;
  /** Datagrams are sent in groups of so many, backwards. */
  reorder: number;
  /** Every checksum is wrong. */
  crc: boolean;
  /** Nothing is sent. */
  silent: boolean;
  /** Each section has a provider id and two words of private header. */
  header: boolean;
  /** Bits 3 to 5 of the first byte are set, which mean nothing. */
  reserved: boolean;
}

export interface Carousel extends GroupAddress {
  readonly segments: SentSegment[];
  readonly faults: CarouselFaults;
  /** Datagrams of one round. */
  readonly round: number;
  stop(): void;
}

/** Bytes of a segment in one section. */
const sectionBytes = 1400;
const tick = 5;
/** Datagrams at once, at most: more than that a receiver in the same process would lose. */
const burst = 30;

/** The datagrams of a segment. */
export function formatSegment(segment: SentSegment, faults: Partial<CarouselFaults> = {}): Buffer[] {
  const { payload, id, version, bytes } = segment;
  const count = Math.max(1, Math.ceil(bytes.length / sectionBytes));
  return Array.from({ length: count }, (_, number) => {
    const isLast = number === count - 1;
    const head = Buffer.alloc(faults.header ? 24 : 12);
    head.writeUInt32BE(bytes.length, 0);
    head[0] = (isLast ? 1 : 0) | (faults.reserved ? 0x38 : 0);
    head[4] = payload;
    head.writeUInt16BE(id, 5);
    head[7] = version;
    head[8] = number >> 4;
    head[9] = ((number & 0x0f) << 4) | ((count - 1) >> 8);
    head[10] = (count - 1) & 0xff;
    if (faults.header) head[11] = 0x12;
    const data = bytes.subarray(number * sectionBytes, (number + 1) * sectionBytes);
    if (!isLast) return Buffer.concat([head, data]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE((checksum(bytes) ^ (faults.crc ? 1 : 0)) >>> 0);
    return Buffer.concat([head, data, crc]);
  });
}

/** @param rate datagrams a second */
export function startCarousel(socket: Socket, group: GroupAddress, segments: SentSegment[], rate: number): Carousel {
  const faults: CarouselFaults = { loss: 0, reorder: 0, crc: false, silent: false, header: false, reserved: false };
  let waiting: Buffer[] = [];
  let next = 0;
  let owed = 0;
  let last = performance.now();
  let seed = 12_345;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const timer = setInterval(() => {
    const now = performance.now();
    owed = Math.min(burst, owed + ((now - last) * rate) / 1000);
    last = now;
    const batch: Buffer[] = [];
    for (; owed >= 1 && segments.length > 0; owed--) {
      // Segment by segment, so that a version may change in the middle of a round.
      if (waiting.length === 0) waiting = formatSegment(segments[next++ % segments.length] as SentSegment, faults);
      batch.push(waiting.shift() as Buffer);
    }
    if (faults.silent) return;
    const size = Math.max(1, faults.reorder);
    for (let at = 0; at < batch.length; at += size)
      for (const datagram of batch.slice(at, at + size).reverse())
        if (random() >= faults.loss) socket.send(datagram, group.port, group.address, () => {});
  }, tick);
  return {
    ...group,
    segments,
    faults,
    get round() {
      return segments.reduce((sum, { bytes }) => sum + Math.max(1, Math.ceil(bytes.length / sectionBytes)), 0);
    },
    stop: () => clearInterval(timer),
  };
}

/** CRC-32 of MPEG-2, bit by bit. */
export function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of bytes)
    for (let bit = 7; bit >= 0; bit--) {
      const carry = (crc >>> 31) ^ ((octet >> bit) & 1);
      crc = (crc << 1) ^ (carry ? 0x04c11db7 : 0);
    }
  return crc >>> 0;
}
