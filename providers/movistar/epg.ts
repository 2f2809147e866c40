// A service's day of the guide, as it comes in binary: a header, programmes back to back, and four bytes that say nothing.
import { Buffer } from "node:buffer";
import { unescapeValue } from "../../core/formats/xmltv/index.ts";

/** A programme as it is sent. Times in seconds since the Unix epoch. */
export interface EpgEvent {
  /** Names the recording of it: `extInfoID`, `productID`. */
  readonly pid: number;
  readonly start: number;
  /** Seconds, 0 to 65535. */
  readonly duration: number;
  /** DVB's nibbles: kind and kind of that kind. */
  readonly genre: number;
  /** Place in the operator's table of ages. */
  readonly age: number;
  /** As the operator writes it, with season and episode in it. */
  readonly title: string;
  /** 0: of no series. */
  readonly seriesId: number;
  readonly series: string;
  /** 0: not said. Eight bits, so that of daily programmes it is wrong. */
  readonly episode: number;
  readonly season: number;
  readonly year: number;
}

export interface EpgFile {
  /** The service whose programmes these are; others that replace it have the same. */
  readonly service: number;
  readonly events: readonly EpgEvent[];
  /** Stretches of it that could not be read. */
  readonly faults: number;
}

/** Bytes of a service's day: far more than any has. */
const mostBytes = 2 ** 18;
const headerBytes = 7;
const trailerBytes = 4;
/** Bytes of a programme before its title, its series block without the name, and what follows that. */
const fixedBytes = 32;
const seriesBytes = 13;
const closingBytes = 4;
/** What each byte of a text is hidden with. */
const mask = 0x15;
const seriesMark = 0xf1;
/** 1 January 2000 and 2100: what lies outside is no programme's time. */
const earliest = 946_684_800;
const latest = 4_102_444_800;

/**
 * Reads a segment of payload 0xf1. What lies between two programmes and is none is passed over: every programme that
 * can be read is there.
 *
 * @returns undefined when even the header is cut short, or it is far too long
 */
export function parseEpg(bytes: Uint8Array): EpgFile | undefined {
  const end = bytes.length - trailerBytes;
  if (bytes.length < headerBytes || bytes.length > mostBytes) return undefined;
  const file: Reading = {
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    plain: shown(bytes),
    end,
  };
  const first = headerBytes + file.view.getUint8(6);
  if (first > end) return undefined;
  const events: EpgEvent[] = [];
  let faults = 0;
  let read = parseEvent(file, first);
  for (let at = first; at < end; ) {
    const following = read && read.next < end ? parseEvent(file, read.next) : undefined;
    const leadsOn = read !== undefined && (read.next === end || following !== undefined);
    const resumed = leadsOn ? undefined : findEvent(file, at + 1, read?.next ?? end);
    // One that leads nowhere has a wrong length if another begins within it.
    if (read && resumed === undefined) events.push(read.event);
    else faults++;
    at = resumed ?? read?.next ?? end;
    read = resumed === undefined ? following : parseEvent(file, at);
  }
  return { service: file.view.getUint16(3), events, faults };
}

/** A file that is read: as it is, and with its texts shown. */
interface Reading {
  readonly view: DataView;
  readonly plain: Buffer;
  readonly end: number;
}

/** Where a programme begins, after which another one or the end comes. */
function findEvent(file: Reading, from: number, to: number): number | undefined {
  for (let at = from; at < to; at++) {
    const read = parseEvent(file, at);
    if (read && (read.next === file.end || parseEvent(file, read.next) !== undefined)) return at;
  }
  return undefined;
}

/** A programme that ends before `end`, and where the next one begins. */
function parseEvent({ view, plain, end }: Reading, at: number): { event: EpgEvent; next: number } | undefined {
  if (at + fixedBytes > end) return undefined;
  const pid = view.getUint32(at);
  const start = view.getUint32(at + 4);
  const titleEnd = at + fixedBytes + view.getUint8(at + 31);
  if (pid === 0 || start < earliest || start > latest) return undefined;
  if (titleEnd + seriesBytes + closingBytes > end || view.getUint8(titleEnd) !== seriesMark) return undefined;
  const closing = titleEnd + seriesBytes + view.getUint8(titleEnd + 12);
  if (closing + closingBytes > end) return undefined;
  const next = closing + closingBytes + view.getUint8(closing + 3);
  if (next > end) return undefined;
  const title = readText(plain, at + fixedBytes, titleEnd);
  if (title === "") return undefined;
  return {
    next,
    event: {
      pid,
      start,
      duration: view.getUint16(at + 8),
      genre: view.getUint8(at + 20),
      age: view.getUint8(at + 24),
      title,
      seriesId: view.getUint16(titleEnd + 5),
      episode: view.getUint8(titleEnd + 8),
      year: view.getUint16(titleEnd + 9),
      season: view.getUint8(titleEnd + 11),
      series: readText(plain, titleEnd + seriesBytes, closing),
    },
  };
}

function shown(bytes: Uint8Array): Buffer {
  const plain = Buffer.from(bytes);
  for (let at = 0; at < plain.length; at++) plain[at] = (plain[at] ?? 0) ^ mask;
  return plain;
}

function readText(plain: Buffer, from: number, to: number): string {
  if (from === to) return "";
  const text = plain.toString("utf8", from, to);
  return (text.includes("&") ? unescapeValue(text) : text).trim();
}

const ages = [0, 0, 0, 7, 12, 16, 17, 18];

/** The least age in years for a place in the operator's table; places that it has not are the strictest. */
export function minimumAge(index: number): number {
  return ages[index] ?? 18;
}
