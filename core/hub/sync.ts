// Where packets of a transport stream begin in bytes that may begin anywhere.
import { packetLength } from "../formats/mpegts.ts";

/** The first sync byte from `at` on that two more confirm; not found: where one may be that nothing confirms yet. */
export function syncFrom(bytes: Uint8Array, from: number): { readonly at: number; readonly found: boolean } {
  const last = bytes.length - 2 * packetLength;
  for (let at = from; at < last; at++)
    if (bytes[at] === 0x47 && bytes[at + packetLength] === 0x47 && bytes[at + 2 * packetLength] === 0x47)
      return { at, found: true };
  return { at: Math.max(from, last), found: false };
}
