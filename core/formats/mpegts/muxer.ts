// Makes a transport stream of pictures and sound (ISO/IEC 13818-1): tables, PES packets, clock references.
import { packetLength, sectionChecksum, stampWrap, ticksPerSecond } from "../mpegts.ts";

/** A stream of the programme. */
export interface MuxedStream {
  /** A stream_type of table 2-34: 0x1b H.264, 0x24 H.265, 0x0f AAC in ADTS. */
  readonly type: number;
  readonly kind: "video" | "audio";
}

/** A frame for one of the streams; times in ticks of 90 kHz. */
export interface MuxedFrame {
  readonly bytes: Uint8Array;
  readonly pts: number;
  /** Absent: as `pts`. */
  readonly dts?: number;
  /** A decoder may begin here. */
  readonly key?: boolean;
}

export interface Muxer {
  /**
   * Whole packets with a frame of the stream of that place. Those of one call mostly follow those of the call before in
   * memory, which is never written again. @param stream from 0, as given to `createMuxer()`
   */
  write(stream: number, frame: MuxedFrame): Uint8Array;
}

const programme = 1;
const mapPid = 0x1000;
const firstPid = 0x100;
const streamIds = { video: 0xe0, audio: 0xc0 } as const;
/** Tables come this often at least, in ticks: players join in between. */
const tablesPause = ticksPerSecond / 4;
/** How far clock references are behind the times of decoding, so that what is multiplexed later is still in time. */
const clockLead = ticksPerSecond / 5;
/** Bytes of the adaptation field with a clock reference, its length byte included (§2.4.3.5). */
const clockBytes = 8;
/** Bytes that are reserved at once for packets. */
const block = 1394 * packetLength;

/** The clock is that of the first stream with pictures, else of the first. Tables stand before every key frame of it. */
export function createMuxer(streams: readonly MuxedStream[]): Muxer {
  const main = Math.max(
    0,
    streams.findIndex(({ kind }) => kind === "video"),
  );
  /** Of each stream, then of the two tables. */
  const counters = new Uint8Array(streams.length + 2).fill(15);
  const association = formatTable(0x00, [programme >> 8, programme & 0xff, 0xe0 | (mapPid >> 8), mapPid & 0xff]);
  const map = formatTable(0x02, [
    0xe0 | ((firstPid + main) >> 8),
    (firstPid + main) & 0xff,
    0xf0,
    0x00,
    ...streams.flatMap(({ type }, index) => [
      type,
      0xe0 | ((firstPid + index) >> 8),
      (firstPid + index) & 0xff,
      0xf0,
      0,
    ]),
  ]);
  let tabled: number | undefined;

  let memory = new Uint8Array(0);
  let end = 0;

  const count = (index: number) => {
    const counter = ((counters[index] ?? 15) + 1) & 0x0f;
    counters[index] = counter;
    return counter;
  };

  function writeTable(at: number, pid: number, counter: number, section: Uint8Array): void {
    memory.fill(0xff, at, at + packetLength);
    memory.set([0x47, 0x40 | (pid >> 8), pid & 0xff, 0x10 | counter, 0x00], at);
    memory.set(section, at + 5);
  }

  /** All of a frame, from `start` up to `end`. */
  function writeFrame(start: number, index: number, frame: MuxedFrame, header: Uint8Array): void {
    const pid = firstPid + index;
    const out = memory;
    // The frame is put at the end, and moved forward packet by packet: packets have more bytes than what is in them.
    let from = end - frame.bytes.length;
    out.set(frame.bytes, from);
    let left = header.length + frame.bytes.length;
    for (let to = start; left > 0; to += packetLength) {
      const first = to === start;
      const clock = first && index === main;
      const flags = (clock ? 0x10 : 0) | (first && frame.key === true ? 0x40 : 0);
      const least = clock ? clockBytes : flags !== 0 ? 2 : 0;
      const size = Math.min(packetLength - 4 - least, left);
      const field = packetLength - 4 - size;
      const write = to + 4 + field;
      left -= size;
      if (first) {
        out.copyWithin(write + header.length, from, from + size - header.length);
        from += size - header.length;
        out.set(header, write);
      } else {
        out.copyWithin(write, from, from + size);
        from += size;
      }
      out[to] = 0x47;
      out[to + 1] = (first ? 0x40 : 0) | (pid >> 8);
      out[to + 2] = pid & 0xff;
      out[to + 3] = (field > 0 ? 0x30 : 0x10) | count(index);
      if (field === 0) continue;
      out[to + 4] = field - 1;
      if (field === 1) continue;
      out[to + 5] = flags;
      out.fill(0xff, to + 6, write);
      if (clock) writeClock(out, to + 6, (frame.dts ?? frame.pts) - clockLead);
    }
  }

  return {
    write(index, frame) {
      const { kind } = streams[index] ?? { kind: "audio" };
      const header = formatPesHeader(kind, frame);
      const now = frame.dts ?? frame.pts;
      const due = tabled === undefined || Math.abs(now - tabled) >= tablesPause;
      const tables = due || (index === main && frame.key === true && kind === "video") ? 2 : 0;
      const ahead = (index === main ? clockBytes : frame.key === true ? 2 : 0) + header.length;
      const packets = Math.ceil((ahead + frame.bytes.length) / (packetLength - 4));
      const length = (tables + packets) * packetLength;
      if (end + length > memory.length) {
        memory = new Uint8Array(Math.max(block, length));
        end = 0;
      }
      const start = end;
      end += length;
      if (tables > 0) {
        tabled = now;
        writeTable(start, 0, count(streams.length), association);
        writeTable(start + packetLength, mapPid, count(streams.length + 1), map);
      }
      writeFrame(start + tables * packetLength, index, frame, header);
      return memory.subarray(start, end);
    },
  };
}

