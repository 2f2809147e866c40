// Puts sections of tables together from transport packets, one after another, however many packets each is in.
import { counterOf, packetLength, payloadAt, startsUnit } from "./mpegts.ts";

/** Bytes of the longest section of the tables of programmes (ISO/IEC 13818-1 §2.4.4.4, §2.4.4.9). */
const longest = 1024;

/** Reads the sections of one PID. */
export interface SectionReader {
  /** Takes a packet of the PID. True when sections are complete; a packet that comes again alike has none. */
  read(bytes: Uint8Array, at: number): boolean;
  /** The next complete section, until there is none; its checksum is not looked at. */
  take(): Section | undefined;
}

export interface Section {
  readonly bytes: Uint8Array;
  /** Copies of the packets as they were. The counter of a packet that comes again alike is kept up to date in them. */
  readonly packets: readonly Uint8Array[];
}

/** Remembers one section of at most 1024 bytes, and the packets it is in. */
export function createSectionReader(): SectionReader {
  const buffer = new Uint8Array(longest + packetLength);
  let length = 0;
  let packets: Uint8Array[] = [];
  let collecting = false;
  let counter = -1;
  /** A packet in which all sections began and ended, to know it again. */
  let whole: Uint8Array | undefined;
  const complete: Section[] = [];

  function append(bytes: Uint8Array, from: number, to: number): void {
    if (length + to - from > buffer.length) collecting = false;
    else {
      buffer.set(bytes.subarray(from, to), length);
      length += to - from;
    }
  }

  /** Takes what is complete out of the buffer. */
  function harvest(): void {
    let start = 0;
    while (collecting) {
      // Stuffing reaches to the end of the packet (§2.4.4).
      if (start >= length || buffer[start] === 0xff) {
        collecting = false;
        break;
      }
      const end = start + 3 + ((((buffer[start + 1] ?? 0) & 0x0f) << 8) | (buffer[start + 2] ?? 0));
      if (start + 3 > length || end > length) break;
      complete.push({ bytes: buffer.slice(start, end), packets });
      start = end;
    }
    buffer.copyWithin(0, start, length);
    length -= start;
  }

  return {
    read(bytes, at) {
      const end = Math.min(at + packetLength, bytes.length);
      if (whole && isAlike(whole, bytes, at)) {
        whole[3] = bytes[at + 3] ?? 0;
        return false;
      }
      const payload = payloadAt(bytes, at);
      if (payload === undefined) return false;
      const before = counter;
      counter = counterOf(bytes, at);
      // A packet may be sent twice (§2.4.3.3).
      if (!startsUnit(bytes, at) && counter === before) return false;
      // Not slice(), which of a Buffer copies nothing.
      const copy = new Uint8Array(bytes.subarray(at, end));
      complete.length = 0;
      whole = undefined;
      if (!startsUnit(bytes, at)) {
        if (!collecting) return false;
        packets.push(copy);
        append(bytes, payload, end);
        harvest();
        return complete.length > 0;
      }
      const start = Math.min(end, payload + 1 + (bytes[payload] ?? 0));
      if (collecting) {
        packets.push(copy);
        append(bytes, payload + 1, start);
        harvest();
      }
      const first = complete.length === 0;
      packets = [copy];
      length = 0;
      collecting = true;
      append(bytes, start, end);
      harvest();
      if (first && !collecting) whole = copy;
      return complete.length > 0;
    },
    take: () => complete.shift(),
  };
}

/** Whether two packets are the same but for their counters. */
function isAlike(packet: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < packetLength; index++)
    if (
      packet[index] !== bytes[at + index] &&
      (index !== 3 || (((packet[3] ?? 0) ^ (bytes[at + 3] ?? 0)) & 0xf0) !== 0)
    )
      return false;
  return true;
}
