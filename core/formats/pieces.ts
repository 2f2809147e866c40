// Texts to UTF-8 in pieces of even size, for files that are too large to be made in one.
import { Buffer } from "node:buffer";

/** Bytes of a piece, about: little enough that making one takes no time to speak of. */
const size = 1 << 16;

/**
 * Encodes texts one behind the other. All pieces lie in the same memory, which makes no garbage: each holds until the
 * next is asked for.
 *
 * @example for (const piece of encodePieces(lines)) await file.write(piece);
 */
export function* encodePieces(texts: Iterable<string>): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for (const text of texts) {
    // No sign of UTF-16 takes more than three bytes.
    const most = text.length * 3;
    if (filled + most > size) {
      if (filled > 0) yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (most > size) yield Buffer.from(text);
    else filled += buffer.write(text, filled);
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
