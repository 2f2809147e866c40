// By hand: the hub against its model, many times. `bun test/bench/fuzz-hub.ts [RUNS] [SEED]`
import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { play } from "../core/hub/model.ts";
import { commands, worlds } from "../core/hub/model-script.ts";

const runs = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? 1);
const megabytes = () => Math.round(process.memoryUsage().rss / 2 ** 20);
const slice = Math.max(1, Math.min(2000, Math.ceil(runs / 10)));
const started = performance.now();
let settled = 0;
process.on("unhandledRejection", (reason) => {
  process.stderr.write(`a promise was rejected and nobody heard: ${reason}\n`);
  process.exit(1);
});

for (let done = 0; done < runs; done += slice) {
  const each = seed + done / slice;
  const property = fc.asyncProperty(worlds, commands, (world, script) => play(world, script));
  const result = await fc.check(property, { numRuns: Math.min(slice, runs - done), seed: each });
  if (result.failed) {
    process.stderr.write(`run ${done + result.numRuns}, seed ${each}: ${result.counterexamplePath}\n`);
    process.stderr.write(`${JSON.stringify(result.counterexample)}\n`);
    throw result.errorInstance;
  }
  if (done === 0) settled = megabytes();
  const rate = (done + result.numRuns) / ((performance.now() - started) / 1000);
  if ((done / slice) % 5 === 0)
    process.stdout.write(`${done + result.numRuns} runs, ${Math.round(rate)} a second, ${megabytes()} MiB\n`);
}
process.stdout.write(
  `${runs} runs in ${((performance.now() - started) / 1000).toFixed(1)} s; ${megabytes()} MiB at the end\n`,
);
assert.ok(megabytes() < settled * 1.5 + 64, "memory must not grow");
