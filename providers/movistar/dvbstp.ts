// DVBSTP (ETSI TS 102 034 §5.4.1): the sections of segments that datagrams carry, and segments put together from them.
import { sectionChecksum } from "../../core/formats/mpegts.ts";

/** A section as a datagram carries it. */
export interface DvbstpSection {
  /** What the segment holds: 1 providers, 2 channels, 5 packages, 6 where the guide is, 0xf1 a service's day. */
  readonly payload: number;
  /** 16 bits. */
  readonly segment: number;
  readonly version: number;
  /** Bytes of the whole segment, without its checksum. */
  readonly total: number;
  /** From 0. */
  readonly number: number;
  readonly last: number;
  /** A view of the datagram. */
  readonly data: Uint8Array;
  /** The segment's CRC-32, which its last section has or has not. */
  readonly crc?: number;
}

/** A segment that is whole. */
export interface DvbstpSegment {
  readonly payload: number;
  readonly segment: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/**
 * Reads a datagram.
 *
 * @returns undefined when it is no section of version 0, is encrypted or compressed, or contradicts itself
 */
export function parseDvbstp(bytes: Uint8Array): DvbstpSection | undefined {
  const flags = byte(bytes, 0);
  const last = byte(bytes, 11);
  const isPlain = flags >> 6 === 0 && (flags & 0x06) === 0 && last >> 5 === 0;
  const start = 12 + (last & 0x10 ? 4 : 0) + (last & 0x0f) * 4;
  const number = (byte(bytes, 8) << 4) | (byte(bytes, 9) >> 4);
  const lastNumber = ((byte(bytes, 9) & 0x0f) << 8) | byte(bytes, 10);
  // The checksum is the segment's: it stands behind its end.
  const hasCrc = (flags & 0x01) !== 0 && number === lastNumber;
  const end = bytes.length - (hasCrc ? 4 : 0);
  const total = (byte(bytes, 1) << 16) | (byte(bytes, 2) << 8) | byte(bytes, 3);
  if (!isPlain || start > end || number > lastNumber || end - start > total) return undefined;
  return {
    payload: byte(bytes, 4),
    segment: (byte(bytes, 5) << 8) | byte(bytes, 6),
    version: byte(bytes, 7),
    total,
    number,
    last: lastNumber,
    data: bytes.subarray(start, end),
    ...(hasCrc ? { crc: readWord(bytes, end) } : {}),
  };
}

/** Puts segments together, whatever order their sections come in and whichever are lost. */
export interface DvbstpAssembler {
  /** `broken`: segments that were put together and did not match their checksum or their size. */
  readonly counts: { readonly broken: number };
  /** Segments that have begun and are not whole. */
  readonly open: number;
  /** Takes a section; gives the segment that is whole with it, once for each version. */
  push(section: DvbstpSection): DvbstpSegment | undefined;
}

interface Draft {
  readonly version: number;
  readonly total: number;
  readonly last: number;
  /** By number: those that never come take no memory. */
  readonly sections: Map<number, Uint8Array>;
  crc: number | undefined;
}

/** Segments that are put together at once, their bytes, and segments whose version is remembered; nobody sends more. */
const mostDrafts = 4096;
const mostBytes = 64 * 2 ** 20;
/** Bytes that a section takes besides its own. */
const sectionCost = 256;
const mostGiven = 65_536;

export function createDvbstpAssembler(): DvbstpAssembler {
  const drafts = new Map<string, Draft>();
  /** The version of each segment that was given. */
  const given = new Map<string, number>();
  const counts = { broken: 0 };
  let bytesHeld = 0;

  function drop(key: string): void {
    for (const section of drafts.get(key)?.sections.values() ?? []) bytesHeld -= section.length + sectionCost;
    drafts.delete(key);
  }

  return {
    counts,
    get open() {
      return drafts.size;
    },
    push({ payload, segment, version, total, number, last, data, crc }) {
      const key = `${payload} ${segment}`;
      if (given.get(key) === version) return undefined;
      let draft = drafts.get(key);
      const isSame = draft?.version === version && draft.total === total && draft.last === last;
      if (!draft || !isSame) {
        drop(key);
        if (drafts.size >= mostDrafts) return undefined;
        // Another version: nothing of the one before belongs to it.
        draft = { version, total, last, sections: new Map(), crc: undefined };
        drafts.set(key, draft);
      }
      if (crc !== undefined) draft.crc = crc;
      if (draft.sections.has(number)) return undefined;
      // A copy: the memory of a datagram may be the receiver's.
      draft.sections.set(number, new Uint8Array(data));
      bytesHeld += data.length + sectionCost;
      if (draft.sections.size <= last) {
        for (const oldest of drafts.keys()) {
          if (bytesHeld <= mostBytes) break;
          drop(oldest);
        }
        return undefined;
      }
      const bytes = join(draft.sections, last);
      drop(key);
      if (bytes.length !== total || (draft.crc !== undefined && sectionChecksum(bytes) !== draft.crc)) {
        counts.broken++;
        return undefined;
      }
      if (given.size < mostGiven || given.has(key)) given.set(key, version);
      return { payload, segment, version, bytes };
    },
  };
}

function join(sections: ReadonlyMap<number, Uint8Array>, last: number): Uint8Array {
  const bytes = new Uint8Array(sections.values().reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let number = 0; number <= last; number++) {
    const section = sections.get(number) ?? new Uint8Array(0);
    bytes.set(section, at);
    at += section.length;
  }
  return bytes;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((byte(bytes, at) << 24) | (byte(bytes, at + 1) << 16) | (byte(bytes, at + 2) << 8) | byte(bytes, at + 3)) >>> 0
  );
}
