// Bytes to lines: any chunk boundaries, any line ends, any of the encodings met; memory stays flat.
import { Buffer } from "node:buffer";

/** A line longer than this many bytes is no line of a playlist: it is skipped, without being held. */
export const longestLine = 1 << 20;

/** Bytes taken in one piece: bounds what happens between two chances for the consumer to pause. */
const blockSize = 1 << 16;

const LF = 10;
const CR = 13;

/**
 * Cuts a byte stream into blocks of whole lines, some 64 KiB of them at a time; each holds until the next is asked for.
 * The lines do not depend on how the bytes are cut into chunks.
 *
 * A byte order mark decides first (UTF-8, UTF-16). Else `encoding`, when given, is believed. Else the document is UTF-8,
 * and a line that is not valid UTF-8 is read as windows-1252.
 *
 * @param onLongLine called for every line over `longestLine` bytes
 * @throws RangeError when `encoding` is not known to the runtime's TextDecoder (WHATWG Encoding §4.2)
 */
export async function* readBlocks(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  onLongLine: () => void,
): AsyncGenerator<Buffer> {
  // The rest of the last line, whose end has not come yet.
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let skipping = false;
  for await (const chunk of toUtf8(bytes, encoding)) {
    for (let offset = 0; offset < chunk.length; offset += blockSize) {
      const block = chunk.subarray(offset, offset + blockSize);
      const end = lastLineEnd(block) + 1;
      let start = 0;
      if (end > 0 && (skipping || heldBytes > 0)) {
        const first = firstLineEnd(block);
        if (!skipping && heldBytes + first <= longestLine) {
          yield Buffer.concat([...held, block.subarray(0, first + 1)]);
        } else if (!skipping) onLongLine();
        start = first + 1;
        held = [];
        heldBytes = 0;
        skipping = false;
      }
      if (start < end) yield Buffer.from(block.buffer, block.byteOffset + start, end - start);
      start = Math.max(start, end);
      if (start === block.length || skipping) continue;
      // A copy: the source may use its buffer again.
      held.push(new Uint8Array(block.subarray(start)));
      heldBytes += block.length - start;
      if (heldBytes > longestLine) {
        onLongLine();
        skipping = true;
        held = [];
        heldBytes = 0;
      }
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

/** Where the first line ends, or the block's length. */
function firstLineEnd(block: Uint8Array): number {
  let at = 0;
  while (at < block.length && block[at] !== LF && block[at] !== CR) at++;
  return at;
}

/** Where the last line end is, or -1. */
function lastLineEnd(block: Uint8Array): number {
  let at = block.length - 1;
  while (at >= 0 && block[at] !== LF && block[at] !== CR) at--;
  return at;
}

/**
 * A line of a block, without its line feed: LF, CRLF and CR end lines, so that a carriage return in it makes several of
 * it. Each is a text of its own: one that is kept does not keep its neighbours, and most are one byte a sign.
 */
export function decodeLine(block: Buffer, from: number, to: number): string[] {
  let line = block.toString("utf8", from, to);
  // What stands for bytes that are not UTF-8, unless it was written there.
  if (line.includes("\ufffd")) line = decodeLines(block.subarray(from, to));
  return line.includes("\r") ? line.split("\r") : [line];
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const windows1252 = new TextDecoder("windows-1252");

function decodeLines(block: Uint8Array): string {
  let text = "";
  for (let start = 0; start < block.length; ) {
    const rest = block.subarray(start);
    const line = rest.subarray(0, firstLineEnd(rest) + 1);
    text += decodeUtf8(line) ?? windows1252.decode(line);
    start += line.length;
  }
  return text;
}

/** Undefined when the bytes are not UTF-8: decoding is the quickest way to find out. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The same text in UTF-8; chunks of a document that is UTF-8 already pass untouched. */
async function* toUtf8(bytes: AsyncIterable<Uint8Array>, encoding: string | undefined): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let decoder = encoding === undefined ? undefined : decoderFor(encoding);
  let head: Uint8Array | undefined = new Uint8Array(0);
  for await (const chunk of bytes) {
    let piece = chunk;
    if (head) {
      piece = head.length > 0 ? Buffer.concat([head, chunk]) : chunk;
      if (piece.length < 2) {
        head = new Uint8Array(piece);
        continue;
      }
      head = undefined;
      if (piece[0] === 0xff && piece[1] === 0xfe) decoder = decoderFor("utf-16le");
      else if (piece[0] === 0xfe && piece[1] === 0xff) decoder = decoderFor("utf-16be");
      else if (piece[0] === 0xef && piece[1] === 0xbb) decoder = undefined;
    }
    if (!decoder) yield piece;
    // A large chunk of an 8-bit encoding is converted piece by piece, so that none holds the loop long.
    else
      for (let at = 0; at < piece.length; at += blockSize) {
        yield encoder.encode(decoder.decode(piece.subarray(at, at + blockSize), { stream: true }));
      }
  }
  if (head && head.length > 0) yield decoder ? encoder.encode(decoder.decode(head, { stream: true })) : head;
  if (decoder) yield encoder.encode(decoder.decode());
}

function decoderFor(encoding: string): TextDecoder | undefined {
  const decoder = new TextDecoder(encoding);
  return decoder.encoding === "utf-8" ? undefined : decoder;
}
