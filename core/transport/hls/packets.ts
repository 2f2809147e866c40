// Whole packets of segments in a row: what is not in sync is dropped, and counters that jump at a seam are marked.
import { counterOf, findSync, packetLength, payloadAt, pidOf } from "../../formats/mpegts.ts";
import { counterBefore, createSplicer, formatGapMark } from "../../formats/splice.ts";

export interface Packets {
  /** Takes bytes, cut anywhere; gives whole packets, in as few pieces as it can. */
  push(bytes: Uint8Array): Uint8Array[];
  /** Another segment begins. True from `end()`: what came last was whole. */
  begin(gap: boolean): void;
  /** A segment has ended. False: it broke off within a packet. */
  end(): boolean;
}

const syncByte = 0x47;
const nullPid = 0x1fff;

export function createPackets(): Packets {
  const counters = new Int8Array(8192).fill(-1);
  /** The seam after which each PID was last seen. */
  const seen = new Uint32Array(8192);
  const splicer = createSplicer();
  let seam = 1;
  let rest = new Uint8Array();

  /** The mark that must stand before a packet, if any; counts it. */
  const markBefore = (bytes: Uint8Array, at: number): Uint8Array | undefined => {
    const pid = pidOf(bytes, at);
    if (pid === nullPid) return undefined;
    const before = counters[pid] ?? -1;
    const counter = counterOf(bytes, at);
    counters[pid] = counter;
    if (seen[pid] === seam) return undefined;
    seen[pid] = seam;
    const mark = splicer.markBefore(bytes, at);
    if (mark) return mark;
    const expected = payloadAt(bytes, at) === undefined ? before : (before + 1) & 0x0f;
    // Equipment that numbers every segment's packets anew is common; a decoder takes that for a loss.
    return before < 0 || counter === expected ? undefined : formatGapMark(pid, counterBefore(bytes, at));
  };

  const cut = (bytes: Uint8Array, out: Uint8Array[]): number => {
    let at = 0;
    let from = 0;
    while (at + packetLength <= bytes.length) {
      if (bytes[at] !== syncByte) {
        if (at > from) out.push(bytes.subarray(from, at));
        const next = findSync(bytes, at);
        // Packets were lost here: their counters are looked at as after a seam.
        seam++;
        if (next === undefined) return Math.max(at, bytes.length - packetLength + 1);
        at = next;
        from = at;
      }
      const mark = markBefore(bytes, at);
      if (mark) {
        if (at > from) out.push(bytes.subarray(from, at));
        out.push(mark);
        from = at;
      }
      at += packetLength;
    }
    if (at > from) out.push(bytes.subarray(from, at));
    return at;
  };

  return {
    push(bytes) {
      const out: Uint8Array[] = [];
      let from = 0;
      if (rest.length > 0) {
        // Only the packet that lies across the cut is copied.
        from = Math.min(packetLength - rest.length, bytes.length);
        const across = new Uint8Array(rest.length + from);
        across.set(rest);
        across.set(bytes.subarray(0, from), rest.length);
        rest = across;
        if (across.length < packetLength) return out;
        const used = cut(across, out);
        rest = new Uint8Array(across.subarray(used));
        if (rest.length > 0) {
          // Out of sync: what is left is tried again together with what follows.
          const whole = new Uint8Array(rest.length + bytes.length - from);
          whole.set(rest);
          whole.set(bytes.subarray(from), rest.length);
          rest = new Uint8Array(whole.subarray(cut(whole, out)));
          return out;
        }
      }
      const tail = bytes.subarray(from);
      rest = new Uint8Array(tail.subarray(cut(tail, out)));
      return out;
    },
    begin(gap) {
      rest = new Uint8Array();
      seam++;
      if (gap) splicer.splice();
    },
    end() {
      const whole = rest[0] !== syncByte;
      rest = new Uint8Array();
      return whole;
    },
  };
}
