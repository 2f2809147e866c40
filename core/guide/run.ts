// Runs one merge in a worker of its own: starts it, feeds it, hears it, and makes sure that it ends.
import type { URL as NodeUrl } from "node:url";
import { Worker } from "node:worker_threads";
import { HeadendError } from "../errors.ts";
import type { Clock } from "../plugin.ts";
import type { MergeJob, MergeResult } from "./merge.ts";
import type { MergeProgress } from "./types.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

/** How long an aborted worker may take to stop by itself. */
const PATIENCE = 2000;

export interface RunOptions {
  readonly worker: URL;
  readonly job: MergeJob;
  /** Targets as JSON arrays. */
  readonly targets: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  progress(progress: MergeProgress): void;
}

/** @throws HeadendError `guide.merge` when the merge failed; the signal's reason when it was aborted. */
export async function runMerge({
  worker: url,
  job,
  targets,
  clock,
  signal,
  progress,
}: RunOptions): Promise<MergeResult> {
  signal.throwIfAborted();
  const worker = new Worker(url as NodeUrl, { workerData: job });
  const send = (message: ToWorker) => worker.postMessage(message);
  let answer: FromWorker | undefined;
  let crash: unknown;
  const over = new AbortController();
  const ended = new Promise<void>((resolve) => {
    worker.on("message", (message: FromWorker) => {
      if ("progress" in message) return progress(message.progress);
      answer = message;
      resolve();
    });
    worker.on("error", (error) => {
      crash = error;
      resolve();
    });
    worker.on("exit", () => resolve());
    over.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  // Asked first, so that it can close its files; made to end when it does not listen.
  const abort = () => {
    send({ abort: true });
    clock
      .sleep(PATIENCE, over.signal)
      .then(() => over.abort())
      .catch(() => {});
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    for (const batch of targets) send({ targets: batch });
    send({ start: true });
    await ended;
  } finally {
    signal.removeEventListener("abort", abort);
    over.abort();
    const gone = worker.terminate();
    // One that has answered has nothing left to write.
    if (!answer) await gone;
  }
  signal.throwIfAborted();
  if (answer && "result" in answer) return answer.result;
  const reason =
    answer && "failure" in answer
      ? answer.failure
      : `its worker ended early${crash instanceof Error ? `: ${crash.message}` : ""}`;
  throw new HeadendError("guide.merge", { reason }, crash);
}
