// By hand: how fast a programme is followed, in MB/s on one core, over a clip repeated in memory.
// `bun test/bench/keyframe.ts [MiB] [file.ts]`, or `deno run -A test/bench/keyframe.ts`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createProgrammeReader, programmeFlags } from "../../core/formats/keyframe.ts";
import { packetLength } from "../../core/formats/mpegts.ts";

const [size = "64", file = join(import.meta.dirname, "../../providers/testcard/testcard-1.mpegts")] =
  process.argv.slice(2);
const clip = readFileSync(file);
const times = Math.max(1, Math.floor((Number(size) * 2 ** 20) / clip.length));
const bytes = new Uint8Array(clip.length * times);
for (let index = 0; index < times; index++) bytes.set(clip, index * clip.length);

for (let round = 0; round < 5; round++) {
  const reader = createProgrammeReader();
  let points = 0;
  const start = performance.now();
  for (let at = 0; at + packetLength <= bytes.length; at += packetLength)
    if ((reader.read(bytes, at) & programmeFlags.randomAccess) !== 0) points++;
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`${Math.round(bytes.length / 1e6 / seconds)} MB/s, ${points} random-access points\n`);
}
