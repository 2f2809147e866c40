// H.264 in MP4 (ISO/IEC 14496-15 §5): its parameter sets, and the sample entry that is made of them.
import { createBits, unescaped } from "./bits.ts";
import { be16, formatBox } from "./boxes.ts";
import { formatPictureEntry } from "./init.ts";

/** What a sequence parameter set says (ITU-T H.264 §7.3.2.1.1). */
export interface AvcParameters {
  readonly profile: number;
  readonly compatibility: number;
  readonly level: number;
  /** 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chroma: number;
  readonly lumaBits: number;
  readonly chromaBits: number;
  /** In pixels, as they are shown. */
  readonly width: number;
  readonly height: number;
}

/** Profiles whose sets say how colours are coded (§7.3.2.1.1), and so do their records (14496-15 §5.3.3.1.2). */
const highProfiles: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const highRecords: ReadonlySet<number> = new Set([100, 110, 122, 144, 244, 44]);
/** No picture is wider or higher. */
const most = 16_384;

/** @param unit a NAL unit of type 7, without its start code @returns undefined when it is none that could be */
export function parseAvcParameters(unit: Uint8Array): AvcParameters | undefined {
  const [, profile = 0, compatibility = 0, level = 0] = unit;
  const reader = createBits(unescaped(unit.subarray(4)));
  const { bits, code, signed } = reader;
  code();
  let [chroma, lumaBits, chromaBits] = [1, 8, 8];
  let planes = false;
  if (highProfiles.has(profile)) {
    chroma = code();
    if (chroma === 3) planes = bits(1) === 1;
    lumaBits = 8 + code();
    chromaBits = 8 + code();
    bits(1);
    const lists = bits(1) === 0 ? 0 : chroma === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) {
      const present = bits(1) === 1;
      if (present) skipScaling(list < 6 ? 16 : 64, signed);
    }
  }
  code();
  const order = code();
  if (order === 0) code();
  else if (order === 1) {
    bits(1);
    signed();
    signed();
    for (let left = Math.min(code(), 255); left > 0; left--) signed();
  }
  code();
  bits(1);
  const columns = code() + 1;
  const rows = code() + 1;
  const fields = bits(1) === 0 ? 2 : 1;
  if (fields === 2) bits(1);
  bits(1);
  const cropped = bits(1) === 1;
  const crop = Array.from({ length: 4 }, () => (cropped ? code() : 0));
  if (reader.over || unit.length < 4 || chroma > 3 || lumaBits > 14 || chromaBits > 14) return undefined;
  // §7.4.2.1.1: in units of chroma samples, and of two rows of a frame of fields.
  const across = chroma === 1 || chroma === 2 ? (planes ? 1 : 2) : 1;
  const down = (chroma === 1 && !planes ? 2 : 1) * fields;
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const width = columns * 16 - (left + right) * across;
  const height = rows * 16 * fields - (top + bottom) * down;
  if (width < 1 || height < 1 || width > most || height > most) return undefined;
  return { profile, compatibility, level, chroma, lumaBits, chromaBits, width, height };
}

/** §7.3.2.1.1.1 */
function skipScaling(size: number, signed: () => number): void {
  let last = 8;
  for (let index = 0; index < size && last !== 0; index++) last = (last + signed() + 256) & 0xff;
}

/** A sample entry `avc1`: all parameter sets are in it, none in the samples (§5.4.2.1); lengths have four bytes. */
export function formatAvcEntry(
  parameters: AvcParameters,
  sequence: readonly Uint8Array[],
  picture: readonly Uint8Array[],
  extensions: readonly Uint8Array[] = [],
): Uint8Array {
  const { profile, compatibility, level, chroma, lumaBits, chromaBits, width, height } = parameters;
  const sets = (units: readonly Uint8Array[]) => units.flatMap((unit) => [...be16(unit.length), ...unit]);
  const high = highRecords.has(profile)
    ? [0xfc | chroma, 0xf8 | (lumaBits - 8), 0xf8 | (chromaBits - 8), extensions.length, ...sets(extensions)]
    : [];
  const head = [1, profile, compatibility, level, 0xff, 0xe0 | sequence.length];
  const record = [...head, ...sets(sequence), picture.length, ...sets(picture), ...high];
  return formatPictureEntry("avc1", width, height, formatBox("avcC", record));
}
