// AAC of a transport stream as samples: frames follow one another by what they hold, and only now and then by their stamps.
import { type AdtsHeader, aacRates, aacSamples, formatAacEntry } from "../../core/formats/mp4.ts";
import { ticksPerSecond } from "../../core/formats/mpegts.ts";
import { createLane, type Lane } from "./lane.ts";

/** Sound of one make. */
export interface SoundTrack {
  readonly entry: Uint8Array;
  readonly lane: Lane;
  /** True when a header says the same of its sound. */
  fits(header: AdtsHeader): boolean;
  /** Takes a frame; `at` is in ticks of 90 kHz, absent where it follows the last. False: it came too late, and is left out. */
  add(bytes: Uint8Array, at: number | undefined): boolean;
}

/** Frames that stamps may be off before they are believed. */
const tolerance = 2 * aacSamples;

export function createSoundTrack(header: AdtsHeader): SoundTrack {
  const rate = aacRates[header.frequency] ?? 48_000;
  const lane = createLane(rate);
  let next: number | undefined;
  return {
    entry: formatAacEntry(header),
    lane,
    fits: ({ objectType, frequency, channels }) =>
      objectType === header.objectType && frequency === header.frequency && channels === header.channels,
    add(bytes, stamp) {
      const said = stamp === undefined ? next : Math.round((stamp * rate) / ticksPerSecond);
      if (said === undefined) return false;
      const off = next === undefined ? tolerance + 1 : said - next;
      if (next !== undefined && off < -tolerance) return false;
      const at = next !== undefined && off <= tolerance ? next : said;
      lane.add({ bytes, at, duration: aacSamples, offset: 0, key: true });
      next = at + aacSamples;
      return true;
    },
  };
}

/** Why sound cannot be taken; undefined: it can. */
export function faultOf({ channels, blocks }: AdtsHeader): string | undefined {
  if (channels === 0) return "AAC that says its channels in every frame";
  return blocks === 1 ? undefined : "AAC with several blocks in a frame";
}
