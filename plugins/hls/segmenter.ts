// Cuts a transport stream into segments at key frames, each with PAT and PMT in front (RFC 8216 §3.2).
import { createProgrammeReader, programmeFlags } from "../../core/formats/keyframe.ts";
import {
  clockRate,
  clockWrap,
  packetLength,
  payloadAt,
  pidOf,
  readPcr,
  readStamps,
  stampWrap,
  startsUnit,
} from "../../core/formats/mpegts.ts";
import { createSplicer, formatGapMark } from "../../core/formats/splice.ts";
import { createAssembly } from "./assembly.ts";
import { createClockTimeline, createStampTimeline, signedStep } from "./timeline.ts";

/** A segment: whole packets. */
export interface Segment {
  readonly bytes: Uint8Array;
  /** Milliseconds. */
  readonly duration: number;
  /** It does not continue the one before. */
  readonly discontinuity: boolean;
  /** It begins with a picture that decodes by itself. */
  readonly independent: boolean;
}

/** A place where a segment may end. */
export interface Moment {
  /** Milliseconds since the segment began, and since the first one did. */
  readonly elapsed: number;
  readonly total: number;
  /** Segments before the one that is under way. */
  readonly count: number;
  /** A key frame begins here; otherwise any picture does. */
  readonly key: boolean;
  /** The segment that is under way begins with one. */
  readonly independent: boolean;
  /** Milliseconds between the last two key frames; 0 while there were none. */
  readonly interval: number;
}

export interface SegmenterOptions {
  /** Whether to end the segment here. */
  mayCut(moment: Moment): boolean;
  /** A segment is not made larger than about this many bytes. */
  readonly mostBytes: number;
  /**
   * Where the time stamps of the first segment begin, in ticks of 90 kHz; they then go on without a jump, whatever the
   * stream's do, and a gap that the hub marked ends it all: `gapped`. Absent: stamps stay, and a jump begins a new segment.
   */
  readonly start?: number;
  /** What came before the first segment comes from elsewhere. */
  readonly spliced?: boolean;
}

export interface Segmenter {
  /** Takes whole packets, by reference. @returns the segments that are complete with them */
  write(packets: Uint8Array): Segment[];
  /** What is left at the stream's end, or before what was lost. */
  finish(): Segment | undefined;
  /** Something was lost on the way here, and what follows is not used; only with `start`. */
  readonly gapped: boolean;
}

/** While a key frame is waited for, this many bytes are passed over for one. */
const patience = 8 * 2 ** 20;
/** Ticks of 27 MHz that a clock reference may be off when it says that it jumps, and yet does not. */
const steady = clockRate;
/** Milliseconds without a picture after which time alone decides. */
const silence = 3000;

