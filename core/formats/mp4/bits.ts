// Reads bits of parameter sets: fixed lengths and Exp-Golomb codes, without the bytes that guard against start codes.

export interface BitReader {
  /** An unsigned number of so many bits, at most 32; bits behind the end are 0. */
  bits(count: number): number;
  /** An unsigned Exp-Golomb code (ITU-T H.264 §9.1, H.265 §9.2). */
  code(): number;
  /** A signed one (§9.1.1). */
  signed(): number;
  /** More was read than there is. */
  readonly over: boolean;
}

/** @param bytes without emulation prevention bytes: see `unescaped()` */
export function createBits(bytes: Uint8Array): BitReader {
  let at = 0;
  const bits = (count: number) => {
    let value = 0;
    for (let left = count; left > 0; left--, at++) value = value * 2 + (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
  const code = () => {
    let zeros = 0;
    while (zeros < 32 && at < bytes.length * 8 && bits(1) === 0) zeros++;
    return 2 ** zeros - 1 + bits(zeros);
  };
  return {
    bits,
    code,
    signed() {
      const value = code();
      return value % 2 === 0 ? -value / 2 : (value + 1) / 2;
    },
    get over() {
      return at > bytes.length * 8;
    },
  };
}

/** The bytes of a NAL unit without those that prevent start codes in it (ITU-T H.264 §7.3.1, H.265 §7.3.1.1). */
export function unescaped(unit: Uint8Array): Uint8Array {
  const out = new Uint8Array(unit.length);
  let length = 0;
  let zeros = 0;
  for (const byte of unit) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}
