// Kills Headend 200 times at random moments of its refreshes; afterwards everything served must be whole and no older.
//   bun test/bench/kill.ts [--kills 200] [--seed 1] [--channels 1000] [--programmes 60] [--keep]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { killAgainAndAgain, listFiles } from "../support/kills.ts";
import { createRandom } from "../support/m3u.ts";

const { values: flags } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    channels: { type: "string", default: "1000" },
    programmes: { type: "string", default: "60" },
  },
});

const folder = await mkdtemp(join(tmpdir(), "headend-kill-"));
const begun = performance.now();
try {
  const { files, hits, last } = await killAgainAndAgain({
    folder,
    kills: Number(flags.kills),
    channels: Number(flags.channels),
    programmes: Number(flags.programmes),
    random: createRandom(Number(flags.seed)),
    told: (kill, what) => process.stdout.write(`${kill}: ${what}\n`),
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  process.stdout.write(`${(await listFiles(join(folder, "data"))).join("\n")}\n`);
  process.stdout.write(
    `${flags.kills} kills in ${seconds} s, ${hits} of them on a running process; playlist ${last.playlist}, guide ${last.guide}; ` +
      `files: ${files.first} at first, ${files.most} at most, ${files.last} at last\n`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
