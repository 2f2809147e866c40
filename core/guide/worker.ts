// The worker's entry: takes targets in batches, runs one merge and tells how it went; whoever started it ends it.
import { parentPort, workerData } from "node:worker_threads";
import { reasonOf } from "../reason.ts";
import { type MergeJob, type MergeResult, mergeGuide } from "./merge.ts";
import type { GuideTarget } from "./target.ts";
import type { MergeProgress } from "./types.ts";

/** To the worker. Targets come as JSON arrays: text is cheaper to hand over than objects. */
export type ToWorker = { readonly targets: string } | { readonly start: true } | { readonly abort: true };
/** From the worker. */
export type FromWorker =
  | { readonly progress: MergeProgress }
  | { readonly result: MergeResult }
  | { readonly failure: string };

const port = parentPort;
if (port) {
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
