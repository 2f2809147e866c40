// The header of a fragmented MP4 (ISO/IEC 14496-12 §8): what the tracks are, and no sample of them.
import { be16, be32, formatBox, formatFullBox, zeros } from "./boxes.ts";

/** A track without its samples. */
export interface Track {
  /** 1 or more; no two tracks have the same. */
  readonly id: number;
  /** Ticks a second of its times. */
  readonly timescale: number;
  /** Its sample entry: a whole box (§8.5.2). */
  readonly entry: Uint8Array;
  /** In pixels; absent: it is sound. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** A unit matrix: nothing is turned or scaled (§8.2.2). */
const matrix = be32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const undetermined = 0x55c4;

/**
 * An initialisation segment: `ftyp` and `moov` (§4.3, §8.2.1). Samples are in fragments, whose data is addressed from
 * their own beginning: brand `iso5` and later.
 */
export function formatInit(tracks: readonly Track[]): Uint8Array {
  const next = Math.max(0, ...tracks.map(({ id }) => id)) + 1;
  const header = formatFullBox(
    "mvhd",
    0,
    0,
    be32(0, 0, 1000, 0, 0x10000, 0x01000000),
    zeros(8),
    matrix,
    zeros(24),
    be32(next),
  );
  const extends_ = tracks.map(({ id }) => formatFullBox("trex", 0, 0, be32(id, 1, 0, 0, 0)));
  const file = formatBox("ftyp", text("iso6"), be32(0), text("iso6"), text("iso5"), text("mp41"));
  const movie = formatBox("moov", header, ...tracks.map(formatTrack), formatBox("mvex", ...extends_));
  const bytes = new Uint8Array(file.length + movie.length);
  bytes.set(file);
  bytes.set(movie, file.length);
  return bytes;
}

/** §8.3 and §8.4. */
function formatTrack({ id, timescale, entry, size }: Track): Uint8Array {
  const { width = 0, height = 0 } = size ?? {};
  const volume = size ? 0 : 0x0100;
  const shape = be32(width * 0x10000, height * 0x10000);
  // Enabled, and in the movie.
  const header = formatFullBox("tkhd", 0, 3, be32(0, 0, id, 0, 0), zeros(8), be16(0, 0, volume, 0), matrix, shape);
  const handler = formatFullBox("hdlr", 0, 0, be32(0), text(size ? "vide" : "soun"), zeros(12), [
    ...text("headend"),
    0,
  ]);
  const media = size ? formatFullBox("vmhd", 0, 1, zeros(8)) : formatFullBox("smhd", 0, 0, zeros(4));
  // The data is in the same file (§8.7.2).
  const data = formatBox("dinf", formatFullBox("dref", 0, 0, be32(1), formatFullBox("url ", 0, 1)));
  const table = formatBox(
    "stbl",
    formatFullBox("stsd", 0, 0, be32(1), entry),
    formatFullBox("stts", 0, 0, be32(0)),
    formatFullBox("stsc", 0, 0, be32(0)),
    formatFullBox("stsz", 0, 0, be32(0, 0)),
    formatFullBox("stco", 0, 0, be32(0)),
  );
  const times = formatFullBox("mdhd", 0, 0, be32(0, 0, timescale, 0), be16(undetermined, 0));
  return formatBox("trak", header, formatBox("mdia", times, handler, formatBox("minf", media, data, table)));
}

/** The entry of coded pictures (§12.1.3). @param type `avc1`, `hvc1` @param config the box with the decoder's parameters */
export function formatPictureEntry(type: string, width: number, height: number, config: Uint8Array): Uint8Array {
  // 72 dots an inch, one picture a sample, no name, 24 bits deep.
  const rest = [...be32(0x480000, 0x480000, 0), ...be16(1)];
  return formatBox(type, zeros(6), be16(1), zeros(16), be16(width, height), rest, zeros(32), be16(24, 0xffff), config);
}

/** The entry of coded sound (§12.2.3). @param rate samples a second; more than 65535 cannot be said, and is 0 */
export function formatSoundEntry(type: string, channels: number, rate: number, config: Uint8Array): Uint8Array {
  const said = rate > 0xffff ? 0 : rate;
  return formatBox(type, zeros(6), be16(1), zeros(8), be16(channels, 16, 0, 0), be16(said, 0), config);
}

function text(letters: string): number[] {
  return Array.from(letters, (letter) => letter.charCodeAt(0));
}
