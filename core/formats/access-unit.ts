// Tells from the first bytes of a coded picture whether a decoder may begin with it.
import { packetLength, payloadAt } from "./mpegts.ts";

/** What a unit of a picture's bytes says: nothing, that parameters are here, that a decoder may begin, that it may not. */
type Verdict = "nothing" | "parameters" | "key" | "other";

/**
 * Looks at the unit whose first byte, after the start code, is at `unit`.
 * @param parameters whether parameters came before it
 */
type Judge = (bytes: Uint8Array, unit: number, end: number, parameters: boolean) => Verdict;

/** By stream_type (ISO/IEC 13818-1 table 2-34). */
const judges: Readonly<Record<number, Judge>> = {
  1: judgeMpeg2,
  2: judgeMpeg2,
  16: judgeMpeg4,
  27: judgeH264,
  36: judgeH265,
};

/**
 * True when the PES packet that starts in this packet begins a picture that decodes without any before it, as far as the
 * packet's own bytes show: H.264 with a sequence parameter set or an IDR slice, H.265 with parameter sets or an IRAP
 * picture, MPEG-1 and MPEG-2 with a sequence header, MPEG-4 part 2 with an object layer. False for other types, and for
 * what is scrambled (§2.4.3.3, §2.4.3.7).
 *
 * @param type the stream's stream_type (table 2-34)
 */
export function isKeyframe(bytes: Uint8Array, at: number, type: number): boolean {
  const judge = judges[type];
  const pes = ((bytes[at + 1] ?? 0) & 0x40) === 0 ? undefined : payloadAt(bytes, at);
  if (!judge || pes === undefined || ((bytes[at + 3] ?? 0) & 0xc0) !== 0) return false;
  const end = Math.min(at + packetLength, bytes.length);
  if (bytes[pes] !== 0 || bytes[pes + 1] !== 0 || bytes[pes + 2] !== 1 || ((bytes[pes + 6] ?? 0) & 0xf0) !== 0x80)
    return false;
  let parameters = false;
  for (let unit = pes + 9 + (bytes[pes + 8] ?? 0) + 3; unit < end; unit++) {
    if (bytes[unit - 1] !== 1 || bytes[unit - 2] !== 0 || bytes[unit - 3] !== 0) continue;
    const verdict = judge(bytes, unit, end, parameters);
    if (verdict === "key") return true;
    if (verdict === "other") return false;
    if (verdict === "parameters") parameters = true;
  }
  return parameters;
}

/** Sequence header and picture header (ISO/IEC 13818-2 table 6-1). */
function judgeMpeg2(bytes: Uint8Array, unit: number): Verdict {
  return bytes[unit] === 0xb3 ? "key" : bytes[unit] === 0 ? "other" : "nothing";
}

/** Visual object sequence, object layer, object plane (ISO/IEC 14496-2 table 6-3). */
function judgeMpeg4(bytes: Uint8Array, unit: number): Verdict {
  const code = bytes[unit] ?? 0;
  return code === 0xb0 || (code & 0xf0) === 0x20 ? "key" : code === 0xb6 ? "other" : "nothing";
}

/** NAL unit types of ITU-T H.264 table 7-1. */
function judgeH264(bytes: Uint8Array, unit: number, end: number, parameters: boolean): Verdict {
  const type = (bytes[unit] ?? 0) & 0x1f;
  if (type === 7) return "parameters";
  if (type === 5) return "key";
  if (type !== 1 && type !== 2) return "nothing";
  return parameters && isIntra(bytes, unit + 1, end) ? "key" : "other";
}

/** NAL unit types of ITU-T H.265 table 7-1. */
function judgeH265(bytes: Uint8Array, unit: number): Verdict {
  const type = ((bytes[unit] ?? 0) >> 1) & 0x3f;
  if (type === 32 || type === 33) return "parameters";
  if (type > 31) return "nothing";
  return type >= 16 && type <= 23 ? "key" : "other";
}

/** Whether a slice is of type I: the second number of its header (ITU-T H.264 §7.3.3, table 7-6). */
function isIntra(bytes: Uint8Array, at: number, end: number): boolean {
  let bit = at * 8;
  const next = () => {
    const value = ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
    bit++;
    return value;
  };
  /** An Exp-Golomb code (§9.1). */
  const number = () => {
    let zeros = 0;
    while (zeros < 32 && bit < end * 8 && next() === 0) zeros++;
    let value = 1;
    for (let left = zeros; left > 0; left--) value = value * 2 + next();
    return value - 1;
  };
  number();
  const type = number();
  return bit <= end * 8 && type % 5 === 2;
}
