// H.265 in MP4 (ISO/IEC 14496-15 §8): its parameter sets, and the sample entry that is made of them.
import { createBits, unescaped } from "./bits.ts";
import { be16, formatBox } from "./boxes.ts";
import { formatPictureEntry } from "./init.ts";

/** What a sequence parameter set says (ITU-T H.265 §7.3.2.2.1). */
export interface HevcParameters {
  /** Profile, tier, compatibility, constraints and level as they stand: 12 bytes (§7.3.3). */
  readonly profile: Uint8Array;
  /** Layers of time, and whether each may be left out at any picture of the one below. */
  readonly layers: number;
  readonly nested: boolean;
  readonly chroma: number;
  readonly lumaBits: number;
  readonly chromaBits: number;
  /** In pixels, as they are shown. */
  readonly width: number;
  readonly height: number;
}

const most = 16_384;

/** @param unit a NAL unit of type 33, without its start code @returns undefined when it is none that could be */
export function parseHevcParameters(unit: Uint8Array): HevcParameters | undefined {
  const raw = unescaped(unit.subarray(2));
  const reader = createBits(raw);
  const { bits, code } = reader;
  bits(4);
  const layers = bits(3) + 1;
  const nested = bits(1) === 1;
  const profile = raw.slice(1, 13);
  bits(32);
  bits(32);
  bits(32);
  const present = Array.from({ length: layers - 1 }, () => [bits(1), bits(1)] as const);
  if (layers > 1) bits((8 - (layers - 1)) * 2);
  for (const [hasProfile, hasLevel] of present) {
    if (hasProfile === 1) for (let left = 0; left < 11; left++) bits(8);
    if (hasLevel === 1) bits(8);
  }
  code();
  const chroma = code();
  if (chroma === 3) bits(1);
  const columns = code();
  const rows = code();
  const cropped = bits(1) === 1;
  const [left = 0, right = 0, top = 0, bottom = 0] = Array.from({ length: 4 }, () => (cropped ? code() : 0));
  const lumaBits = 8 + code();
  const chromaBits = 8 + code();
  if (reader.over || layers > 7 || chroma > 3 || lumaBits > 15 || chromaBits > 15) return undefined;
  const width = columns - (left + right) * (chroma === 1 || chroma === 2 ? 2 : 1);
  const height = rows - (top + bottom) * (chroma === 1 ? 2 : 1);
  if (width < 1 || height < 1 || width > most || height > most) return undefined;
  return { profile, layers, nested, chroma, lumaBits, chromaBits, width, height };
}

/** A sample entry `hvc1`: all parameter sets are in it, none in the samples (§8.4.1.1); lengths have four bytes. */
export function formatHevcEntry(
  parameters: HevcParameters,
  video: readonly Uint8Array[],
  sequence: readonly Uint8Array[],
  picture: readonly Uint8Array[],
): Uint8Array {
  const { profile, layers, nested, chroma, lumaBits, chromaBits, width, height } = parameters;
  const sets = (type: number, units: readonly Uint8Array[]) => [
    0x80 | type,
    ...be16(units.length),
    ...units.flatMap((unit) => [...be16(unit.length), ...unit]),
  ];
  // §8.3.3.1.2: nothing is said of spatial segments, of parallelism, and of the frame rate.
  const head = [1, ...profile, ...be16(0xf000), 0xfc, 0xfc | chroma, 0xf8 | (lumaBits - 8), 0xf8 | (chromaBits - 8)];
  const rest = [...be16(0), (layers << 3) | (nested ? 4 : 0) | 3, 3];
  const record = [...head, ...rest, ...sets(32, video), ...sets(33, sequence), ...sets(34, picture)];
  return formatPictureEntry("hvc1", width, height, formatBox("hvcC", record));
}
