// Bytes in small pieces, with a turn for everything else between them.
import { setImmediate } from "node:timers/promises";

/** What some milliseconds suffice for, on a small machine too. */
const piece = 1 << 14;
/** What they suffice for while the runtime has not compiled yet what reads it; and by how much more from piece to piece. */
const first = 1 << 10;
const more = 1 << 8;

/** However much a socket or a file gives at once, no reader of this holds the event loop for long. */
export async function* paced(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = first;
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; ) {
      const next = at + size;
      yield chunk.subarray(at, next);
      await setImmediate();
      at = next;
      size = Math.min(piece, size + more);
    }
}
