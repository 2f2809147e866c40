// A fragment of an MP4 (ISO/IEC 14496-12 §8.8): samples of some tracks, and what is to be known of each.

/** A sample as it is stored. */
export interface Sample {
  readonly bytes: Uint8Array;
  /** In ticks of its track, as is `offset`: from decoding to presentation; it may be negative. */
  readonly duration: number;
  readonly offset: number;
  /** A decoder may begin here. */
  readonly key: boolean;
}

/** Samples in a row of one track. */
export interface TrackRun {
  /** As the header names the track. */
  readonly id: number;
  /** When its first sample is decoded, in ticks of the track: a whole number below 2^53. */
  readonly start: number;
  readonly samples: readonly Sample[];
}

/** Flags of a sample (§8.8.3.1): it depends on no other; it depends on others and is no sync sample. */
const keyFlags = 0x02000000;
const otherFlags = 0x01010000;

/** What the header of a track's run says of its samples one by one, else once for all of them (§8.8.7, §8.8.8). */
interface Shape {
  readonly run: TrackRun;
  readonly durations: boolean;
  readonly flags: boolean;
  readonly offsets: boolean;
  readonly headerBytes: number;
  readonly dataBytes: number;
}

const shared = { header: 8 + 8, decodeTime: 8 + 12, run: 8 + 12 };

/**
 * A `moof` and its `mdat`. Tracks without samples are left out.
 *
 * @param sequence from 1, one more with every fragment (§8.8.5)
 */
export function formatFragment(sequence: number, runs: readonly TrackRun[]): Uint8Array {
  const shapes = runs.filter(({ samples }) => samples.length > 0).map(shapeOf);
  const movie = 8 + 16 + shapes.reduce((sum, { headerBytes }) => sum + headerBytes, 0);
  const data = 8 + shapes.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  const bytes = new Uint8Array(movie + data);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const word = (value: number) => {
    view.setUint32(at, value >>> 0);
    at += 4;
  };
  const head = (size: number, type: string) => {
    word(size);
    for (const letter of type) bytes[at++] = letter.charCodeAt(0);
  };
  head(movie, "moof");
  head(16, "mfhd");
  word(0);
  word(sequence);
  let place = movie + 8;
  for (const { run, durations, flags, offsets, headerBytes, dataBytes } of shapes) {
    const { id, start, samples } = run;
    const [first] = samples;
    const defaults = (durations ? 0 : 4) + (flags ? 0 : 4);
    head(headerBytes, "traf");
    head(shared.header + defaults, "tfhd");
    // Data is addressed from the beginning of the moof (§8.8.7.1).
    word(0x020000 | (durations ? 0 : 0x08) | (flags ? 0 : 0x20));
    word(id);
    if (!durations) word(first?.duration ?? 0);
    if (!flags) word(first?.key ? keyFlags : otherFlags);
    head(shared.decodeTime, "tfdt");
    word(0x01000000);
    word(Math.floor(start / 2 ** 32));
    word(start % 2 ** 32);
    head(headerBytes - 8 - shared.header - defaults - shared.decodeTime, "trun");
    word(0x01000000 | 0x201 | (durations ? 0x100 : 0) | (flags ? 0x400 : 0) | (offsets ? 0x800 : 0));
    word(samples.length);
    word(place);
    for (const { bytes, duration, offset, key } of samples) {
      if (durations) word(duration);
      word(bytes.length);
      if (flags) word(key ? keyFlags : otherFlags);
      if (offsets) word(offset);
    }
    place += dataBytes;
  }
  head(data, "mdat");
  for (const { run } of shapes)
    for (const { bytes: sample } of run.samples) {
      bytes.set(sample, at);
      at += sample.length;
    }
  return bytes;
}

function shapeOf(run: TrackRun): Shape {
  const { samples } = run;
  const [first] = samples;
  const durations = samples.some(({ duration }) => duration !== first?.duration);
  const flags = samples.some(({ key }) => key !== first?.key);
  const offsets = samples.some(({ offset }) => offset !== 0);
  const each = 4 + (durations ? 4 : 0) + (flags ? 4 : 0) + (offsets ? 4 : 0);
  const defaults = (durations ? 0 : 4) + (flags ? 0 : 4);
  return {
    run,
    durations,
    flags,
    offsets,
    headerBytes: 8 + shared.header + defaults + shared.decodeTime + shared.run + each * samples.length,
    dataBytes: samples.reduce((sum, { bytes }) => sum + bytes.length, 0),
  };
}
