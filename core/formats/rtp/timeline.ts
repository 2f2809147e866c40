// The time of RTP streams (RFC 3550 §5.1): 32 bits from anywhere, that wrap, jump and stand still, made one clock of 90 kHz.

/** Takes the time stamps of one stream, in the order in which its frames are decoded. */
export interface RtpTimeline {
  /**
   * The time of a frame in ticks of 90 kHz since the first frame of all streams that share an origin: it goes on where
   * the sender's jumps. `now` is when it came, in milliseconds that never go back.
   */
  place(timestamp: number, now: number): number;
  /** Moves what follows by so many ticks of 90 kHz. */
  move(ticks: number): void;
  /** Where the sender's own clock would put a time stamp, without placing it; undefined before the first. */
  at(timestamp: number): number | undefined;
}

/** Ticks of a second of transport streams. */
const second = 90_000;
/** Steps that are believed, in ticks of 90 kHz: pictures are reordered by little, and skipped for some seconds. */
const furthest = 10 * second;
const backwards = -2 * second;
/** After so many frames with one time stamp, the time at which they come is taken for theirs. */
const still = 8;

/** @param clockRate ticks a second of its time stamps; @param start where it begins, in ticks of 90 kHz */
export function createRtpTimeline(clockRate: number, start: number): RtpTimeline {
  let last: number | undefined;
  let time = start;
  let came = 0;
  let same = 0;

  const stepTo = (timestamp: number, from: number) => {
    const step = (timestamp - from) >>> 0;
    return ((step >= 2 ** 31 ? step - 2 ** 32 : step) / clockRate) * second;
  };

  return {
    place(timestamp, now) {
      const waited = Math.min(Math.max(((now - came) / 1000) * second, 0), furthest);
      if (last !== undefined) {
        const step = stepTo(timestamp, last);
        same = step === 0 ? same + 1 : 0;
        if (step > furthest || step < backwards || same >= still) time += waited;
        else time += step;
      }
      last = timestamp;
      came = now;
      return Math.round(time);
    },
    move(ticks) {
      time += ticks;
    },
    at: (timestamp) => (last === undefined ? undefined : time + stepTo(timestamp, last)),
  };
}

/** Gives decoding times to pictures that come in the order of decoding with times of presentation (H.222.0 §2.4.3.7). */
export interface DecodingOrder {
  /** @returns both in ticks, `dts` above that of the picture before, and never above `pts` */
  place(pts: number): { readonly pts: number; readonly dts: number };
}

/** Pictures that may be held back for others (max_num_reorder_frames is at most 16). */
const mostHeld = 16;

/**
 * Begins without reordering, as cameras send; every picture that comes too late for that shows that one more is held
 * back. The n-th picture is decoded when the one that is shown n-th is shown, but for those held back.
 */
export function createDecodingOrder(): DecodingOrder {
  let held: number[] = [];
  let depth = 0;
  let last: number | undefined;

  return {
    place(pts) {
      // A sender that begins anew is not held up by what was long ago.
      held = held.filter((each) => Math.abs(each - pts) < furthest);
      held.push(pts);
      held.sort((a, b) => a - b);
      if (last !== undefined && pts <= last && last - pts < second && depth < mostHeld) depth++;
      let dts = held.length > depth ? (held.shift() ?? pts) : (last ?? pts) + 1;
      if (held.length > depth) held = held.slice(held.length - depth);
      if (last !== undefined && dts <= last) dts = last + 1;
      last = dts;
      return { pts: Math.max(pts, dts), dts };
    },
  };
}

/** A sender report (RFC 3550 §6.4.1): one instant by two clocks. */
export interface SenderReport {
  readonly ssrc: number;
  /** Milliseconds by the sender's wall clock (NTP, since 1900). */
  readonly wall: number;
  readonly timestamp: number;
}

/** The sender report of a compound packet, which begins with it (§6.1). */
export function parseSenderReport(bytes: Uint8Array): SenderReport | undefined {
  if (bytes.length < 28 || (bytes[0] ?? 0) >> 6 !== 2 || bytes[1] !== 200) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wall = view.getUint32(8) * 1000 + (view.getUint32(12) / 2 ** 32) * 1000;
  // Zero: the sender has no such clock.
  return wall === 0 ? undefined : { ssrc: view.getUint32(4), wall, timestamp: view.getUint32(16) };
}
