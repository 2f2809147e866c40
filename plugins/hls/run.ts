// What goes on without a jump, as fragmented MP4: one header, segments, and parts of them if these are wanted.
import { type AdtsHeader, formatFragment, formatInit, type PictureEntry } from "../../core/formats/mp4.ts";
import { ticksPerSecond } from "../../core/formats/mpegts.ts";
import { createLane, type Lane, type Waiting } from "./lane.ts";
import type { Moment } from "./segmenter.ts";
import { createSoundTrack, type SoundTrack } from "./sound.ts";

/** What comes of a stream, in order. */
export type Piece =
  /** The header for all that follows, until the next one. */
  | { readonly kind: "map"; readonly bytes: Uint8Array }
  /** A segment begins; it may not continue the one before. */
  | { readonly kind: "open"; readonly discontinuity: boolean }
  /** More of the segment: a whole fragment. */
  | PartPiece
  | { readonly kind: "close" };

export interface PartPiece {
  readonly kind: "part";
  readonly bytes: Uint8Array;
  /** Milliseconds. */
  readonly duration: number;
  /** It begins with a picture that decodes by itself. */
  readonly independent: boolean;
}

export interface RunOptions {
  /** Absent: sound alone. */
  readonly entry: PictureEntry | undefined;
  /** The programme announces sound. */
  readonly sounds: boolean;
  /** When the first sample is decoded, and when the first picture is shown: sound before that is left out. Ticks of 90 kHz. */
  readonly from: number;
  readonly shown: number;
  /** Goes on over runs. */
  readonly progress: Progress;
  /** Whether to end the segment here. */
  mayCut(moment: Moment): boolean;
  /** A segment is not made larger than about this many bytes. */
  readonly mostBytes: number;
  /** Milliseconds that a part is meant to have; absent: a segment is one part. */
  readonly part?: number;
  give(piece: Piece): void;
}

export interface Progress {
  fragments: number;
  /** Segments, and milliseconds of them. */
  count: number;
  total: number;
}

export interface Run {
  /** The next picture; its times are in ticks of 90 kHz. */
  picture(sample: Waiting): void;
  /** The next frame of sound; `at` in ticks of 90 kHz, absent where it follows the last. */
  sound(bytes: Uint8Array, header: AdtsHeader, at: number | undefined): void;
  /** How long a picture lasts, in milliseconds. */
  readonly step: number;
  /** Sound came that the header does not know: another one is wanted with the next key picture. */
  readonly outgrown: boolean;
  /** The times of sound have nothing to do with those of pictures any more. */
  readonly torn: boolean;
  /** All that waits is given, and the segment with it. */
  end(): void;
}

const ids = { video: 1, audio: 2 } as const;
/** Milliseconds to wait for the sound that a programme announces. */
const soundLimit = 1000;
/** Milliseconds without a picture after which sound alone decides. */
const silence = 3000;
/** Frames of sound in a row that come too late for their place. */
const mostLate = 150;
/** Parts are alike to some hundredths: stamps are not exact. */
const tolerance = 1.02;

