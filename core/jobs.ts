// The work that an instance does again and again: each job in a loop of its own, until the instance stops.
import type { Clock, Job, Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";
import { jitter, startLoop } from "./schedule.ts";

/** Starts every job; one that fails is told of in the log and runs again. */
export function startJobs(
  jobs: Readonly<Record<string, Job>>,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Logger; readonly signal: AbortSignal },
): void {
  for (const [name, job] of Object.entries(jobs)) {
    startLoop(clock, signal, async () => {
      try {
        await job.run(signal);
      } catch (error) {
        if (!signal.aborted) log.warn(`job ${name} failed: ${reasonOf(error)}`);
      }
      return jitter(job.every);
    });
  }
}
