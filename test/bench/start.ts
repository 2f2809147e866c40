// The executable's start: from spawn to the first 200 of the last good playlist and guide, and memory when idle.
//   bun test/bench/start.ts --command '["./dist/headend"]' [--rounds 15] [--channels 2000] [--programmes 100]
// Goals: 150 ms (median), 80 MiB after 10 s. Exits 1 when one is missed.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openVersions } from "../support/versions.ts";

const { values: flags } = parseArgs({
  options: {
    command: { type: "string", default: '["./dist/headend"]' },
    rounds: { type: "string", default: "15" },
    channels: { type: "string", default: "2000" },
    programmes: { type: "string", default: "100" },
  },
});
const [program = "", ...words]: string[] = JSON.parse(flags.command);
const paths = ["/playlist.m3u", "/guide.xml.gz"] as const;
/** Any that is free now; it must be known before the process says so. */
const port = 20_000 + Math.floor(Math.random() * 20_000);

const folder = await mkdtemp(join(tmpdir(), "headend-start-"));
const upstream = await openVersions(Number(flags.channels), Number(flags.programmes));
try {
  await writeFile(join(folder, "headend.yaml"), upstream.config.replaceAll("refresh: 1s", "refresh: 12h"));
  await run(["refresh"], (child) => new Promise((resolve) => child.on("close", resolve)));
  upstream.down = true;
  const times = new Map<string, number[]>(paths.map((path) => [path, []]));
  for (let round = 0; round <= Number(flags.rounds); round++) {
    await serve(async (begun) => {
      for (const [path, ms] of await Promise.all(paths.map((path) => firstAnswer(path, begun))))
        if (round > 0) times.get(path)?.push(ms);
    });
  }
  const memory = await serve(async (begun, pid) => {
    await firstAnswer("/playlist.m3u", begun);
    await sleep(10_000);
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const of = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
    return { now: of("VmRSS"), own: of("RssAnon"), peak: of("VmHWM") };
  });
  let met = memory.now <= 80;
  for (const [path, all] of times) {
    const sorted = all.sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1] ?? Number.NaN;
    met &&= middle <= 150;
    process.stdout.write(
      `${path}: ${middle.toFixed(0)} ms (${sorted[0]?.toFixed(0)} to ${sorted.at(-1)?.toFixed(0)})\n`,
    );
  }
  process.stdout.write(
    `after 10 s: ${memory.now.toFixed(0)} MiB resident, ${memory.own.toFixed(0)} of them its own; peak ${memory.peak.toFixed(0)}\n`,
  );
  process.exitCode = met ? 0 : 1;
} finally {
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
}

function serve<Result>(work: (begun: number, pid: number) => Promise<Result>): Promise<Result> {
  return run(["serve", "--listen", `127.0.0.1:${port}`], (child, begun) => work(begun, child.pid ?? 0));
}

async function run<Result>(
  args: string[],
  work: (child: ReturnType<typeof spawn>, begun: number) => Promise<Result>,
): Promise<Result> {
  const begun = performance.now();
  const child = spawn(
    program,
    [
      ...words,
      ...args,
      "--config",
      join(folder, "headend.yaml"),
      "--data",
      join(folder, "data"),
      "--log-level",
      "error",
    ],
    {
      stdio: "ignore",
    },
  );
  const closed = new Promise((resolve) => child.once("close", resolve));
  try {
    return await work(child, begun);
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
}

async function firstAnswer(path: string, begun: number): Promise<[path: string, ms: number]> {
  // A refused connection costs less than a refused fetch, and this process shares the processor.
  while (!(await connects())) await sleep(2);
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    await answer.arrayBuffer();
    if (answer.status === 200) return [path, performance.now() - begun];
    await sleep(2);
  }
}

function connects(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
