// Guide merge against its floors and its peers: whole processes, one after another in turn, medians and ratios.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, URL } from "node:url";
import { parseArgs } from "node:util";
import { writeConfig, writeGuide, writeIds } from "./guide-input.ts";

const help = `By hand: bun test/bench/guide.ts [options]

  --runs N           rounds that count, after one that does not (5)
  --megabytes N      size of the guide that is made (224)
  --guide FILE       take this guide (XMLTV, gzip) instead; needs --ids and --all
  --ids FILE         ids of which the programmes are kept, a line each: a tenth of the guide's
  --all FILE         all ids of the guide
  --small FILE       a guide of 50 MB, for its memory (made)
  --large FILE       a guide of 1 GB, for its memory (made); --large none leaves it out
  --command JSON     what runs headend, such as '["./dist/headend"]' ([bun, core/main.ts])
  --go PROGRAM       a peer: PROGRAM IDS OUT.gz LEVEL GUIDE.gz, with Go's encoding/xml
  --rust PROGRAM     the same with Rust's quick-xml
  --only TEXT        only jobs whose name has this in it, and the floors

Needs nothing else, some 2 GB in the temporary folder, and an idle machine. Runs on Deno, too: deno run -A.
`;
const text = { type: "string" } as const;
const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    runs: { ...text, default: "5" },
    megabytes: { ...text, default: "224" },
    guide: text,
    ids: text,
    all: text,
    small: text,
    large: text,
    command: text,
    go: text,
    rust: text,
    only: text,
  },
});

interface Run {
  seconds: number;
  /** MiB, of the process and of its workers. */
  rss: number;
  cpu?: number;
  /** Of the merge alone, by its own report. */
  inside?: number;
  held?: number;
}

