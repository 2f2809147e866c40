// Playlists of 55,000 entries, whole processes: copied, passed on, parsed, rendered, and refreshed by the real command.
//   bun test/bench/playlist.ts [--rounds 7] [--entries 55000]
// Turn about; medians of wall, CPU, peak memory and the longest time the event loop was held, and ratios to the copying
// process. `small` is the command with ten entries: what it costs to be there at all. Exits 1 when a goal is missed.
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, readFileSync, readSync, renameSync, writeSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { createCache } from "../../core/cache.ts";
import { systemClock } from "../../core/clock.ts";
import { openDecompressed } from "../../core/fetch/decompress.ts";
import { parsePlaylist, rewriteHeader } from "../../core/formats/m3u.ts";
import { createLineup } from "../../core/lineup/index.ts";
import { createStore } from "../../core/lineup/store.ts";
import type { Logger } from "../../core/plugin.ts";
import type { Channel } from "../../core/types.ts";
import { createRenderedPlaylists } from "../../plugins/playlist/rendered.ts";
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
  /** From an empty folder to a written playlist; then once more, with nothing changed. */
  async first(folder) {
    await rm(join(folder, "data"), { recursive: true, force: true });
    await refresh(folder, "list.m3u", "data");
  },
  second: (folder) => refresh(folder, "list.m3u", "data"),
  small: (folder) => refresh(folder, "small.m3u", "small"),
  /** The same without the command around it, to see how long it holds the loop. */
  async lineup(folder) {
    await rm(join(folder, "lineup"), { recursive: true, force: true });
    await update(folder);
  },
  again: update,
};

async function update(folder: string): Promise<void> {
  const fail = (sentence: string) => {
    throw new Error(sentence);
  };
  const log: Logger = { debug() {}, info() {}, warn: fail, error: fail };
  const { signal } = new AbortController();
  const lineup = createLineup({ store: createStore(join(folder, "lineup")), log, clock: systemClock });
  await lineup.restore(["big"]);
  const cache = createCache(join(folder, "lineup/cache"));
  const guideLink = () => "/guide.xml.gz";
  const offer = { dialect: "flussonic-ts", output: "ts" } as const;
  const rendered = await createRenderedPlaylists({
    ...{ lineup, cache, clock: systemClock, log, signal, guideLink, changed() {} },
    main: undefined,
    offer,
  });
  const bytes = openDecompressed(join(folder, "list.m3u"));
  await lineup.update("big", parsePlaylist(bytes).lists(), {
    rules: [],
    range: undefined,
    original: undefined,
    signal,
  });
  await rendered.page(undefined, offer);
}

/** `headend refresh` in this process; it ends it. */
async function refresh(folder: string, list: string, data: string): Promise<void> {
  const config = join(folder, `${data}.json`);
  await writeFile(config, JSON.stringify({ instances: { big: { use: "m3u", playlist: join(folder, list) } } }));
  process.argv.splice(2, process.argv.length, "refresh", "--config", config, "--data", join(folder, data));
  await import("../../core/main.ts");
  await new Promise(() => {});
}

/** CPU in ms over that of `small`, MiB, and how much more than the copying process a wall may take; ms that the loop may be held. */
const goals: Readonly<Record<string, { ratio?: number; cpu?: number; memory?: number; held?: number }>> = {
  pass: { ratio: 1.6 },
  first: { cpu: 400, memory: 160 },
  second: { cpu: 400, memory: 160 },
  lineup: { held: 10 },
  again: { held: 10 },
};

if (flags.mode) await runMode(flags.mode, flags.folder ?? ".");
else process.exitCode = (await measure()) ? 0 : 1;

interface Run {
  readonly wall: number;
  readonly cpu: number;
  readonly memory: number;
  readonly held: number;
}

async function runMode(mode: string, folder: string): Promise<void> {
  let held = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    const now = performance.now();
    held = Math.max(held, now - last - 1);
    last = now;
  }, 1);
  process.once("exit", () => {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    const cpu = (userCPUTime + systemCPUTime) / 1000;
    writeSync(1, `\n${JSON.stringify({ cpu, memory: peakMemory(), held })}`);
  });
  await modes[mode]?.(folder);
  clearInterval(beat);
}

/** MiB. Not from getrusage(2), which counts the parent's memory before exec. */
function peakMemory(): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
  } catch {
    return process.memoryUsage.rss() / 2 ** 20;
  }
}

async function measure(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "headend-bench-"));
  try {
    const list = makeList(Number(flags.entries));
    await writeFile(join(folder, "list.m3u"), list);
    await writeFile(join(folder, "small.m3u"), makeList(10));
    const names = Object.keys(modes);
    const runs = new Map(names.map((name) => [name, [] as Run[]]));
    // The first round only warms the file cache.
    for (let round = 0; round <= Number(flags.rounds); round++) {
      for (const name of names) {
        const options = ["--mode", name, "--folder", folder, "--entries", flags.entries];
        const begun = performance.now();
        const child = spawnSync(process.execPath, [import.meta.filename, ...options], { encoding: "utf8" });
        const wall = performance.now() - begun;
        if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
        const said = child.stdout.slice(child.stdout.lastIndexOf("\n"));
        if (round > 0) runs.get(name)?.push({ wall, ...JSON.parse(said) });
      }
    }
    return report(runs, Buffer.byteLength(list));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(runs: ReadonlyMap<string, readonly Run[]>, size: number): boolean {
  process.stdout.write(`${(size / 1e6).toFixed(1)} MB, ${flags.entries} entries, median of ${flags.rounds}\n`);
  let met = true;
  const copy = middle(runs.get("copy")?.map((run) => run.wall) ?? []);
  const small = middle(runs.get("small")?.map((run) => run.cpu) ?? []);
  for (const [name, all] of runs) {
    const of = (key: keyof Run) => middle(all.map((run) => run[key]));
    const goal = goals[name] ?? {};
    const missed =
      of("wall") / copy > (goal.ratio ?? Infinity) ||
      of("cpu") - small > (goal.cpu ?? Infinity) ||
      of("memory") > (goal.memory ?? Infinity) ||
      of("held") > (goal.held ?? Infinity);
    met &&= !missed;
    const row = [
      `${of("wall").toFixed(0)} ms`,
      `${(of("wall") / copy).toFixed(2)} x copy`,
      `${of("cpu").toFixed(0)} ms CPU`,
      goal.cpu === undefined ? "" : `${(of("cpu") - small).toFixed(0)} net`,
      `${of("memory").toFixed(0)} MiB`,
      goal.held === undefined ? "" : `held ${of("held").toFixed(1)} ms`,
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
