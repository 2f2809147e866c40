// Takes a connection's bytes as they come and gives messages and interleaved frames (RFC 2326 §4, §10.12).
import { Buffer } from "node:buffer";
import { lengthOf, parseHead, type RtspFrame, type RtspMessage } from "./message.ts";

/** What lies in a connection; after a fault nothing more comes. */
export type RtspItem = RtspMessage | RtspFrame | { readonly kind: "fault"; readonly reason: string };

export interface RtspParser {
  /** Takes bytes, and gives what they complete; frames may be views of them, all else is not. */
  push(bytes: Uint8Array): RtspItem[];
  /** Bytes that were neither message nor frame, and were skipped. */
  readonly skipped: number;
}

/** Most bytes of the lines before a body. */
const maxHead = 16 * 1024;
/** Most bytes of a body. */
const maxBody = 1024 * 1024;
/** Most bytes that are skipped in all. */
const maxSkipped = 64 * 1024;

const dollar = 0x24;

/** Reads one direction of a connection. Bounded: at most a head, a body and one chunk are kept. */
export function createRtspParser(): RtspParser {
  const pieces: Uint8Array[] = [];
  let kept = 0;
  /** Nothing can be complete before there are so many bytes. */
  let need = 1;
  let skipped = 0;
  let over = false;

  return {
    get skipped() {
      return skipped;
    },
    push(bytes) {
      const items: RtspItem[] = [];
      if (over || bytes.length === 0) return items;
      kept += bytes.length;
      if (kept < need) {
        pieces.push(new Uint8Array(bytes));
        return items;
      }
      const all = pieces.length === 0 ? bytes : Buffer.concat([...pieces, bytes], kept);
      let at = 0;
      need = 1;
      while (at < all.length) {
        // Nearly all that comes is frames.
        if (all[at] === dollar && at + 4 <= all.length) {
          const end = at + 4 + (((all[at + 2] ?? 0) << 8) | (all[at + 3] ?? 0));
          if (end <= all.length) {
            items.push({ kind: "frame", channel: all[at + 1] ?? 0, payload: all.subarray(at + 4, end) });
            at = end;
            continue;
          }
        }
        const found = readItem(all, at);
        skipped += found.skipped;
        at += found.skipped;
        if (skipped > maxSkipped) found.item = fault("what it sends is not RTSP");
        if (found.item) items.push(found.item);
        if (found.item?.kind === "fault") {
          over = true;
          at = all.length;
        }
        at += found.length;
        if (!found.item && all.length - at < found.need) {
          need = found.need;
          break;
        }
      }
      const rest = all.subarray(at);
      pieces.length = 0;
      if (rest.length > 0) pieces.push(new Uint8Array(rest));
      kept = rest.length;
      return items;
    },
  };
}

interface Found {
  item?: RtspItem;
  /** Bytes before it that belong to nothing. */
  readonly skipped: number;
  /** Bytes it takes. */
  readonly length: number;
  /** Without an item: bytes that there must be, after those skipped. */
  readonly need: number;
}

/** The item that begins at `at`, after line breaks and whatever else no item begins with. */
function readItem(all: Uint8Array, at: number): Found {
  let start = at;
  while (start < all.length && !canBegin(all[start] ?? 0)) start++;
  const skipped = start - at;
  const first = all[start];
  if (first === undefined) return { skipped, length: 0, need: 1 };
  if (first === dollar) {
    if (all.length - start < 4) return { skipped, length: 0, need: 4 };
    const length = 4 + (((all[start + 2] ?? 0) << 8) | (all[start + 3] ?? 0));
    if (all.length - start < length) return { skipped, length: 0, need: length };
    const payload = all.subarray(start + 4, start + length);
    return { item: { kind: "frame", channel: all[start + 1] ?? 0, payload }, skipped, length, need: 0 };
  }
  const end = headEnd(all, start);
  if (end === undefined) {
    if (all.length - start > maxHead) return { item: fault("its headers do not end"), skipped, length: 0, need: 0 };
    return { skipped, length: 0, need: all.length - start + 1 };
  }
  const head = parseHead(Buffer.from(all.buffer, all.byteOffset + start, end - start).toString());
  // Letters that begin no message are skipped to the end of what looked like its head.
  if (!head) return { skipped: end - at, length: 0, need: 1 };
  const body = lengthOf(head.headers);
  if (!(body <= maxBody)) return { item: fault("its body has no size that can be"), skipped, length: 0, need: 0 };
  const length = end - start + body;
  if (all.length - start < length) return { skipped, length: 0, need: length };
  return { item: { ...head, body: new Uint8Array(all.subarray(end, start + length)) }, skipped, length, need: 0 };
}

/** Where the empty line that ends a head ends. */
function headEnd(all: Uint8Array, start: number): number | undefined {
  const limit = Math.min(all.length, start + maxHead);
  for (let at = all.indexOf(0x0a, start); at >= 0 && at < limit; at = all.indexOf(0x0a, at + 1)) {
    const next = all[at + 1] === 0x0d ? at + 2 : at + 1;
    if (next < limit && all[next] === 0x0a) return next + 1;
  }
  return undefined;
}

/** A frame begins with `$`, a message with a letter. */
function canBegin(octet: number): boolean {
  const letter = octet & 0xdf;
  return octet === dollar || (letter >= 0x41 && letter <= 0x5a);
}

function fault(reason: string): RtspItem {
  return { kind: "fault", reason };
}