/** Runs a command; jobs of our own tell how it went, of others the peak is looked at while they run. */
async function time(command: readonly string[]): Promise<Run> {
  const [program = "", ...args] = command;
  const started = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaint = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  let peak = 0;
  let over = false;
  const watch = async () => {
    while (!over) {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      await sleep(20);
    }
  };
  const watching = watch();
  const [code] = await once(child, "close");
  const seconds = (performance.now() - started) / 1000;
  over = true;
  await watching;
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}\n${output}${complaint}`);
  return { rss: peak, ...(output.startsWith("{") ? JSON.parse(output) : {}), seconds };
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const runtime = [process.execPath, ...("Deno" in globalThis ? ["run", "-A", "--no-check"] : [])];
const job = (...args: string[]) => [...runtime, here("guide-child.ts"), ...args];
const headend: string[] = flags.command ? JSON.parse(flags.command) : [...runtime, here("../../core/main.ts")];

const FLOOR = "gunzip (floor)";
const DEFLATE = "one deflate stream, level 6";

function jobsOf(folder: string, guide: string, few: string, all: string): Record<string, string[]> {
  const config = writeConfig(folder, readFileSync(few, "utf8").split("\n").filter(Boolean), guide);
  const peer = (program: string) => [program, few, join(folder, "peer.xml.gz"), "1", guide];
  return {
    [FLOOR]: job("floor", guide),
    "10 % kept, level 1, worker": job("merge", few, "1", guide),
    "10 % kept, level 1, alone": job("alone", few, "1", guide),
    "10 % kept, level 1, refresh": [...headend, "refresh", "--config", config, "--data", join(folder, "data")],
    "10 % kept, default level": job("merge", few, "0", guide),
    "four guides at once": job("merge", few, "1", guide, guide, guide, guide),
    [DEFLATE]: job("deflate", guide, "6"),
    "all kept, level 6": job("merge", all, "6", guide),
    ...(flags.rust && { "peer: Rust quick-xml": peer(flags.rust) }),
    ...(flags.go && { "peer: Go encoding/xml": peer(flags.go) }),
  };
}

const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

const widths = [9, 9, 8, 9, 11, 10, 9];
const heads = ["wall s", "inside s", "cpu s", "x floor", "x deflate", "peak MiB", "loop ms"];
const tell = (name: string, cells: readonly string[]) =>
  process.stdout.write(`${name.padEnd(28)}${cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("")}\n`);

function row(name: string, runs: readonly Run[], floor: readonly Run[], deflate: readonly Run[]): void {
  const middle = (key: "seconds" | "inside" | "cpu") => {
    const known = runs.flatMap((run) => run[key] ?? []);
    return known.length > 0 ? median(known).toFixed(3) : "-";
  };
  const ratio = (to: readonly Run[]) => {
    const known = runs.flatMap((run, i) => (to[i] ? run.seconds / to[i].seconds : []));
    return known.length > 0 ? median(known).toFixed(2) : "-";
  };
  const held = runs.flatMap((run) => run.held ?? []);
  tell(name, [
    middle("seconds"),
    middle("inside"),
    middle("cpu"),
    ratio(floor),
    ratio(deflate),
    Math.max(...runs.map((run) => run.rss)).toFixed(0),
    held.length > 0 ? Math.max(...held).toFixed(1) : "-",
  ]);
}

async function compare(folder: string): Promise<void> {
  const made = writeIds(folder);
  const { few, all } = flags.guide ? { few: flags.ids ?? "", all: flags.all ?? "" } : made;
  const guide = flags.guide ?? (await writeGuide(join(folder, "guide.xml.gz"), Number(flags.megabytes), 6));
  process.stdout.write(`${guide}: ${(statSync(guide).size / 1e6).toFixed(1)} MB gzip\n`);
  const jobs = Object.entries(jobsOf(folder, guide, few, all)).filter(
    ([name]) => !flags.only || name === FLOOR || name === DEFLATE || name.includes(flags.only),
  );
  const rows = new Map<string, Run[]>(jobs.map(([name]) => [name, []]));
  for (let round = 0; round <= Number(flags.runs); round++) {
    for (const [name, command] of jobs) {
      // Each refresh is a first one.
      rmSync(join(folder, "data"), { recursive: true, force: true });
      const run = await time(command);
      if (round > 0) rows.get(name)?.push(run);
    }
  }
  tell("", heads);
  const floor = rows.get(FLOOR) ?? [];
  for (const [name, runs] of rows) row(name, runs, floor, rows.get(DEFLATE) ?? []);
  const ours = rows.get("10 % kept, level 1, worker") ?? [];
  for (const [name, runs] of rows) {
    if (!name.startsWith("peer: ") || ours.length === 0) continue;
    const times = median(runs.map((run, i) => run.seconds / (ours[i]?.seconds ?? Number.NaN)));
    process.stdout.write(`${name.slice(6)} takes ${times.toFixed(1)} x the time of the merge in a worker\n`);
  }
}

/** Peak memory must not depend on the size of the guide. */
async function compareSizes(folder: string): Promise<void> {
  const few = flags.guide ? (flags.ids ?? "") : writeIds(folder).few;
  const sizes = [
    { name: "50 MB", path: flags.small, megabytes: 50 },
    { name: "1 GB", path: flags.large, megabytes: 1000 },
  ];
  for (const { name, path, megabytes } of sizes) {
    if (path === "none") continue;
    // A guide of others' ids would keep nothing: it is made with the ids that are made.
    const own = path === undefined;
    const guide = path ?? (await writeGuide(join(folder, "sized.xml.gz"), megabytes, 1));
    const ids = own ? writeIds(folder).few : few;
    row(`${name}, floor`, [await time(job("floor", guide))], [], []);
    for (const how of ["merge", "alone"]) {
      const runs: Run[] = [];
      for (let round = 0; round < 3; round++) runs.push(await time(job(how, ids, "1", guide)));
      row(`${name}, ${how === "merge" ? "worker" : how}`, runs, [], []);
    }
  }
}

if (flags.help) process.stdout.write(help);
else if (flags.guide && !(flags.ids && flags.all)) {
  process.stderr.write("--guide needs --ids and --all\n");
  process.exitCode = 2;
} else {
  const folder = mkdtempSync(join(tmpdir(), "headend-bench-"));
  try {
    await compare(folder);
    if (!flags.only) await compareSizes(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
