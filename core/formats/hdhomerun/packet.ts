// One packet of HDHomeRun's port 65001 (libhdhomerun's hdhomerun_pkt.h): a type, a length, tagged values and a CRC.

/** What a packet is. */
export const packetTypes = { discoverRequest: 2, discoverReply: 3, getSetRequest: 4, getSetReply: 5 } as const;

/** What a value is. */
export const packetTags = {
  deviceType: 0x01,
  deviceId: 0x02,
  name: 0x03,
  value: 0x04,
  error: 0x05,
  tunerCount: 0x10,
  lockKey: 0x15,
  lineupUrl: 0x27,
  baseUrl: 0x2a,
  multiType: 0x2d,
} as const;

/** Most bytes of the values of a packet. */
export const longestPayload = 1452;
/** Type and length before the values, and the CRC after them. */
const frameBytes = 8;
/** Most bytes of a packet. */
export const longestPacket = longestPayload + frameBytes;

/** A tagged value; the memory may be the packet's. */
export interface PacketValue {
  readonly tag: number;
  readonly value: Uint8Array;
}

export interface Packet {
  readonly type: number;
  readonly values: readonly PacketValue[];
}

/**
 * Reads the packet that a stream begins with: undefined while more bytes are needed.
 *
 * @throws RangeError when the length, the CRC or a value's length is wrong: what follows cannot be read, either
 */
export function readPacket(bytes: Uint8Array): { readonly packet: Packet; readonly length: number } | undefined {
  const view = viewOf(bytes);
  if (bytes.length < 4) return undefined;
  const payload = view.getUint16(2);
  if (payload > longestPayload) throw new RangeError(`a packet of ${payload} bytes is longer than ${longestPayload}`);
  const length = payload + frameBytes;
  if (bytes.length < length) return undefined;
  const end = length - 4;
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) throw new RangeError("the CRC is wrong");
  const values: PacketValue[] = [];
  for (let at = 4; at < end; ) {
    const tag = bytes[at++] ?? 0;
    const first = bytes[at++] ?? 0;
    const size = first < 0x80 ? first : (first & 0x7f) | ((bytes[at++] ?? 0) << 7);
    // Where the length itself is cut off, `at` has passed the end.
    if (at + size > end) throw new RangeError(`the value of tag ${tag} is longer than its packet`);
    values.push({ tag, value: bytes.subarray(at, at + size) });
    at += size;
  }
  return { packet: { type: view.getUint16(0), values }, length };
}

/**
 * Reads a datagram, which is one packet and nothing else; undefined for anything else.
 *
 * @example parsePacket(Buffer.from("00020006010400000001393077e7", "hex"))?.type; // 2
 */
export function parsePacket(datagram: Uint8Array): Packet | undefined {
  try {
    const read = readPacket(datagram);
    return read?.length === datagram.length ? read.packet : undefined;
  } catch {
    return undefined;
  }
}

/** @throws RangeError when the values are more than fit */
export function formatPacket({ type, values }: Packet): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { tag, value } of values) {
    const { length } = value;
    parts.push(Uint8Array.from(length < 0x80 ? [tag, length] : [tag, (length & 0x7f) | 0x80, length >> 7]), value);
  }
  const payload = parts.reduce((sum, part) => sum + part.length, 0);
  if (payload > longestPayload) throw new RangeError(`${payload} bytes do not fit into a packet`);
  const bytes = new Uint8Array(payload + frameBytes);
  const view = viewOf(bytes);
  view.setUint16(0, type);
  view.setUint16(2, payload);
  let at = 4;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)), true);
  return bytes;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** That of Ethernet and zip (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Numbers are big-endian. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
