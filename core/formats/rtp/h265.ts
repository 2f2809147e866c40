// H.265 out of RTP (RFC 7798): single NAL units, aggregates and fragments, put together to access units.
import { createAccessUnits, mostBytes, readCodes, type VideoCodec } from "./access-units.ts";
import { createGapCheck, type FrameReader } from "./frame.ts";
import { aggregated, concatenated } from "./h264.ts";

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
  isFirstSlice: (unit) => ((unit[2] ?? 0) & 0x80) !== 0,
};

/**
 * For streams without decoding order numbers (`sprop-max-don-diff` absent or 0, §7.1).
 *
 * @param parameters those of `sprop-vps`, `sprop-sps` and `sprop-pps`, each without a start code
 */
export function createH265Reader(parameters: readonly Uint8Array[] = []): FrameReader {
  const units = createAccessUnits(codec, parameters);
  const gap = createGapCheck();
  let pieces: Uint8Array[] | undefined;
  /** Bytes of them. */
  let pieced = 0;

  function fragment(payload: Uint8Array, timestamp: number): void {
    const header = payload[2] ?? 0;
    if ((header & 0x80) !== 0) {
      if (pieces) units.damage(timestamp);
      const first = ((payload[0] ?? 0) & 0x81) | ((header & 0x3f) << 1);
      pieces = [Uint8Array.of(first, payload[1] ?? 0), payload.subarray(3)];
    } else if (!pieces) {
      units.damage(timestamp);
      return;
    } else pieces.push(payload.subarray(3));
    pieced = pieces.length === 2 ? payload.length : pieced + payload.length;
    if (pieced > mostBytes) {
      pieces = undefined;
      units.damage(timestamp);
      return;
    }
    if ((header & 0x40) === 0) return;
    units.add(concatenated(pieces), timestamp);
    pieces = undefined;
  }

  return {
    push({ payload, sequence, timestamp, marker }) {
      if (gap(sequence)) {
        pieces = undefined;
        units.gap(timestamp);
      }
      if (payload.length < 3) return [];
      const type = typeOf(payload);
      if (type !== 49 && pieces) {
        pieces = undefined;
        units.damage(timestamp);
      }
      if (type < 48) units.add(payload, timestamp);
      else if (type === 48) for (const unit of aggregated(payload, 2)) units.add(unit, timestamp);
      else if (type === 49 && payload.length > 3) fragment(payload, timestamp);
      else units.damage(timestamp);
      if (marker) units.mark();
      return units.take();
    },
    get damaged() {
      return units.damaged;
    },
  };
}