export function createRun(o: RunOptions): Run {
  const { entry, progress } = o;
  const pictures = entry && createLane(ticksPerSecond);
  const began = (o.from * 1000) / ticksPerSecond;
  let track: SoundTrack | undefined;
  let mapped = false;
  let outgrown = false;
  let late = 0;
  /** Milliseconds: where the segment and the part under way begin. */
  let segment = began;
  let part = began;
  let discontinuity = progress.count > 0;
  let opened = false;
  let independent = true;
  let bytes = 0;
  let limit: number | undefined;
  let lastKey: number | undefined;
  let interval = 0;

  /** The lane by which is cut. */
  function lead(): Lane | undefined {
    if (!pictures || (track?.lane.end ?? 0) - (pictures.end ?? began) > silence) return track?.lane;
    return pictures;
  }

  const endOf = (lane: Lane, { at, duration }: Waiting) =>
    (at * 1000) / lane.timescale + (duration === undefined ? lane.step : (duration * 1000) / lane.timescale);

  /** Whether all is known that the header must say. */
  const isReady = () => mapped || !o.sounds || track !== undefined || (pictures?.end ?? began) - began >= soundLimit;

  function giveMap(): void {
    mapped = true;
    const video = entry && { id: ids.video, timescale: ticksPerSecond, entry: entry.entry, size: entry };
    const audio = track && { id: ids.audio, timescale: track.lane.timescale, entry: track.entry };
    o.give({ kind: "map", bytes: formatInit([video, audio].filter((each) => each !== undefined)) });
  }

  /** The first samples of the leading lane, and all that there is of the other. */
  function give(by: Lane, count: number): void {
    const first = by.waiting[0];
    const last = by.waiting[count - 1];
    if (!first || !last) return;
    const until = endOf(by, last);
    if (!mapped) giveMap();
    const isKey = first.key && by === (pictures ?? by);
    if (!opened) {
      o.give({ kind: "open", discontinuity });
      independent = isKey;
      opened = true;
    }
    const taken = (lane: Lane | undefined, id: number) =>
      lane?.take(id, lane === by ? count : lane.waiting.length) ?? { id, start: 0, samples: [] };
    const fragment = formatFragment(++progress.fragments, [taken(pictures, ids.video), taken(track?.lane, ids.audio)]);
    o.give({ kind: "part", bytes: fragment, duration: Math.max(1, until - part), independent: isKey });
    bytes += fragment.length;
    part = Math.max(part + 1, until);
  }

  /** How many samples of the lane make a part; 0: there are not enough yet. */
  function countFull(by: Lane, most: number): number {
    let count = 0;
    for (const sample of by.waiting) {
      if (sample.duration === undefined) return 0;
      const until = endOf(by, sample);
      if (count > 0 && until - part > most) return count;
      count++;
      if (until + by.step - part > most) return count;
    }
    return 0;
  }

  function drain(by: Lane): void {
    if (o.part === undefined || !isReady()) return;
    // Of whole pictures.
    limit ??= Math.max(1, Math.round(o.part / by.step)) * by.step * tolerance;
    for (let count = countFull(by, limit); count > 0; count = countFull(by, limit)) give(by, count);
  }

  function end(): void {
    const by = lead();
    if (by) {
      drain(by);
      give(by, by.waiting.length);
    }
    if (!opened) return;
    o.give({ kind: "close" });
    progress.count++;
    progress.total += part - segment;
    segment = part;
    opened = false;
    discontinuity = false;
    bytes = 0;
  }

  /** A place where the segment may end. @param now milliseconds */
  function consider(by: Lane, now: number, key: boolean): void {
    const elapsed = now - segment;
    const large = bytes + (pictures?.bytes ?? 0) + (track?.lane.bytes ?? 0) >= o.mostBytes;
    if (elapsed <= 0 || (by.waiting.length === 0 && !opened) || (!isReady() && !large)) return;
    const begins = opened ? independent : by === pictures || !pictures ? (by.waiting[0]?.key ?? false) : false;
    const { count, total } = progress;
    if (large || o.mayCut({ elapsed, total: total + elapsed, count, key, independent: begins, interval })) end();
  }

  return {
    picture(sample) {
      if (!pictures) return;
      const now = (sample.at * 1000) / ticksPerSecond;
      if (sample.key) {
        if (lastKey !== undefined && now > lastKey) interval = now - lastKey;
        lastKey = now;
      }
      if (pictures.end !== undefined) {
        pictures.settle(sample.at);
        consider(pictures, now, sample.key);
      }
      pictures.add(sample);
      drain(pictures);
    },
    sound(frame, header, at) {
      if (at !== undefined && at < o.shown) return;
      if (!track && mapped) outgrown = true;
      if (outgrown) return;
      track ??= createSoundTrack(header);
      if (!track.fits(header)) {
        outgrown = true;
        return;
      }
      const by = lead();
      if (by === track.lane && at !== undefined) consider(by, (at * 1000) / ticksPerSecond, !pictures);
      late = track.add(frame, at) ? 0 : late + 1;
      if (by === track.lane) drain(by);
    },
    get step() {
      return pictures?.step ?? 0;
    },
    get outgrown() {
      return outgrown;
    },
    get torn() {
      return late > mostLate;
    },
    end,
  };
}
