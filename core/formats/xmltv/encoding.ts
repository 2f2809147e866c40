// Turns an XMLTV document of any encoding into UTF-8, in a stream.
import { Buffer, isAscii, isUtf8 } from "node:buffer";

/** Enough of a document to hold its XML declaration. */
const HEAD = 1024;
/** How much is looked at, from the first byte beyond ASCII on, to see whether a declared 8-bit encoding is really UTF-8. */
const LOOK = 64 * 1024;

/** The encoding that a document's first bytes show or declare, as a label of the Encoding standard. */
export function detectEncoding(head: Uint8Array): { label: string; bom: number } {
  const [a, b, c, d] = head;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { label: "utf-8", bom: 3 };
  if (a === 0xff && b === 0xfe) return { label: "utf-16le", bom: 2 };
  if (a === 0xfe && b === 0xff) return { label: "utf-16be", bom: 2 };
  // XML 1.0 appendix F: `<` in sixteen bits.
  if (a === 0x3c && b === 0 && d === 0) return { label: "utf-16le", bom: 0 };
  if (a === 0 && b === 0x3c && c === 0) return { label: "utf-16be", bom: 0 };
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  const declared = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']+)["']/.exec(text)?.[1] ?? "utf-8";
  // What declares sixteen bits in eight-bit letters is not written in them.
  return { label: /^utf-?16/i.test(declared) ? "utf-8" : declared.toLowerCase(), bom: 0 };
}

function decoderFor(label: string): TextDecoder | undefined {
  try {
    const decoder = new TextDecoder(label);
    return decoder.encoding === "utf-8" ? undefined : decoder;
  } catch {
    return undefined;
  }
}

/**
 * The document in UTF-8, without byte order mark. UTF-8 passes as it is, chunk by chunk, whether or not it is valid.
 *
 * A declared 8-bit encoding whose bytes are valid UTF-8 where they first leave ASCII is read as UTF-8; an encoding nobody
 * knows likewise.
 */
export async function* toUtf8(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    let head = Buffer.alloc(0);
    let ended = false;
    const read = async (enough: number) => {
      while (!ended && head.length < enough) {
        const { done, value } = await iterator.next();
        if (done) ended = true;
        else head = head.length === 0 ? Buffer.from(value) : Buffer.concat([head, value]);
      }
    };
    await read(HEAD);
    const { label, bom } = detectEncoding(head.subarray(0, HEAD));
    const decoder = decoderFor(label);
    head = head.subarray(bom);
    if (decoder && !label.startsWith("utf-16")) {
      // ASCII is the same in all of them: as long as there is nothing else, nothing is decided.
      while (isAscii(head)) {
        if (head.length > 0) yield head;
        if (ended) return;
        head = Buffer.alloc(0);
        await read(1);
      }
      const first = head.findIndex((byte) => byte >= 0x80);
      await read(first + LOOK);
      if (isUtf8(wholeCharacters(head.subarray(first, first + LOOK)))) {
        yield head;
        head = Buffer.alloc(0);
        while (!ended) {
          await read(1);
          if (head.length > 0) yield head;
          head = Buffer.alloc(0);
        }
        return;
      }
    }
    if (head.length > 0) yield decoder ? Buffer.from(decoder.decode(head, { stream: true })) : head;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) break;
      yield decoder ? Buffer.from(decoder.decode(value, { stream: true })) : value;
    }
    const rest = decoder?.decode();
    if (rest) yield Buffer.from(rest);
  } finally {
    await iterator.return?.();
  }
}

/** Without the last character when it is cut. */
export function wholeCharacters(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      end = bytes.length - back;
      break;
    }
  }
  return bytes.subarray(0, end);
}
