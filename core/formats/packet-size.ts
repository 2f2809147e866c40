// Makes plain packets of transport streams that carry something around each: a time before, or a checksum after.
import type { TransportContent } from "./content.ts";
import { packetLength } from "./mpegts.ts";

/** Takes bytes as they come, cut anywhere, and gives the whole packets among them. */
export type Unwrap = (chunk: Uint8Array) => Uint8Array;

const syncByte = 0x47;

/**
 * Leaves of each unit of 192 or 204 bytes the packet of 188 (ISO/IEC 13818-1 §2.4.3.2). Where the grid of sync bytes
 * breaks it looks for it anew, losing only what cannot be told from garbage.
 *
 * @param content what `recognise()` found; the first chunk begins where the recognised bytes do
 */
export function createUnwrap({ offset, size }: TransportContent): Unwrap {
  let rest: Uint8Array = new Uint8Array(0);
  let skip = offset;
  return (chunk) => {
    const skipped = Math.min(skip, chunk.length);
    skip -= skipped;
    const bytes = joined(rest, chunk.subarray(skipped));
    const packets = new Uint8Array(Math.ceil(bytes.length / size) * packetLength);
    let filled = 0;
    let at = 0;
    // A packet is sure once the next one's sync byte confirms it, or nothing can any more.
    for (; at + size < bytes.length; ) {
      if (bytes[at] !== syncByte || bytes[at + size] !== syncByte) {
        at++;
        continue;
      }
      packets.set(bytes.subarray(at, at + packetLength), filled);
      filled += packetLength;
      at += size;
    }
    rest = bytes.slice(at);
    return packets.subarray(0, filled);
  };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
