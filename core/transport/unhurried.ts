// Runs work in steps and lets everybody else go first between two of them: a playlist of a day is a third of a second.
import { setImmediate } from "node:timers/promises";
import type { Steps } from "../formats/steps.ts";

export async function unhurried<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}