export function createSegmenter(o: SegmenterOptions): Segmenter {
  const reader = createProgrammeReader();
  const splicer = createSplicer();
  const assembly = createAssembly();
  const stamps = createStampTimeline();
  const clock = createClockTimeline();
  const done: Segment[] = [];
  let keyPid: number | undefined;
  let waiting = true;
  let passed = 0;
  let broken = false;
  let gapped = false;
  let count = 0;
  /** Of the segment under way. */
  let discontinuity = false;
  let independent = true;
  let stampsFrom = 0;
  let clockFrom = 0;
  let total = 0;
  let lastKey: number | undefined;
  let interval = 0;
  let lastClock: number | undefined;
  /** When the stream that is cut by was last heard of. */
  let heard = 0;
  if (o.spliced) splicer.splice();

  /** Pictures have stopped, or cannot be read, while the clock goes on. */
  const isSilent = () => clock.elapsed - heard > silence;
  const elapsed = () => {
    const byStamps = stamps.elapsed - stampsFrom;
    return Math.max(0, isSilent() || byStamps <= 0 ? clock.elapsed - clockFrom : byStamps);
  };

  function begin(isKey: boolean, jumps: boolean): void {
    discontinuity = jumps;
    independent = isKey;
    stampsFrom = stamps.elapsed;
    clockFrom = clock.elapsed;
    const tables = reader.pat ? [reader.pat, ...reader.pmt] : [];
    const pids = new Set(o.spliced && count === 0 ? tables.map((table) => pidOf(table, 0)) : []);
    assembly.addTables([...Array.from(pids, (pid) => formatGapMark(pid, 15)), ...tables]);
  }

  function end(extra = 0): void {
    if (assembly.size === 0) return;
    const duration = elapsed() + extra;
    total += duration;
    count++;
    done.push({ bytes: assembly.finish(), duration, discontinuity, independent });
  }

  /** What follows does not continue: with the next key frame a new segment begins, and all before it is left out. */
  function interrupt(): void {
    if (waiting) return;
    end(stamps.running ? stamps.step : 0);
    waiting = true;
    broken = true;
    passed = 0;
    stamps.reset();
    clock.reset();
    lastClock = undefined;
    lastKey = undefined;
    splicer.splice();
  }

  /** Whether a packet with the discontinuity_indicator (§2.4.3.5) means it. */
  function breaks(bytes: Uint8Array, at: number, pid: number, clockNow: number | undefined): boolean {
    const mark = payloadAt(bytes, at) === undefined;
    if (pid === 0) return mark;
    if (pid !== reader.programme?.pcrPid) return false;
    // After a splice every PID has its mark; that of the clock may come after the picture's.
    if (clockNow === undefined) return mark && !(discontinuity && elapsed() < 1000);
    return lastClock !== undefined && Math.abs(signedStep(lastClock, clockNow, clockWrap)) > steady;
  }

  function noteKey(): void {
    const now = stamps.running ? stamps.elapsed : clock.elapsed;
    if (lastKey !== undefined && now > lastKey) interval = now - lastKey;
    lastKey = now;
  }

  /** Time stamps go on from where they are, whatever the stream's own say from here on. */
  function rebase(dts: number): void {
    if (o.start === undefined) return;
    const wanted = o.start + Math.round((total + elapsed()) * 90);
    assembly.shift(signedStep(dts, wanted % stampWrap, stampWrap));
  }

  /** Takes what of the packets so far is not taken yet: `from` is moved on. */
  function packet(bytes: Uint8Array, from: number, at: number): number {
    const flags = reader.read(bytes, at);
    const pid = pidOf(bytes, at);
    if ((flags & programmeFlags.changed) !== 0) {
      const { videoPid, programme } = reader;
      keyPid = videoPid ?? programme?.streams.find(({ kind }) => kind === "audio")?.pid ?? programme?.streams[0]?.pid;
      if (!waiting) broken = true;
    }
    let start = from;
    const clockNow = (flags & programmeFlags.pcr) !== 0 ? readPcr(bytes, at) : undefined;
    const field = ((bytes[at + 3] ?? 0) & 0x20) !== 0 && bytes[at + 4] !== 0 ? (bytes[at + 5] ?? 0) : 0;
    if ((field & 0x80) !== 0 && breaks(bytes, at, pid, clockNow)) {
      if (o.start !== undefined && clockNow === undefined && count + assembly.size > 0) {
        if (!waiting) assembly.add(bytes.subarray(start, at));
        start = at;
        gapped = true;
      } else if (o.start === undefined) {
        if (!waiting) assembly.add(bytes.subarray(start, at));
        start = at;
        interrupt();
      }
    }
    if (clockNow !== undefined) {
      clock.add(clockNow);
      lastClock = clockNow;
    }
    const starts = pid === keyPid && startsUnit(bytes, at);
    const dts = starts ? decodingTime(bytes, at) : undefined;
    const continues = dts === undefined || stamps.add(dts);
    if (dts !== undefined) heard = clock.elapsed;
    const key = (flags & programmeFlags.randomAccess) !== 0;
    if (waiting) {
      if (!key && (!starts || passed < patience)) {
        passed += packetLength;
        return at + packetLength;
      }
      waiting = false;
      begin(key, broken && count > 0);
      broken = false;
      if (dts !== undefined) rebase(dts);
      if (key) noteKey();
      return splice(bytes, at, at);
    }
    if (!starts && (clockNow === undefined || !isSilent())) return splice(bytes, start, at);
    if (!continues) {
      if (o.start === undefined) broken = true;
      else if (dts !== undefined) {
        assembly.add(bytes.subarray(start, at));
        start = at;
        rebase(dts);
      }
    }
    if (key) noteKey();
    const jumps = key && broken && o.start === undefined;
    const moment: Moment = { elapsed: elapsed(), total: total + elapsed(), count, key, independent, interval };
    const large = assembly.size + at - start >= o.mostBytes;
    if (jumps || (moment.elapsed > 0 && (large || o.mayCut(moment)))) {
      assembly.add(bytes.subarray(start, at));
      end();
      start = at;
      begin(key, jumps);
      if (key) broken = false;
    }
    return splice(bytes, start, at);
  }

  /** Puts a mark before the first packet of a PID after a splice. */
  function splice(bytes: Uint8Array, from: number, at: number): number {
    const mark = splicer.markBefore(bytes, at);
    if (!mark) return from;
    assembly.add(bytes.subarray(from, at));
    assembly.add(mark);
    return at;
  }

  return {
    write(bytes) {
      let from = 0;
      for (let at = 0; at + packetLength <= bytes.length && !gapped; at += packetLength) from = packet(bytes, from, at);
      if (!waiting && !gapped) assembly.add(bytes.subarray(from));
      if (!waiting && assembly.size > 2 * o.mostBytes) {
        end();
        begin(false, false);
      }
      return done.splice(0);
    },
    finish() {
      if (waiting) return undefined;
      end(stamps.running ? stamps.step : 0);
      waiting = true;
      return done.shift();
    },
    get gapped() {
      return gapped;
    },
  };
}

/** The DTS of the PES packet that begins here, else its PTS (§2.4.3.7). */
function decodingTime(bytes: Uint8Array, at: number): number | undefined {
  const stamps = readStamps(bytes, at);
  return stamps && (stamps.dts ?? stamps.pts);
}
