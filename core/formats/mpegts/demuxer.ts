// Takes a transport stream apart (ISO/IEC 13818-1): the PES packets of the streams that are wanted, whole, with their times.
import { createProgrammeReader, programmeFlags } from "../keyframe.ts";
import { counterOf, type ProgrammeMap, packetLength, payloadAt, pidOf, readStamps, startsUnit } from "../mpegts.ts";

/** What a stream carries between one PES header and the next: an access unit of pictures, or some frames of sound. */
export interface Unit {
  readonly kind: "unit";
  readonly pid: number;
  /** The payload of the PES packet; a copy. */
  readonly bytes: Uint8Array;
  /** Ticks of 90 kHz, 33 bits (§2.4.3.7). Absent: not said. `dts` is `pts` where they coincide. */
  readonly pts?: number;
  readonly dts?: number;
  /** When the next unit of the stream is decoded, where that is known already. */
  readonly next?: number;
  /** A decoder may begin here (§2.4.3.5), as `createProgrammeReader()` tells it. */
  readonly key: boolean;
}

export type Demuxed =
  | Unit
  /** The programme became known, or is another from here on. Units that were under way are lost with it. */
  | { readonly kind: "programme"; readonly programme: ProgrammeMap }
  /** A packet with the discontinuity_indicator and without payload: what follows on this PID does not continue (§2.4.3.5). */
  | { readonly kind: "splice"; readonly pid: number }
  /** A stream that is wanted cannot be read: it is scrambled (§2.4.3.3). Once a programme. */
  | { readonly kind: "scrambled"; readonly pid: number };

export interface Demuxer {
  /** Takes whole packets. @returns what is complete with them, in order */
  write(packets: Uint8Array): Demuxed[];
  /** What is under way at the stream's end. */
  finish(): Demuxed[];
  /** Units that were left out because a packet of them was missing, or because they grew beyond all measure. */
  readonly damaged: number;
}

/** Bytes of a unit beyond which it is none. */
const mostBytes = 32 * 2 ** 20;

/** What there is of a unit. */
interface Open {
  bytes: Uint8Array;
  length: number;
  /** Bytes that the header announces; 0: up to the next one (§2.4.3.7). */
  announced: number;
  pts: number | undefined;
  dts: number | undefined;
  key: boolean;
  /** False: it is passed over. */
  whole: boolean;
}

interface Stream {
  counter: number;
  open: Open | undefined;
  /** Kept for the next unit. */
  spare: Uint8Array;
}

/** @param wanted names the PIDs of a programme to be put together */
export function createDemuxer(wanted: (programme: ProgrammeMap) => readonly number[]): Demuxer {
  const reader = createProgrammeReader();
  const streams = new Map<number, Stream>();
  let done: Demuxed[] = [];
  let damaged = 0;
  let scrambled = false;

  function follow(programme: ProgrammeMap): void {
    const pids = wanted(programme);
    for (const pid of streams.keys()) if (!pids.includes(pid)) streams.delete(pid);
    for (const pid of pids)
      if (!streams.has(pid)) streams.set(pid, { counter: -1, open: undefined, spare: new Uint8Array(4096) });
    scrambled = false;
    done.push({ kind: "programme", programme });
  }

  function end(pid: number, stream: Stream, next?: number): void {
    const { open } = stream;
    stream.open = undefined;
    if (!open) return;
    stream.spare = open.bytes;
    if (!open.whole || open.length < open.announced) {
      damaged++;
      return;
    }
    const { pts, dts, key } = open;
    done.push({
      kind: "unit",
      pid,
      bytes: open.bytes.slice(0, open.length),
      key,
      ...(pts === undefined ? {} : { pts, dts: dts ?? pts }),
      ...(next === undefined ? {} : { next }),
    });
  }

  function begin(bytes: Uint8Array, at: number, payload: number, pid: number, stream: Stream, key: boolean): void {
    const stamps = readStamps(bytes, at);
    end(pid, stream, stamps && (stamps.dts ?? stamps.pts));
    const isPes = bytes[payload] === 0 && bytes[payload + 1] === 0 && bytes[payload + 2] === 1;
    const from = payload + 9 + (bytes[payload + 8] ?? 0);
    if (!isPes || from > at + packetLength || ((bytes[payload + 6] ?? 0) & 0xc0) !== 0x80) return;
    const said = ((bytes[payload + 4] ?? 0) << 8) | (bytes[payload + 5] ?? 0);
    stream.open = {
      bytes: stream.spare,
      length: 0,
      announced: said === 0 ? 0 : Math.max(0, said - (from - payload - 6)),
      pts: stamps?.pts,
      dts: stamps?.dts,
      key,
      whole: true,
    };
    append(bytes, from, at + packetLength, pid, stream);
  }

  function append(bytes: Uint8Array, from: number, to: number, pid: number, stream: Stream): void {
    const { open } = stream;
    if (!open?.whole) return;
    const size = Math.min(to, bytes.length) - from;
    if (open.length + size > mostBytes) {
      open.whole = false;
      return;
    }
    if (open.length + size > open.bytes.length) {
      const larger = new Uint8Array(Math.max(open.bytes.length * 2, open.length + size));
      larger.set(open.bytes.subarray(0, open.length));
      open.bytes = larger;
    }
    open.bytes.set(bytes.subarray(from, from + size), open.length);
    open.length += size;
    if (open.announced > 0 && open.length >= open.announced) {
      open.length = open.announced;
      end(pid, stream);
    }
  }

  function packet(bytes: Uint8Array, at: number): void {
    const flags = reader.read(bytes, at);
    if ((flags & programmeFlags.changed) !== 0 && reader.programme) follow(reader.programme);
    const pid = pidOf(bytes, at);
    const stream = streams.get(pid);
    if (!stream && pid !== 0 && (flags & programmeFlags.pcr) === 0 && pid !== reader.programme?.pcrPid) return;
    const hasField = ((bytes[at + 3] ?? 0) & 0x20) !== 0 && (bytes[at + 4] ?? 0) > 0;
    const breaks = hasField && ((bytes[at + 5] ?? 0) & 0x80) !== 0;
    const payload = payloadAt(bytes, at);
    if (payload === undefined) {
      if (!breaks || (flags & programmeFlags.pcr) !== 0) return;
      if (stream) {
        if (stream.open) damaged++;
        stream.open = undefined;
        stream.counter = -1;
      }
      done.push({ kind: "splice", pid });
      return;
    }
    if (!stream) return;
    if (((bytes[at + 3] ?? 0) & 0xc0) !== 0) {
      if (!scrambled) done.push({ kind: "scrambled", pid });
      scrambled = true;
      return;
    }
    const counter = counterOf(bytes, at);
    const before = stream.counter;
    stream.counter = counter;
    // A packet may come twice (§2.4.3.3).
    if (counter === before && !breaks) return;
    if (before >= 0 && counter !== ((before + 1) & 15) && !breaks && stream.open) stream.open.whole = false;
    if (startsUnit(bytes, at)) begin(bytes, at, payload, pid, stream, (flags & programmeFlags.randomAccess) !== 0);
    else append(bytes, payload, at + packetLength, pid, stream);
  }

  const take = () => {
    const taken = done;
    done = [];
    return taken;
  };

  return {
    write(packets) {
      for (let at = 0; at + packetLength <= packets.length; at += packetLength) packet(packets, at);
      return take();
    },
    finish() {
      for (const [pid, stream] of streams) end(pid, stream);
      return take();
    },
    get damaged() {
      return damaged;
    },
  };
}
