// What a sequence parameter set says of its pictures: how large they are. H.264, H.265, and MPEG-2's sequence header.

export interface PictureSize {
  /** In pixels, as shown: what is cropped is not counted. */
  readonly width: number;
  readonly height: number;
}

/** The largest side that is believed. */
const mostPixels = 16_384;

/** Reads bits of a unit, its emulation prevention bytes taken out (ITU-T H.264 §7.4.1, H.265 §7.4.2). Beyond the end all are 0. */
class BitReader {
  private readonly bytes: readonly number[];
  private bit = 0;

  constructor(unit: Uint8Array) {
    const plain: number[] = [];
    for (const [at, value] of unit.entries())
      if (value !== 3 || at < 2 || unit[at - 1] !== 0 || unit[at - 2] !== 0) plain.push(value);
    this.bytes = plain;
  }

  get over(): boolean {
    return this.bit > this.bytes.length * 8;
  }

  read(bits: number): number {
    let value = 0;
    for (let left = bits; left > 0; left--) {
      value = value * 2 + (((this.bytes[this.bit >> 3] ?? 0) >> (7 - (this.bit & 7))) & 1);
      this.bit++;
    }
    return value;
  }

  skip(bits: number): void {
    this.bit += bits;
  }

  /** An Exp-Golomb code (H.264 §9.1). */
  number(): number {
    let zeros = 0;
    while (zeros < 32 && !this.over && this.read(1) === 0) zeros++;
    return 2 ** zeros - 1 + this.read(zeros);
  }

  signed(): number {
    const code = this.number();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }
}

/** Profiles that say more of colours (H.264 §7.3.2.1.1). */
const high = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** @param unit a NAL unit of type 7, from its header on (H.264 §7.3.2.1.1) */
export function readH264Size(unit: Uint8Array): PictureSize | undefined {
  const bits = new BitReader(unit.subarray(1));
  const profile = bits.read(8);
  bits.skip(16);
  bits.number();
  let chroma = 1;
  if (high.has(profile)) {
    chroma = bits.number();
    if (chroma === 3) bits.skip(1);
    bits.number();
    bits.number();
    bits.skip(1);
    const lists = bits.read(1) === 1 ? (chroma === 3 ? 12 : 8) : 0;
    for (let list = 0; list < lists; list++) if (bits.read(1) === 1) skipScaling(bits, list);
  }
  bits.number();
  const order = bits.number();
  if (order === 0) bits.number();
  else if (order === 1) {
    bits.skip(1);
    bits.signed();
    bits.signed();
    for (let left = Math.min(bits.number(), 255); left > 0; left--) bits.signed();
  }
  bits.number();
  bits.skip(1);
  const across = bits.number() + 1;
  const down = bits.number() + 1;
  const frames = bits.read(1);
  if (frames === 0) bits.skip(1);
  bits.skip(1);
  const crop = bits.read(1) === 1 ? [bits.number(), bits.number(), bits.number(), bits.number()] : [];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const stepX = chroma === 1 || chroma === 2 ? 2 : 1;
  const stepY = (chroma === 1 ? 2 : 1) * (2 - frames);
  return sized(bits, across * 16 - (left + right) * stepX, down * 16 * (2 - frames) - (top + bottom) * stepY);
}

/** A scaling list (H.264 §7.3.2.1.1.1). */
function skipScaling(bits: BitReader, list: number): void {
  let next = 8;
  for (let left = list < 6 ? 16 : 64, last = 8; left > 0; left--) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** @param unit a NAL unit of type 33, from its header on (H.265 §7.3.2.2) */
export function readH265Size(unit: Uint8Array): PictureSize | undefined {
  const bits = new BitReader(unit.subarray(2));
  bits.skip(4);
  const layers = bits.read(3);
  bits.skip(1);
  // profile_tier_level (§7.3.3): 88 bits of profile, 8 of level, then which sublayers have their own.
  bits.skip(96);
  const own: [profile: number, level: number][] = [];
  for (let layer = 0; layer < layers; layer++) own.push([bits.read(1), bits.read(1)]);
  if (layers > 0) bits.skip(2 * (8 - layers));
  for (const [profile, level] of own) bits.skip(profile * 88 + level * 8);
  bits.number();
  const chroma = bits.number();
  if (chroma === 3) bits.skip(1);
  const width = bits.number();
  const height = bits.number();
  const crop = bits.read(1) === 1 ? [bits.number(), bits.number(), bits.number(), bits.number()] : [];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const stepX = chroma === 1 || chroma === 2 ? 2 : 1;
  return sized(bits, width - (left + right) * stepX, height - (top + bottom) * (chroma === 1 ? 2 : 1));
}

/** @param header what follows the start code 0xb3 (ISO/IEC 13818-2 §6.2.2.1) */
export function readMpeg2Size(header: Uint8Array): PictureSize | undefined {
  const bits = new BitReader(header.subarray(0, 3));
  return sized(bits, bits.read(12), bits.read(12));
}

function sized(bits: BitReader, width: number, height: number): PictureSize | undefined {
  const sound = (side: number) => side > 0 && side <= mostPixels;
  return !bits.over && sound(width) && sound(height) ? { width, height } : undefined;
}
