// The samples of one track that wait for their fragment: each lasts until the next, and sound by what it holds.
import type { Sample, TrackRun } from "../../core/formats/mp4.ts";

/** A sample whose time is known. */
export interface Waiting extends Omit<Sample, "duration"> {
  /** When it is decoded, in ticks of the track. */
  readonly at: number;
  /** Absent: until the next one comes. */
  readonly duration: number | undefined;
}

export interface Lane {
  readonly timescale: number;
  readonly waiting: readonly Waiting[];
  /** Bytes of samples that wait. */
  readonly bytes: number;
  /** Where the last sample ends, in milliseconds; undefined while there was none. */
  readonly end: number | undefined;
  /** The last difference between two samples, in milliseconds: how long the last one is taken to last. */
  readonly step: number;
  /** The next sample will be of that time: so long lasts the last one that waits. */
  settle(at: number): void;
  /** Takes the next sample, which comes after the last one, whatever it says. */
  add(sample: Waiting): void;
  /** The first so many samples. @returns undefined when there are none */
  take(id: number, count: number): TrackRun | undefined;
}

/** What a picture is taken to last when nothing tells, in seconds: one of 25. */
const usualStep = 0.04;

export function createLane(timescale: number): Lane {
  let waiting: Waiting[] = [];
  let bytes = 0;
  let last: { readonly at: number; readonly duration: number | undefined } | undefined;
  let step = Math.round(timescale * usualStep);
  const ms = (ticks: number) => (ticks * 1000) / timescale;

  const note = (ticks: number) => {
    if (ticks > 0 && ticks < timescale) step = ticks;
  };

  function settle(at: number): void {
    const before = waiting.at(-1);
    if (!last || at <= last.at) return;
    note(at - last.at);
    if (!before) return;
    last = { at: last.at, duration: at - last.at };
    waiting[waiting.length - 1] = { ...before, duration: at - last.at };
  }

  return {
    timescale,
    get waiting() {
      return waiting;
    },
    get bytes() {
      return bytes;
    },
    get end() {
      return last && ms(last.at + (last.duration ?? step));
    },
    get step() {
      return ms(step);
    },
    settle,
    add(sample) {
      // Times of decoding do not go back, and no two are the same (ISO/IEC 14496-12 §8.6.1.1).
      const at = last ? Math.max(sample.at, last.at + 1) : sample.at;
      settle(at);
      const late = sample.at - at;
      const duration = sample.duration === undefined ? undefined : Math.max(1, sample.duration + late);
      last = { at, duration };
      if (duration !== undefined) note(duration);
      waiting.push({ ...sample, at, duration, offset: sample.offset + late });
      bytes += sample.bytes.length;
    },
    take(id, count) {
      const taken = waiting.slice(0, count);
      const [first] = taken;
      if (!first) return undefined;
      waiting = waiting.slice(count);
      const samples = taken.map(({ bytes, duration = step, offset, key }) => ({ bytes, duration, offset, key }));
      bytes -= samples.reduce((sum, sample) => sum + sample.bytes.length, 0);
      return { id, start: first.at, samples };
    },
  };
}
