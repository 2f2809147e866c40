// How calm the server stays while it merges a guide of 1 GB: /healthz and the main loop's delay, idle and meanwhile.
// Median of the rounds: with two cores the client, the server and the merge get in each other's way by chance.
//   bun test/bench/calm.ts [--command '["./dist/headend"]'] [--megabytes 1000] [--idle 3] [--rounds 5]
// Goal: p99 of /healthz at most 3 x its idle p99. Exits 1 when it is missed.
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createGzip } from "node:zlib";

const { values: flags } = parseArgs({
  options: {
    command: { type: "string" },
    megabytes: { type: "string", default: "1000" },
    idle: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
  },
});
if (flags.command) process.env.HEADEND_COMMAND = flags.command;
const { fetchUntil, serving } = await import("../runtime/process.ts");

/** Looks each millisecond how late the main loop is; `/probe/` tells the worst since it was asked last. */
const probe = `let worst = 0, last = performance.now();
setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last - 1); last = now; }, 1);
export default {
  name: "probe", api: 1, config: { safeParse: (data) => ({ success: true, data }) },
  setup: () => ({ routes: (app) => app.get("/", () => { const said = worst; worst = 0; return String(said); }) }),
};`;

const channels = 3000;
const folder = await mkdtemp(join(tmpdir(), "headend-calm-"));
try {
  await mkdir(join(folder, "plugins"));
  await writeFile(join(folder, "plugins", "probe.ts"), probe);
  const entries = Array.from(
    { length: channels / 10 },
    (_, i) => `#EXTINF:-1 tvg-id="c${i * 10}",C ${i}\nhttp://cdn.example/${i}\n`,
  );
  await writeFile(join(folder, "list.m3u"), `#EXTM3U\n${entries.join("")}`);
  await writeFile(
    join(folder, "headend.yaml"),
    "instances:\n  one: { use: m3u, playlist: ./list.m3u }\n  big: { use: xmltv, guides: [./guide.xml.gz] }\n  probe: { use: ./probe.ts }\n",
  );
  await pipeline(guide, createGzip({ level: 1 }), createWriteStream(join(folder, "later.xml.gz")));
  await serving(folder, run, ["--config", join(folder, "headend.yaml")]);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function run({ base, pid }: { base: string; pid: number }): Promise<void> {
  await fetchUntil(200, `${base}/readyz`);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const lateness = async () => Number(await (await fetch(`${base}/probe/`)).text());
  const lastMerge = async () => {
    const { guide } = (await (await fetch(`${base}/api/status`)).json()) as { guide: { lastSuccess?: string } };
    return guide.lastSuccess;
  };
  const never = async () => false;
  const path = join(folder, "guide.xml.gz");
  await rename(join(folder, "later.xml.gz"), path);
  await measure(base, agent, 1000, never);
  const ratios: number[] = [];
  for (let round = 1; round <= Number(flags.rounds); round++) {
    await lateness();
    const idle = await measure(base, agent, Number(flags.idle) * 1000, never);
    tell("idle   ", idle, await lateness());
    // Another time makes it another guide.
    await utimes(path, round, round);
    const before = await lastMerge();
    const begun = performance.now();
    await fetch(`${base}/api/instances/big/refresh`, { method: "POST" });
    const busy = await measure(base, agent, 600_000, async () => (await lastMerge()) !== before);
    tell("merging", busy, await lateness());
    ratios.push(at(busy, 0.99) / at(idle, 0.99));
    process.stdout.write(
      `${flags.megabytes} MB in ${((performance.now() - begun) / 1000).toFixed(1)} s; p99 ${ratios.at(-1)?.toFixed(2)} x idle\n`,
    );
  }
  agent.destroy();
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  process.stdout.write(`median p99 ${at(ratios, 0.5).toFixed(2)} x idle; peak ${peak.toFixed(0)} MiB\n`);
  process.exitCode = at(ratios, 0.5) <= 3 ? 0 : 1;
}

function tell(what: string, times: readonly number[], late: number): void {
  const [middle, most, worst] = [0.5, 0.99, 1].map((share) => at(times, share).toFixed(2));
  process.stdout.write(
    `${what}: /healthz p50 ${middle} ms, p99 ${most} ms, worst ${worst} ms of ${times.length}; main loop at most ${late.toFixed(1)} ms late\n`,
  );
}

/** One question after another for so many milliseconds, with a breath between them, or until it is over. */
async function measure(base: string, agent: http.Agent, ms: number, over: () => Promise<boolean>): Promise<number[]> {
  const times: number[] = [];
  let looked = performance.now();
  for (const until = looked + ms; performance.now() < until; ) {
    const begun = performance.now();
    await ask(`${base}/healthz`, agent);
    times.push(performance.now() - begun);
    await sleep(1);
    if (performance.now() - looked < 500) continue;
    looked = performance.now();
    if (await over()) break;
  }
  return times;
}

function ask(url: string, agent: http.Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent }, (answer) => answer.resume().on("end", resolve)).on("error", reject);
  });
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Programmes of 400 bytes, all of the next two weeks. */
async function* guide(): AsyncGenerator<string> {
  yield "<tv>\n";
  yield Array.from(
    { length: channels },
    (_, i) => `<channel id="c${i}"><display-name>C ${i}</display-name></channel>\n`,
  ).join("");
  const each = Math.floor((Number(flags.megabytes) * 1e6) / 400 / channels);
  const from = Date.now();
  const stamp = (n: number) =>
    `${new Date(from + (n * 14 * 86_400_000) / each).toISOString().replace(/[-:T]/g, "").slice(0, 14)} +0000`;
  for (let channel = 0; channel < channels; channel++) {
    let text = "";
    for (let n = 0; n < each; n++) {
      const title = `<title lang="en">Title ${(n * 7919) % 1000}</title>`;
      text += `<programme start="${stamp(n)}" stop="${stamp(n + 1)}" channel="c${channel}">${title}<desc lang="en">${`${n * 31} words of some kind, ${channel} `.repeat(7).slice(0, 236)}</desc></programme>\n`;
    }
    yield text;
  }
  yield "</tv>\n";
}
