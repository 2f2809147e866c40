// How long what comes lasts, by its own time stamps: 33 bits that wrap, jump and are missing.
import { clockRate, clockWrap, stampWrap, ticksPerSecond } from "../../core/formats/mpegts.ts";

/** Adds up the steps of a counter that wraps. */
export interface Timeline {
  /** Milliseconds since the start, jumps left out. */
  readonly elapsed: number;
  /** The last step between two stamps, in milliseconds: how long a picture lasts. */
  readonly step: number;
  /** False as long as nothing has been added. */
  readonly running: boolean;
  /** Takes the next stamp, in ticks. False: it does not continue the one before. */
  add(ticks: number): boolean;
  /** The next stamp continues nothing. */
  reset(): void;
}

/** Milliseconds that two stamps in a row may lie apart, forward and back. */
const forward = 10_000;
const back = 1000;
/** What a step is taken for when there is none: a picture of 25 a second. */
const usualStep = 40;
const longestStep = 1000;

/** @param rate ticks a second; @param wrap what they count modulo */
export function createTimeline(rate: number, wrap: number): Timeline {
  let last: number | undefined;
  let elapsed = 0;
  let step = usualStep;
  let running = false;
  return {
    get elapsed() {
      return elapsed;
    },
    get step() {
      return step;
    },
    get running() {
      return running;
    },
    add(ticks) {
      const before = last;
      last = ticks;
      if (before === undefined) return true;
      const ms = (signedStep(before, ticks, wrap) / rate) * 1000;
      const continues = ms <= forward && ms >= -back;
      if (ms > 0 && ms < longestStep) step = ms;
      // What jumped is taken to follow at once.
      elapsed += continues ? ms : step;
      running = true;
      return continues;
    },
    reset() {
      last = undefined;
    },
  };
}

/** Of DTS and PTS (ISO/IEC 13818-1 §2.4.3.7). */
export const createStampTimeline = () => createTimeline(ticksPerSecond, stampWrap);
/** Of clock references (§2.4.3.5). */
export const createClockTimeline = () => createTimeline(clockRate, clockWrap);

/** From one counter to the next by the shorter way round. */
export function signedStep(from: number, to: number, wrap: number): number {
  const step = (to - from + wrap) % wrap;
  return step > wrap / 2 ? step - wrap : step;
}
