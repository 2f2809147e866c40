// Makes an endless stream out of a clip: time stamps, clock references and counters run on over the seam.
import {
  clockRate,
  counterOf,
  packetLength,
  payloadAt,
  pidOf,
  readPcr,
  readStamps,
  ticksPerSecond,
  writeCounter,
  writePcr,
  writeStamps,
} from "../../core/formats/mpegts.ts";

/** Packets that leave together. */
export interface Batch {
  /** When they are due: milliseconds of stream time since the first batch. */
  readonly at: number;
  /** Whole packets, at most 64 KiB. */
  readonly bytes: Uint8Array;
}

/** A clip that never ends. */
export interface Loop {
  /** The batch of that number, from 0 on; any number is as cheap as any other. */
  batch(index: number): Batch;
}

const batchMs = 100;
const batchBytes = 65_424; // 348 packets

/**
 * @param clip whole packets that begin with the tables and a key frame
 * @param duration milliseconds after which the clip begins anew: a whole number of its frames
 */
export function createLoop(clip: Uint8Array, duration: number): Loop {
  const payloads = new Map<number, number>();
  const cuts: { from: number; at: number }[] = [];
  let first: number | undefined;
  let now = 0;
  for (let at = 0; at < clip.length; at += packetLength) {
    const pid = pidOf(clip, at);
    if (payloadAt(clip, at) !== undefined) payloads.set(pid, (payloads.get(pid) ?? 0) + 1);
    const pcr = readPcr(clip, at);
    first ??= pcr;
    if (pcr !== undefined && first !== undefined) now = ((pcr - first) / clockRate) * 1000;
    const last = cuts.at(-1);
    if (!last || now >= last.at + batchMs || at - last.from >= batchBytes) cuts.push({ from: at, at: now });
  }

  return {
    batch(index) {
      const round = Math.floor(index / cuts.length);
      const place = index % cuts.length;
      const cut = cuts[place] ?? { from: 0, at: 0 };
      // A copy; slice() of a Buffer would not be one.
      const bytes = new Uint8Array(clip.subarray(cut.from, cuts[place + 1]?.from));
      const ticks = (round * duration * ticksPerSecond) / 1000;
      for (let at = 0; at < bytes.length; at += packetLength) {
        writeCounter(bytes, at, counterOf(bytes, at) + round * (payloads.get(pidOf(bytes, at)) ?? 0));
        const pcr = readPcr(bytes, at);
        if (pcr !== undefined) writePcr(bytes, at, pcr + ticks * 300);
        const stamps = readStamps(bytes, at);
        if (stamps) writeStamps(bytes, at, { pts: stamps.pts + ticks, dts: (stamps.dts ?? stamps.pts) + ticks });
      }
      return { at: round * duration + cut.at, bytes };
    },
  };
}
