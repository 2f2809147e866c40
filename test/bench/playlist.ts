// Playlists of 55,000 entries, whole processes: copied, passed on, parsed into channels, rendered from a lineup.
//   bun test/bench/playlist.ts [--rounds 7] [--entries 55000]
// Turn about; medians of wall, CPU and peak memory, and ratios to the copying process. Exits 1 when a goal is missed.
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { createCache } from "../../core/cache.ts";
import { openDecompressed } from "../../core/fetch/decompress.ts";
import { formatPlaylist, parsePlaylist, rewriteHeader } from "../../core/formats/m3u.ts";
import type { Channel, LineupChannel } from "../../core/types.ts";
import { createRandom } from "../support/m3u.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    entries: { type: "string", default: "55000" },
    mode: { type: "string" },
    folder: { type: "string" },
  },
});

/** What the child processes do with `list.m3u` of a folder; `idle` is what starting costs. */
const modes: Readonly<Record<string, (folder: string) => Promise<void> | void>> = {
  idle() {},
  copy(folder) {
    const buffer = Buffer.allocUnsafe(1 << 20);
    const from = openSync(join(folder, "list.m3u"), "r");
    const to = openSync(join(folder, "copy.part"), "w");
    for (let read = readSync(from, buffer); read > 0; read = readSync(from, buffer)) writeSync(to, buffer, 0, read);
    fsyncSync(to);
    closeSync(to);
    renameSync(join(folder, "copy.part"), join(folder, "copy.m3u"));
  },
  async pass(folder) {
    const bytes = openDecompressed(join(folder, "list.m3u"));
    await createCache(folder).write("pass.m3u", rewriteHeader(bytes, "http://tv.example:8888/guide.xml.gz"));
  },
  async parse(folder) {
    const channels: Channel[] = [];
    for await (const channel of parsePlaylist(openDecompressed(join(folder, "list.m3u")))) channels.push(channel);
    if (channels.length !== Number(flags.entries)) throw new Error(`${channels.length} channels`);
  },
  async render(folder) {
    const lineup: LineupChannel[] = [];
    for await (const channel of parsePlaylist(openDecompressed(join(folder, "list.m3u")))) {
      const id = `list:${lineup.length}`;
      lineup.push({ guideId: id, ...channel, id, instance: "list", number: `${lineup.length + 1}`, alternates: [] });
    }
    async function* pieces() {
      let text = "";
      for (const entry of formatPlaylist(lineup, { base: "\u0001", guide: "/guide.xml.gz" })) {
        text += entry;
        if (text.length < 1 << 16) continue;
        yield text;
        text = "";
      }
      yield text;
    }
    await createCache(folder).write("render.m3u", pieces());
  },
};

/** Wall ratio to `copy`, CPU in ms, MiB. */
const goals: Readonly<Record<string, { ratio?: number; cpu?: number; memory?: number }>> = {
  pass: { ratio: 1.6 },
  parse: { cpu: 400, memory: 160 },
};

if (flags.mode) await runMode(flags.mode, flags.folder ?? ".");
else process.exitCode = (await measure()) ? 0 : 1;

async function runMode(mode: string, folder: string): Promise<void> {
  await modes[mode]?.(folder);
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.stdout.write(JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1000, memory: maxRSS / 1024 }));
}

async function measure(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "headend-bench-"));
  try {
    const list = makeList(Number(flags.entries));
    await writeFile(join(folder, "list.m3u"), list);
    const names = Object.keys(modes);
    const runs = new Map(names.map((name) => [name, [] as { wall: number; cpu: number; memory: number }[]]));
    // The first round only warms the file cache.
    for (let round = 0; round <= Number(flags.rounds); round++) {
      for (const name of names) {
        const options = ["--mode", name, "--folder", folder, "--entries", flags.entries];
        const begun = performance.now();
        const child = spawnSync(process.execPath, [import.meta.filename, ...options], { encoding: "utf8" });
        const wall = performance.now() - begun;
        if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
        if (round > 0) runs.get(name)?.push({ wall, ...JSON.parse(child.stdout) });
      }
    }
    return report(runs, Buffer.byteLength(list));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(runs: ReadonlyMap<string, { wall: number; cpu: number; memory: number }[]>, size: number): boolean {
  process.stdout.write(`${(size / 1e6).toFixed(1)} MB, ${flags.entries} entries, median of ${flags.rounds}\n`);
  let met = true;
  const copy = middle(runs.get("copy")?.map((run) => run.wall) ?? []);
  for (const [name, all] of runs) {
    const [wall, cpu, memory] = (["wall", "cpu", "memory"] as const).map((key) => middle(all.map((run) => run[key])));
    const goal = goals[name] ?? {};
    const missed =
      (wall ?? 0) / copy > (goal.ratio ?? Infinity) ||
      (cpu ?? 0) > (goal.cpu ?? Infinity) ||
      (memory ?? 0) > (goal.memory ?? Infinity);
    met &&= !missed;
    const row = [
      `${wall?.toFixed(0)} ms`,
      `${((wall ?? 0) / copy).toFixed(2)} x copy`,
      `${cpu?.toFixed(0)} ms CPU`,
      `${memory?.toFixed(0)} MiB`,
    ];
    process.stdout.write(
      `${name.padEnd(7)} ${row.map((cell) => cell.padStart(14)).join("")}${missed ? "   MISSED" : ""}\n`,
    );
  }
  return met;
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Entries as a large provider writes them: some 210 bytes each, ids that are empty or repeated here and there. */
function makeList(entries: number): string {
  const random = createRandom(1);
  const word = () => "ba ko ri ten sta mé lu do ver an is ou po ći ra že nor gel".split(" ")[Math.floor(random() * 18)];
  const lines = ['#EXTM3U url-tvg="http://up.example/epg.xml.gz" x-tvg-url="http://up.example/epg.xml.gz"'];
  for (let index = 0; index < entries; index++) {
    const name = `${word()}${word()} ${word()}${word()} ${word()} HD`;
    const id = index % 7 === 1 ? "" : `${word()}${word()}${index % 40_000}.uk`;
    const group = `${"UK US DE FR IT".split(" ")[index % 5]} | ${word()}`;
    lines.push(
      `#EXTINF:-1 tvg-id="${id}" tvg-name="${name}" tvg-logo="http://img.example.org/logos/${index}.png" group-title="${group}",${name}`,
      `http://cdn.example.org:8080/live/someuser/somepassword/${100_000 + index}.ts`,
    );
  }
  return `${lines.join("\n")}\n`;
}
