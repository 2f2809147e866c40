// Bytes in small pieces, with a turn for everything else between them.
import { setImmediate } from "node:timers/promises";

/** What some milliseconds suffice for, on a small machine too. */
const piece = 1 << 15;

/** However much a socket or a file gives at once, no reader of this holds the event loop for long. */
export async function* paced(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += piece) {
      yield chunk.subarray(at, at + piece);
      await setImmediate();
    }
}
