// The worker's entry: takes targets in batches, runs one merge and tells how it went; whoever started it ends it.
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { reasonOf } from "../reason.ts";
import { type MergeJob, type MergeResult, mergeGuide } from "./merge.ts";
import type { GuideTarget } from "./target.ts";
import type { MergeProgress } from "./types.ts";

/** How far the merge stands back: between 0, no better than any other, and 19. */
const politeness = 10;

/** To the worker. Targets come as JSON arrays: text is cheaper to hand over than objects. */
export type ToWorker = { readonly targets: string } | { readonly start: true } | { readonly abort: true };
/** From the worker. */
export type FromWorker =
  | { readonly progress: MergeProgress }
  | { readonly result: MergeResult }
  | { readonly failure: string };

const port = parentPort;
if (port) {
  yieldToOthers();
  const targets: GuideTarget[] = [];
  const controller = new AbortController();
  const send = (message: FromWorker) => port.postMessage(message);
  const progress = (now: MergeProgress) => send({ progress: now });
  port.on("message", (message: ToWorker) => {
    if ("targets" in message) targets.push(...(JSON.parse(message.targets) as GuideTarget[]));
    else if ("abort" in message) controller.abort();
    else {
      mergeGuide(workerData as MergeJob, targets, controller.signal, progress)
        .then((result) => send({ result }))
        .catch((error) => send({ failure: reasonOf(error) }));
    }
  });
}

/**
 * Lets the server's own thread go first wherever both want the same core: on Linux a thread has a priority of its own
 * (sched(7)), elsewhere only the process, whose priority is the user's affair.
 */
function yieldToOthers(): void {
  try {
    setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), politeness);
  } catch {
    // Not on Linux, or not allowed: only a busy machine notices.
  }
}
