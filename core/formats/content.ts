// Tells what an upstream gives by its first bytes: names and types of media addresses are often wrong, bytes are not.
import { isHls } from "./hls.ts";
import { packetLength } from "./mpegts.ts";

/** What the first bytes are. */
export type Content =
  | TransportContent
  /** A playlist of HLS, DASH, or a list of addresses; its text goes on. */
  | { readonly kind: "hls" | "dash" | "list" }
  /** HTML, or text that is nothing to watch. */
  | { readonly kind: "page" | "text" }
  /** Another container, or a bare codec. `seeks`: it can only be read by whoever can jump in it. */
  | { readonly kind: "media"; readonly name: string; readonly seeks?: boolean }
  | { readonly kind: "unknown" };

/** A transport stream: where its first sync byte is, and how far apart they are. */
export interface TransportContent {
  readonly kind: "ts";
  readonly offset: number;
  /** 188; 192 with a time before each packet (Blu-ray, IEC 62481-2), 204 with a checksum after it (ITU-T J.83). */
  readonly size: PacketSize;
}

export type PacketSize = 188 | 192 | 204;

/** Bytes after which nothing new is learnt; garbage before a stream may be that long. */
export const sniffLimit = 65_536;

/** Packets in a row that make a transport stream: by chance that happens once in 10^12 offsets. */
const confirming = 5;
const sizes: readonly PacketSize[] = [packetLength, 192, 204];

/**
 * What bytes are the beginning of.
 *
 * @param whole true when no more will come, or no more are wanted: then the answer is never undefined
 * @returns undefined when more bytes are needed to be sure
 * @example recognise(new TextEncoder().encode("#EXTM3U\n#EXT-X-TARGETDURATION:6\n"), true).kind // "hls"
 */
export function recognise(bytes: Uint8Array, whole: true): Content;
export function recognise(bytes: Uint8Array, whole: boolean): Content | undefined;
export function recognise(bytes: Uint8Array, whole: boolean): Content | undefined {
  const enough = whole || bytes.length >= sniffLimit;
  const packets = findPackets(bytes, enough);
  if (packets) return packets;
  const container = magicOf(bytes);
  if (container) return container;
  if (isText(bytes)) return bytes.length >= 4_096 || enough ? textual(bytes) : undefined;
  return enough ? { kind: "unknown" } : undefined;
}

/**
 * The grid of sync bytes (ISO/IEC 13818-1 §2.4.3.3). When all is there, as few as are there are enough, at its start; but
 * the G of a short text is no sync byte.
 */
function findPackets(bytes: Uint8Array, whole: boolean): TransportContent | undefined {
  const few = whole && !isText(bytes);
  for (let offset = 0; offset < bytes.length && offset < sniffLimit; offset++) {
    if (bytes[offset] !== 0x47) continue;
    for (const size of sizes) {
      const there = Math.floor((bytes.length - offset - 1) / size) + 1;
      const wanted = few && offset < size ? Math.min(there, confirming) : confirming;
      if (there < wanted || offset + packetLength > bytes.length) continue;
      if (wanted === 1 && size !== packetLength) continue;
      let count = 1;
      while (count < wanted && bytes[offset + count * size] === 0x47) count++;
      if (count === wanted) return { kind: "ts", offset, size };
    }
  }
  return undefined;
}

const magics: readonly (readonly [name: string, at: number, magic: string])[] = [
  ["flv", 0, "FLV\x01"],
  ["matroska", 0, "\x1a\x45\xdf\xa3"],
  ["ogg", 0, "OggS"],
  ["flac", 0, "fLaC"],
  ["mp3", 0, "ID3"],
  ["asf", 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"],
  ["mpeg program stream", 0, "\x00\x00\x01\xba"],
  ["wav", 8, "WAVE"],
  ["avi", 8, "AVI "],
  ["ac3", 0, "\x0b\x77"],
];

/** Boxes with which an ISO base media file, or a fragment of one, begins (ISO/IEC 14496-12 §4.2). */
const boxes = /^(?:ftyp|styp|moov|moof|sidx|mdat|free|skip|wide|emsg|prft|pdin)$/;

function magicOf(bytes: Uint8Array): Content | undefined {
  if (boxes.test(latin(bytes, 4, 8))) return boxed(bytes);
  for (const [name, at, magic] of magics)
    if (latin(bytes, at, at + magic.length) === magic) return { kind: "media", name };
  // Pictures one after the other, as cameras send them by HTTP (RFC 2046 §5.1).
  if (/^(?:\r\n)?--[^\r\n]{1,70}\r\n(?:[\w-]+:[^\r\n]*\r\n)*content-type:\s*image\/jpe?g/i.test(latin(bytes, 0, 512)))
    return { kind: "media", name: "mjpeg" };
  // MPEG audio and ADTS: eleven or twelve set bits, and a layer and rates that exist (ISO/IEC 11172-3 §2.4.1.3).
  const [first = 0, second = 0, third = 0] = bytes;
  if (first !== 0xff) return undefined;
  if ((second & 0xf6) === 0xf0) return { kind: "media", name: "aac" };
  if ((second & 0xe0) === 0xe0 && (second & 0x06) !== 0 && (third & 0xf0) !== 0xf0 && (third & 0x0c) !== 0x0c)
    return { kind: "media", name: "mp3" };
  return undefined;
}

/** Sample data before what describes it (`moov`, or the fragments' `moof`) cannot be understood as it comes. */
function boxed(bytes: Uint8Array): Content {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = latin(bytes, at + 4, at + 8);
    if (type === "moov" || type === "moof") break;
    if (type === "mdat") return { kind: "media", name: "mp4", seeks: true };
    const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
    if (length < 8) break;
    at += length;
  }
  return { kind: "media", name: "mp4" };
}

function textual(bytes: Uint8Array): Content {
  const text = new TextDecoder().decode(bytes.subarray(0, sniffLimit)).replace(/^[\s\ufeff]+/, "");
  if (isHls(text)) return { kind: "hls" };
  if (/^#EXTM3U|^\[playlist\]|^[a-z][a-z0-9+.-]*:\/\/\S+\s*(?:$|[\r\n])/i.test(text)) return { kind: "list" };
  if (/^<(?:\?xml|!--|MPD\b)/i.test(text) && /<MPD[\s>]/.test(text)) return { kind: "dash" };
  if (
    /^<(?:!doctype\s+html|html|head|body|script|meta|title|div|center|h1|p\b)/i.test(text) ||
    /<html[\s>]/i.test(text)
  )
    return { kind: "page" };
  return { kind: "text" };
}

/** True for UTF-8, or an encoding that shares ASCII's letters: no control characters but white space. */
function isText(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, 1_024);
  if (start.length === 0 || start.some((octet) => octet < 0x20 && !spaces.has(octet))) return false;
  if (start.reduce((high, octet) => high + (octet >> 7), 0) < start.length / 4) return true;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Tab, the ends of lines and pages, and the escape of Japanese encodings. */
const spaces: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);

function latin(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** Where a list of addresses leads: its entries, in order, as they are written. For M3U without HLS, PLS, and bare lines. */
export function readAddressList(text: string): string[] {
  const lines = text
    .replace(/^\ufeff/, "")
    .split(/[\r\n]+/)
    .map((line) => line.trim());
  if (/^\[playlist\]/i.test(lines[0] ?? ""))
    return lines.flatMap((line) => /^File\d*\s*=\s*(\S.*)$/i.exec(line)?.[1] ?? []);
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
