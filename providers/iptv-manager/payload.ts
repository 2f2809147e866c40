// What came from a source, by its first character: an object, M3U or XMLTV, the latter two perhaps as one text of JSON.
import { Buffer } from "node:buffer";

/** A document in one of the forms that both halves know. */
export interface Payload {
  readonly kind: "object" | "m3u" | "xmltv";
  readonly bytes: AsyncIterable<Uint8Array>;
}

const names: Readonly<Record<string, string>> = { "[": "a list", t: "true", f: "false", n: "null" };

/** Looks at the first character; a byte order mark and blanks before it do not count. @throws SyntaxError for anything else */
export async function openPayload(chunks: AsyncIterable<Uint8Array>): Promise<Payload> {
  const { first, bytes } = await lookAhead(chunks);
  if (first === "{") return { kind: "object", bytes };
  if (first !== '"') return nameText(first, bytes);
  const inner = await lookAhead(unwrapText(bytes));
  return nameText(inner.first, inner.bytes);
}

function nameText(first: string, bytes: AsyncIterable<Uint8Array>): Payload {
  if (first === "#") return { kind: "m3u", bytes };
  if (first === "<") return { kind: "xmltv", bytes: wholeGuide(bytes) };
  const found = first === "" ? "nothing" : (names[first] ?? (/[-\d]/.test(first) ? "a number" : "something else"));
  throw new SyntaxError(`expected a JSON object, M3U or XMLTV, got ${found}`);
}

async function lookAhead(chunks: AsyncIterable<Uint8Array>) {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = Buffer.alloc(0);
  let first = "";
  while (first === "") {
    const { done, value } = await iterator.next();
    if (done) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
    if (head.length < 3 && head[0] === 0xef) continue;
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
    const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
    const at = text.findIndex((byte, place) => place >= start && !" \t\r\n".includes(String.fromCharCode(byte)));
    head = head.subarray(at < 0 ? Math.min(start, head.length) : at);
    if (at >= 0) first = String.fromCharCode(text[at] as number);
    else head = Buffer.alloc(0);
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { first, bytes: rest() };
}

/** Far more than any prolog takes, and than what may follow the end. */
const glance = 1 << 17;
const tail = 1 << 10;

/** An XMLTV document as it comes. @throws SyntaxError when it has no `tv`, or does not end with it */
async function* wholeGuide(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head = "";
  let last = "";
  let found = false;
  for await (const chunk of chunks) {
    // UTF-16 reads as well without its zero bytes.
    const plain = (part: Uint8Array) => Buffer.from(part).toString("latin1").replaceAll("\0", "");
    if (!found) {
      head += plain(chunk.subarray(0, glance));
      found = /<tv[\s>/]/.test(head);
      if (!found && head.length >= glance) break;
    }
    last = (last + plain(chunk.subarray(-tail))).slice(-tail);
    yield chunk;
  }
  if (!found)
    throw new SyntaxError(`not XMLTV: ${/<(!doctype )?html/i.test(head) ? "it is a web page" : "it has no <tv>"}`);
  if (!/<\/tv\s*>|<tv[^>]*\/>/.test(last)) throw new SyntaxError("not XMLTV: it ends in the middle");
}

/** The content of a JSON text that is the whole document, as UTF-8, while it comes. @throws SyntaxError */
async function* unwrapText(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let carry = Buffer.alloc(0);
  let opened = false;
  let closed = false;
  for await (const chunk of chunks) {
    let bytes = carry.length === 0 ? Buffer.from(chunk) : Buffer.concat([carry, chunk]);
    if (!opened) bytes = bytes.subarray(1);
    opened = true;
    if (closed) {
      expectBlank(bytes);
      continue;
    }
    const { end, whole } = scanText(bytes);
    closed = whole;
    const text = bytes.toString("utf8", 0, end);
    if (text !== "") yield Buffer.from(parseText(text));
    if (whole) expectBlank(bytes.subarray(end + 1));
    carry = whole ? Buffer.alloc(0) : Buffer.from(bytes.subarray(end));
  }
  if (!closed) throw new SyntaxError("not JSON: the text ends in the middle");
}

/** How far a JSON text goes: to its closing quote, or to the last place where it may be cut. */
function scanText(bytes: Buffer): { readonly end: number; readonly whole: boolean } {
  let at = 0;
  for (;;) {
    const slash = bytes.indexOf(0x5c, at);
    const piece = slash < 0 ? bytes : bytes.subarray(0, slash);
    const quote = piece.indexOf(0x22, at);
    if (quote >= 0) return { end: quote, whole: true };
    if (slash < 0) return { end: characterBoundary(bytes), whole: false };
    if (slash + 12 > bytes.length) {
      // Not sure of a pair of surrogates that is cut: it waits, unless what is here is one whole escape and the end.
      const length = escapeLength(bytes, slash);
      if (length === undefined) return { end: slash, whole: false };
      at = slash + length;
    } else at = slash + (escapeLength(bytes, slash) ?? 2);
  }
}

/** 2, 6, or 12 for a pair of surrogates; undefined when its end is not there yet. */
function escapeLength(bytes: Buffer, at: number): number | undefined {
  if (at + 2 > bytes.length) return undefined;
  if (bytes[at + 1] !== 0x75) return 2;
  if (at + 6 > bytes.length) return undefined;
  if (!/^d[89ab]/i.test(bytes.toString("latin1", at + 2, at + 6))) return 6;
  const next = bytes.toString("latin1", at + 6, at + 8);
  if (!"\\u".startsWith(next)) return 6;
  return at + 12 > bytes.length ? undefined : 12;
}

/** Where the last whole UTF-8 character ends. */
function characterBoundary(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return bytes.length - back;
  }
  return bytes.length;
}

function parseText(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw new SyntaxError("not JSON: the text has something in it that must be escaped, or an escape that is none");
  }
}

function expectBlank(bytes: Uint8Array): void {
  if (/\S/.test(Buffer.from(bytes).toString("latin1"))) throw new SyntaxError("not JSON: something follows the text");
}
