// H.264 out of RTP (RFC 6184): single NAL units, aggregates and fragments, put together to access units.
import { createAccessUnits, mostBytes, readCodes, type VideoCodec } from "./access-units.ts";
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
  isFirstSlice: (unit) => !/^[34]$/.test(String((unit[0] ?? 0) & 0x1f)) && ((unit[1] ?? 0) & 0x80) !== 0,
};

/**
 * Packetization modes 0 and 1 (§6.2, §6.3); interleaved ones, whose types are 25 to 27 and 29, count as damaged.
 *
 * @param parameters those of `sprop-parameter-sets` (§8.1), each without a start code
 */
export function createH264Reader(parameters: readonly Uint8Array[] = []): FrameReader {
  const units = createAccessUnits(codec, parameters);
  const gap = createGapCheck();
  let pieces: Uint8Array[] | undefined;
  /** Bytes of them. */
  let pieced = 0;

  function fragment(payload: Uint8Array, timestamp: number): void {
    const indicator = payload[0] ?? 0;
    const header = payload[1] ?? 0;
    if ((header & 0x80) !== 0) {
      if (pieces) units.damage(timestamp);
      pieces = [Uint8Array.of((indicator & 0xe0) | (header & 0x1f)), payload.subarray(2)];
    } else if (!pieces) {
      units.damage(timestamp);
      return;
    } else pieces.push(payload.subarray(2));
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
      const type = (payload[0] ?? 0) & 0x1f;
      if (payload.length === 0) return [];
      if (type !== 28 && pieces) {
        pieces = undefined;
        units.damage(timestamp);
      }
      if (type >= 1 && type <= 23) units.add(payload, timestamp);
      else if (type === 24) for (const unit of aggregated(payload, 1)) units.add(unit, timestamp);
      else if (type === 28 && payload.length > 2) fragment(payload, timestamp);
      else units.damage(timestamp);
      if (marker) units.mark();
      return units.take();
    },
    get damaged() {
      return units.damaged;
    },
  };
}

/** The NAL units of an aggregate, each after its 16-bit size (§5.7.1, RFC 7798 §4.4.2); the last may be cut short. */
export function* aggregated(payload: Uint8Array, from: number): Generator<Uint8Array> {
  for (let at = from; at + 2 < payload.length; ) {
    const size = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0);
    if (size === 0 || at + 2 + size > payload.length) return;
    yield payload.subarray(at + 2, at + 2 + size);
    at += 2 + size;
  }
}

export function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
