// AAC in MP4 (ISO/IEC 14496-14 §5.6): frames out of ADTS, and the sample entry that is made of a header.
import { be32, formatFullBox } from "./boxes.ts";
import { formatSoundEntry } from "./init.ts";

/** What an ADTS header says (ISO/IEC 14496-3 §1.A.2.2). */
export interface AdtsHeader {
  /** MPEG-4 audio object type, 1 to 4. */
  readonly objectType: number;
  /** Index of the sampling frequency (table 1.18), 0 to 12. */
  readonly frequency: number;
  /** Channel configuration (table 1.19); 0: the frames say it themselves. */
  readonly channels: number;
  /** Bytes of the header, and of the frame with it. */
  readonly headerBytes: number;
  readonly frameBytes: number;
  /** Blocks of 1024 samples. */
  readonly blocks: number;
}

/** Samples a second by index (table 1.18). */
export const aacRates: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];
/** Samples in a block. */
export const aacSamples = 1024;

/** The header at `at`; undefined when there is none, or not all of it. */
export function parseAdts(bytes: Uint8Array, at: number): AdtsHeader | undefined {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0, seventh] = bytes.subarray(at, at + 7);
  if (seventh === undefined || first !== 0xff || (second & 0xf6) !== 0xf0) return undefined;
  const frequency = (third >> 2) & 15;
  const headerBytes = (second & 1) === 1 ? 7 : 9;
  const frameBytes = ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5);
  if (frequency >= aacRates.length || frameBytes <= headerBytes) return undefined;
  const channels = ((third & 1) << 2) | (fourth >> 6);
  return { objectType: (third >> 6) + 1, frequency, channels, headerBytes, frameBytes, blocks: (seventh & 3) + 1 };
}

/** A frame of sound, without its header. */
export interface SoundFrame {
  readonly header: AdtsHeader;
  readonly bytes: Uint8Array;
  /** Blocks from the first frame that begins in the bytes it came with to this one; negative before that. */
  readonly block: number;
  /** Samples a second. */
  readonly rate: number;
}

export interface AdtsReader {
  /** Takes bytes of which the first frame that begins in them has their time stamp; a frame may end with later ones. */
  read(bytes: Uint8Array): SoundFrame[];
  /** What is there of a frame will not be completed. */
  reset(): void;
}

/** Passes over what is no frame. Gives copies. */
export function createAdtsReader(): AdtsReader {
  let rest = new Uint8Array(0);
  return {
    read(bytes) {
      const before = rest.length;
      const all = new Uint8Array(before + bytes.length);
      all.set(rest);
      all.set(bytes, before);
      const frames: { header: AdtsHeader; bytes: Uint8Array; at: number }[] = [];
      let at = 0;
      while (at < all.length) {
        const header = parseAdts(all, at);
        if (!header) {
          if (all.length - at < 7 && all[at] === 0xff) break;
          at++;
          continue;
        }
        if (at + header.frameBytes > all.length) break;
        frames.push({ header, bytes: all.slice(at + header.headerBytes, at + header.frameBytes), at });
        at += header.frameBytes;
      }
      rest = all.slice(at);
      const early = frames.filter((frame) => frame.at < before).reduce((sum, { header }) => sum + header.blocks, 0);
      let block = -early;
      return frames.map(({ header, bytes }) => {
        const frame = { header, bytes, block, rate: aacRates[header.frequency] ?? 0 };
        block += header.blocks;
        return frame;
      });
    },
    reset() {
      rest = new Uint8Array(0);
    },
  };
}

/** A sample entry `mp4a` with an elementary stream descriptor (14496-14 §5.6.1, 14496-1 §7.2.6). */
export function formatAacEntry({ objectType, frequency, channels }: AdtsHeader): Uint8Array {
  // AudioSpecificConfig (14496-3 §1.6.2.1).
  const config = (objectType << 11) | (frequency << 7) | (channels << 3);
  const specific = [0x05, 2, config >> 8, config & 0xff];
  // MPEG-4 audio, an audio stream; buffer and bitrates are not said.
  const decoder = [0x04, 13 + specific.length, 0x40, 0x15, 0, 0, 0, ...be32(0, 0), ...specific];
  const stream = [0x03, 3 + decoder.length + 3, 0, 0, 0, ...decoder, 0x06, 1, 0x02];
  const count = channels === 7 ? 8 : channels;
  return formatSoundEntry("mp4a", count, aacRates[frequency] ?? 0, formatFullBox("esds", 0, 0, stream));
}