/** A section of a table about the programme, whole (§2.4.4.3, §2.4.4.8). */
function formatTable(id: number, body: readonly number[]): Uint8Array {
  const length = 5 + body.length + 4;
  const section = new Uint8Array(3 + length);
  section.set([id, 0xb0 | (length >> 8), length & 0xff, programme >> 8, programme & 0xff, 0xc1, 0, 0, ...body]);
  new DataView(section.buffer).setUint32(section.length - 4, sectionChecksum(section.subarray(0, -4)));
  return section;
}

/** §2.4.3.6; pictures of any length, sound with its length. */
function formatPesHeader(kind: "video" | "audio", { bytes, pts, dts }: MuxedFrame): Uint8Array {
  const both = dts !== undefined && dts !== pts;
  const stamps = both ? 10 : 5;
  const length = 3 + stamps + bytes.length;
  const said = kind === "video" || length > 0xffff ? 0 : length;
  const header = new Uint8Array(9 + stamps);
  header.set([0, 0, 1, streamIds[kind], said >> 8, said & 0xff, 0x84, both ? 0xc0 : 0x80, stamps]);
  writeStamp(header, 9, both ? 0x30 : 0x20, pts);
  if (both) writeStamp(header, 14, 0x10, dts);
  return header;
}

function writeStamp(bytes: Uint8Array, at: number, prefix: number, stamp: number): void {
  const ticks = wrapped(stamp);
  const middle = Math.floor(ticks / 2 ** 15) & 0x7fff;
  const low = ticks & 0x7fff;
  bytes[at] = prefix | (Math.floor(ticks / 2 ** 30) << 1) | 1;
  bytes[at + 1] = middle >> 7;
  bytes[at + 2] = (middle << 1) | 1;
  bytes[at + 3] = low >> 7;
  bytes[at + 4] = (low << 1) | 1;
}

/** A clock reference without extension (§2.4.3.5). */
function writeClock(bytes: Uint8Array, at: number, ticks: number): void {
  const base = wrapped(ticks);
  const high = Math.floor(base / 2);
  bytes[at] = high >>> 24;
  bytes[at + 1] = high >>> 16;
  bytes[at + 2] = high >>> 8;
  bytes[at + 3] = high;
  bytes[at + 4] = ((base % 2) << 7) | 0x7e;
  bytes[at + 5] = 0;
}

function wrapped(ticks: number): number {
  const rest = Math.round(ticks) % stampWrap;
  return rest < 0 ? rest + stampWrap : rest;
}
