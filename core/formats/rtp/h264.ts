// H.264 out of RTP (RFC 6184): single NAL units, aggregates and fragments, put together to access units.
import { createAccessUnits, readCodes, type VideoCodec } from "./access-units.ts";
import { addFragment, aggregated } from "./fragments.ts";
import { createGapCheck, type FrameReader } from "./frame.ts";

/** NAL unit types of ITU-T H.264 table 7-1. */
const codec: VideoCodec = {
  delimiter: Uint8Array.of(0x09, 0xf0),
  header: 1,
  role(unit) {
    const type = (unit[0] ?? 0) & 0x1f;
    if (type === 9) return "delimiter";
    if (type === 7 || type === 8 || type === 13) return "parameters";
    if (type === 5) return "key";
    if (type >= 1 && type <= 4) return "picture";
    return "other";
  },
  parametersId(unit) {
    const type = (unit[0] ?? 0) & 0x1f;
    return `${type === 7 ? 0 : type === 13 ? 1 : 2}/${readCodes(unit, type === 8 ? 1 : 4, 1)[0]}`;
  },
  // slice_type, §7.4.3
  isIntra: (unit) => ((unit[0] ?? 0) & 0x1f) === 1 && (readCodes(unit, 1, 2)[1] ?? 0) % 5 === 2,
  // first_mb_in_slice, §7.3.3; of data partitions only the first says so
  isFirstSlice([first = 0], next) {
    const type = first & 0x1f;
    return type !== 3 && type !== 4 && (next & 0x80) !== 0;
  },
};

/**
 * Packetization modes 0 and 1 (§6.2, §6.3); interleaved ones, whose types are 25 to 27 and 29, count as damaged.
 *
 * @param parameters those of `sprop-parameter-sets` (§8.1), each without a start code
 * @param transient frames are good until the next push only: their memory is used again
 */
export function createH264Reader(parameters: readonly Uint8Array[] = [], transient = false): FrameReader {
  const units = createAccessUnits(codec, { parameters, transient });
  const gap = createGapCheck();

  function readFragment(payload: Uint8Array, timestamp: number): void {
    const indicator = payload[0] ?? 0;
    const flags = payload[1] ?? 0;
    addFragment(units, {
      first: (flags & 0x80) !== 0,
      last: (flags & 0x40) !== 0,
      header: () => Uint8Array.of((indicator & 0xe0) | (flags & 0x1f)),
      bytes: payload.subarray(2),
      timestamp,
    });
  }

  return {
    push({ payload, sequence, timestamp, marker }) {
      if (gap(sequence)) units.gap(timestamp);
      const type = (payload[0] ?? 0) & 0x1f;
      if (payload.length === 0) return [];
      if (type !== 28 && units.isOpen) units.damage(timestamp);
      if (type >= 1 && type <= 23) units.add(payload, timestamp);
      else if (type === 24) for (const unit of aggregated(payload, 1)) units.add(unit, timestamp);
      else if (type === 28 && payload.length > 2) readFragment(payload, timestamp);
      else units.damage(timestamp);
      if (marker) units.mark();
      return units.take();
    },
    get damaged() {
      return units.damaged;
    },
  };
}
