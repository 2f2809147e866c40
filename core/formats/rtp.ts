// RTP (RFC 3550): the header of a packet, and whether a datagram is one or holds a transport stream as it is.
//
// Nothing here throws on hostile bytes: what cannot be a packet is `undefined`.
import { packetLength } from "./mpegts.ts";

export { createReorder, type Reorder, type ReorderCounts, type ReorderOptions } from "./rtp/reorder.ts";

/** The payload type of MPEG-2 transport streams (RFC 3551 §6, table 5). */
export const transportStreamPayload = 33;

/** A packet (§5.1). Its parts are views of the datagram. */
export interface RtpPacket {
  /** What it marks depends on the payload; with video, the last packet of a frame. */
  readonly marker: boolean;
  /** 0 to 127. */
  readonly payloadType: number;
  /** 16 bits; steps by one with every packet. */
  readonly sequence: number;
  /** 32 bits, in ticks of the payload's clock. */
  readonly timestamp: number;
  /** 32 bits: who sends. */
  readonly ssrc: number;
  /** At most 15 contributing sources, of 32 bits each. */
  readonly csrcs: readonly number[];
  /** The header extension (§5.3.1): its 16-bit profile word and whole 32-bit words of data. */
  readonly extension?: RtpExtension;
  readonly payload: Uint8Array;
  /** How many bytes of padding follow the payload, the count itself included; 0 to 255. */
  readonly padding: number;
}

export interface RtpExtension {
  readonly profile: number;
  readonly data: Uint8Array;
}

const none: readonly number[] = [];

/**
 * Reads a datagram as an RTP packet (§5.1).
 *
 * @returns undefined when it is of another version, cut short, or padded with more than it has
 */
export function parseRtp(bytes: Uint8Array): RtpPacket | undefined {
  const first = bytes[0] ?? 0;
  const length = bytes.length;
  if (length < 12 || first >> 6 !== 2) return undefined;
  const second = byte(bytes, 1);
  let at = 12 + (first & 0x0f) * 4;
  let extension: RtpExtension | undefined;
  if (first & 0x10) {
    if (at + 4 > length) return undefined;
    const end = at + 4 + word(bytes, at + 2) * 4;
    if (end > length) return undefined;
    extension = { profile: word(bytes, at), data: bytes.subarray(at + 4, end) };
    at = end;
  }
  const padding = first & 0x20 ? byte(bytes, length - 1) : 0;
  if (at + padding > length || (first & 0x20 && padding === 0)) return undefined;
  const packet: RtpPacket = {
    marker: second >= 0x80,
    payloadType: second & 0x7f,
    sequence: word(bytes, 2),
    timestamp: long(bytes, 4),
    ssrc: long(bytes, 8),
    csrcs: first & 0x0f ? Array.from({ length: first & 0x0f }, (_, index) => long(bytes, 12 + index * 4)) : none,
    payload: bytes.subarray(at, length - padding),
    padding,
  };
  return extension ? { ...packet, extension } : packet;
}

/**
 * Writes a packet (§5.1). Numbers are taken modulo their width; sources past the fifteenth and a part of a word at the
 * end of the extension are left out.
 */
export function formatRtp(packet: RtpPacket): Uint8Array {
  const { csrcs, extension, payload } = packet;
  const sources = Math.min(csrcs.length, 15);
  const words = Math.min((extension?.data.length ?? 0) >> 2, 0xffff);
  const padding = packet.padding & 0xff;
  const start = 12 + sources * 4 + (extension ? 4 + words * 4 : 0);
  const bytes = new Uint8Array(start + payload.length + padding);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80 | (padding > 0 ? 0x20 : 0) | (extension ? 0x10 : 0) | sources);
  view.setUint8(1, (packet.marker ? 0x80 : 0) | (packet.payloadType & 0x7f));
  view.setUint16(2, packet.sequence);
  view.setUint32(4, packet.timestamp);
  view.setUint32(8, packet.ssrc);
  for (let index = 0; index < sources; index++) view.setUint32(12 + index * 4, csrcs[index] ?? 0);
  if (extension) {
    view.setUint16(12 + sources * 4, extension.profile);
    view.setUint16(14 + sources * 4, words);
    bytes.set(extension.data.subarray(0, words * 4), 16 + sources * 4);
  }
  bytes.set(payload, start);
  if (padding > 0) view.setUint8(bytes.length - 1, padding);
  return bytes;
}

/**
 * True for a datagram of whole transport packets: 0x47 at every 188th byte. No RTP packet is one: its first byte has the
 * version in its upper bits.
 */
export function isTransportDatagram(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length % packetLength !== 0) return false;
  for (let at = 0; at < bytes.length; at += packetLength) if (bytes[at] !== 0x47) return false;
  return true;
}

/** True for RTCP that came where RTP is expected: its packet types lie where no payload type may (RFC 5761 §4). */
export function isRtcp(bytes: Uint8Array): boolean {
  const type = byte(bytes, 1);
  return bytes.length >= 4 && byte(bytes, 0) >> 6 === 2 && type >= 192 && type <= 223;
}

/** True when a compound RTCP packet has a BYE in it (§6.6): the sender is done. */
export function hasBye(bytes: Uint8Array): boolean {
  for (let at = 0; isRtcp(bytes.subarray(at)); at += 4 + word(bytes, at + 2) * 4)
    if (byte(bytes, at + 1) === 203) return true;
  return false;
}

/** A receiver report without blocks (§6.4.2): tells the sender no more than that somebody is there. */
export function formatReceiverReport(ssrc: number): Uint8Array {
  const bytes = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(4, ssrc);
  return bytes;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) << 8) | byte(bytes, at + 1);
}

function long(bytes: Uint8Array, at: number): number {
  return word(bytes, at) * 0x10000 + word(bytes, at + 2);
}
