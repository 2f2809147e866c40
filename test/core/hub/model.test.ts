// The hub against its model: a seeded sample; `bun test/bench/fuzz-hub.ts` plays a hundred thousand.
import { test } from "node:test";
import fc from "fast-check";
import { play } from "./model.ts";
import { commands, worlds } from "./model-script.ts";

test("hub keeps its promises whatever viewers, upstreams and time do", async () => {
  await fc.assert(
    fc.asyncProperty(worlds, commands, (world, script) => play(world, script)),
    { numRuns: 600, seed: 20_261_121 },
  );
});
