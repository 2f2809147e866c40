// H.265 out of RTP (RFC 7798): single NAL units, aggregates and fragments, put together to access units.
import { createAccessUnits, readCodes, type VideoCodec } from "./access-units.ts";
import { addFragment, aggregated } from "./fragments.ts";
import { createGapCheck, type FrameReader } from "./frame.ts";

const typeOf = (unit: Uint8Array) => ((unit[0] ?? 0) >> 1) & 0x3f;

/** NAL unit types of ITU-T H.265 table 7-1. */
const codec: VideoCodec = {
  delimiter: Uint8Array.of(0x46, 0x01, 0x50),
  header: 2,
  role(unit) {
    const type = typeOf(unit);
    if (type === 35) return "delimiter";
    if (type >= 32 && type <= 34) return "parameters";
    if (type >= 16 && type <= 23) return "key";
    if (type < 16) return "picture";
    return "other";
  },
  parametersId(unit) {
    const type = typeOf(unit);
    if (type === 32) return `0/${(unit[2] ?? 0) >> 4}`;
    return type === 33 ? "1/0" : `2/${readCodes(unit, 2, 1)[0]}`;
  },
  isIntra: () => false,
  // first_slice_segment_in_pic_flag, §7.3.6.1
  isFirstSlice: (_, next) => (next & 0x80) !== 0,
};

/**
 * For streams without decoding order numbers (`sprop-max-don-diff` absent or 0, §7.1).
 *
 * @param parameters those of `sprop-vps`, `sprop-sps` and `sprop-pps`, each without a start code
 * @param transient frames are good until the next push only: their memory is used again
 */
export function createH265Reader(parameters: readonly Uint8Array[] = [], transient = false): FrameReader {
  const units = createAccessUnits(codec, { parameters, transient });
  const gap = createGapCheck();

  function readFragment(payload: Uint8Array, timestamp: number): void {
    const [high = 0, low = 0, flags = 0] = payload;
    addFragment(units, {
      first: (flags & 0x80) !== 0,
      last: (flags & 0x40) !== 0,
      header: () => Uint8Array.of((high & 0x81) | ((flags & 0x3f) << 1), low),
      bytes: payload.subarray(3),
      timestamp,
    });
  }

  return {
    push({ payload, sequence, timestamp, marker }) {
      if (gap(sequence)) units.gap(timestamp);
      if (payload.length < 3) return [];
      const type = typeOf(payload);
      if (type !== 49 && units.isOpen) units.damage(timestamp);
      if (type < 48) units.add(payload, timestamp);
      else if (type === 48) for (const unit of aggregated(payload, 2)) units.add(unit, timestamp);
      else if (type === 49 && payload.length > 3) readFragment(payload, timestamp);
      else units.damage(timestamp);
      if (marker) units.mark();
      return units.take();
    },
    get damaged() {
      return units.damaged;
    },
  };
}
