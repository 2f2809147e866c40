// Marks of gaps in a transport stream: packets without payload that tell decoders that a counter or a clock jumps.
import { counterOf, packetLength, payloadAt, pidOf } from "./mpegts.ts";

/** PIDs are 13 bits (ISO/IEC 13818-1 §2.4.3.3). */
const pids = 8192;
const nullPid = 0x1fff;

/**
 * A packet with nothing but an adaptation field that has the discontinuity_indicator set (§2.4.3.5). A packet without
 * payload does not step the counter (§2.4.3.3), so `counter` is that of the packet before the next one with payload.
 */
export function formatGapMark(pid: number, counter: number): Uint8Array {
  const mark = new Uint8Array(packetLength).fill(0xff);
  mark.set([0x47, (pid >> 8) & 0x1f, pid & 0xff, 0x20 | (counter & 0x0f), packetLength - 5, 0x80]);
  return mark;
}

/** The counter that the packet before this one must have had. */
export function counterBefore(bytes: Uint8Array, at: number): number {
  return payloadAt(bytes, at) === undefined ? counterOf(bytes, at) : (counterOf(bytes, at) + 15) & 0x0f;
}

/** Finds, after a splice, the packets that want a mark before them: the first of every PID. */
export interface Splicer {
  /** What follows does not continue what came before. */
  splice(): void;
  /** The mark that must stand before this packet, if any. */
  markBefore(bytes: Uint8Array, at: number): Uint8Array | undefined;
}

export function createSplicer(): Splicer {
  // What was sent before the first splice needs no mark, and a PID that is new is none the wiser for one.
  const marked = new Uint32Array(pids);
  let splices = 0;
  return {
    splice() {
      splices++;
    },
    markBefore(bytes, at) {
      if (splices === 0) return undefined;
      const pid = pidOf(bytes, at);
      if (marked[pid] === splices || pid === nullPid) return undefined;
      marked[pid] = splices;
      return formatGapMark(pid, counterBefore(bytes, at));
    },
  };
}
