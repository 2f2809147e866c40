// Work cut into steps, so that whoever has others to serve can do so between two of them.

/** A step is at most some two milliseconds of work; the result comes after the last. */
export type Steps<Result> = Generator<void, Result>;

/** How many items of some microseconds each make a step. */
export const itemsPerStep = 1000;

/** All steps at once. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
