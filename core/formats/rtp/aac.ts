// AAC out of RTP (RFC 3640, modes AAC-hbr and AAC-lbr), as ADTS frames (ISO/IEC 14496-3 §1.A.2).

import { concatenated } from "./fragments.ts";
import { createGapCheck, type Frame, type FrameReader } from "./frame.ts";

/** What an ADTS header says of the sound. */
export interface AacConfig {
  /** MPEG-4 audio object type, 1 to 4: what ADTS can say. */
  readonly objectType: number;
  /** Index of the sampling frequency (table 1.18), 0 to 12. */
  readonly frequency: number;
  /** Channel configuration (table 1.19), 1 to 7. */
  readonly channels: number;
}

export interface AacOptions {
  readonly config: AacConfig;
  /** Bits of the size and of the index in each header of an access unit (RFC 3640 §4.1). */
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
}

/**
 * Reads an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), as `config` of a description has it in hexadecimal. Spectral
 * band replication is left to be found in the stream, as ADTS does.
 *
 * @returns undefined when ADTS cannot say it
 */
export function parseAacConfig(hex: string): AacConfig | undefined {
  if (!/^(?:[0-9a-f]{2}){2,64}$/i.test(hex)) return undefined;
  const bits = Array.from(hex, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  let at = 0;
  const read = (count: number) => {
    const value = Number.parseInt(bits.slice(at, at + count) || "0", 2);
    at += count;
    return value;
  };
  let objectType = read(5);
  const frequency = read(4);
  const channels = read(4);
  if (objectType === 5 || objectType === 29) {
    if (read(4) === 15) return undefined;
    objectType = read(5);
  }
  const sayable = objectType >= 1 && objectType <= 4 && frequency <= 12 && channels >= 1 && channels <= 7;
  // 960 samples a frame are not AAC as ADTS has it.
  return sayable && read(1) === 0 ? { objectType, frequency, channels } : undefined;
}

/** Samples in a frame. */
const frameSamples = 1024;
/** Bytes of an ADTS header, and what its length can say (13 bits). */
const headerBytes = 7;
const longestFrame = 0x1fff;

export function createAacReader({ config, sizeLength, indexLength, indexDeltaLength }: AacOptions): FrameReader {
  const gap = createGapCheck();
  /** A frame that is cut into several packets: its size, and what there is of it. */
  let partial: { readonly size: number; readonly timestamp: number; bytes: Uint8Array } | undefined;
  let damaged = 0;

  function framed(units: readonly Uint8Array[], timestamp: number): Frame[] {
    const whole = units.filter((unit) => unit.length > 0 && unit.length + headerBytes <= longestFrame);
    damaged += units.length - whole.length;
    if (whole.length === 0) return [];
    return [
      { bytes: concatenated(whole.flatMap((unit) => [formatAdts(config, unit.length), unit])), timestamp, key: true },
    ];
  }

  function continued(data: Uint8Array, from: NonNullable<typeof partial>): Frame[] {
    const bytes = concatenated([from.bytes, data]);
    partial = bytes.length < from.size ? { ...from, bytes } : undefined;
    return partial ? [] : framed([bytes.subarray(0, from.size)], from.timestamp);
  }

  return {
    push({ payload, sequence, timestamp }) {
      if (gap(sequence) && partial) {
        partial = undefined;
        damaged++;
      }
      const bits = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
      const start = 2 + Math.ceil(bits / 8);
      if (payload.length < 2 || bits < sizeLength || start > payload.length) {
        damaged++;
        return [];
      }
      const sizes: number[] = [];
      for (let at = 16, left = bits; left >= sizeLength + (sizes.length === 0 ? indexLength : indexDeltaLength); ) {
        const step = sizeLength + (sizes.length === 0 ? indexLength : indexDeltaLength);
        sizes.push(readBits(payload, at, sizeLength));
        at += step;
        left -= step;
      }
      const [size = 0] = sizes;
      if (partial && partial.timestamp === timestamp && size === partial.size)
        return continued(payload.subarray(start), partial);
      partial = undefined;
      if (sizes.length === 1 && start + size > payload.length) {
        partial = { size, timestamp, bytes: new Uint8Array(payload.subarray(start)) };
        return [];
      }
      const units: Uint8Array[] = [];
      let at = start;
      for (const each of sizes) {
        if (at + each > payload.length) {
          damaged++;
          break;
        }
        units.push(payload.subarray(at, at + each));
        at += each;
      }
      return framed(units, timestamp);
    },
    get damaged() {
      return damaged;
    },
  };
}

/** Samples that some ADTS frames hold. */
export function samplesOf(bytes: Uint8Array): number {
  let frames = 0;
  for (let at = 0; at + headerBytes <= bytes.length; frames++) {
    const length = (((bytes[at + 3] ?? 0) & 3) << 11) | ((bytes[at + 4] ?? 0) << 3) | ((bytes[at + 5] ?? 0) >> 5);
    if (length < headerBytes) break;
    at += length;
  }
  return frames * frameSamples;
}

/** The header of a frame of so many bytes (§1.A.2.2), without a checksum, as MPEG-4. */
export function formatAdts({ objectType, frequency, channels }: AacConfig, bytes: number): Uint8Array {
  const length = bytes + headerBytes;
  return Uint8Array.of(
    0xff,
    0xf1,
    ((objectType - 1) << 6) | (frequency << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  );
}

function readBits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let bit = at; bit < at + count; bit++) value = value * 2 + (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
  return value;
}
