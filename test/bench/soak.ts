// An hour of viewers who come and go, over upstreams that fail in every way: nothing may leak, nobody may starve.
//   bun test/bench/soak.ts [--minutes 60] [--viewers 50] [--channels 10] [--rate 8] [--seed 1] [--command '["./dist/headend"]']
// Every channel has two upstreams of a provider with too few tuners for all; each breaks now and then: refuses, answers
// 404 or HTML, stalls mid-packet, resets, ends, sends garbage. Two viewers in ten watch HLS, one reads slowly. Every
// packet is looked at. Prints memory, descriptors, processes and tuners each minute; exits 1 when something is wrong.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createLoop } from "../../providers/testcard/loop.ts";
import { createRandom } from "../support/m3u.ts";
import { createPacketCheck } from "../support/media-packets.ts";
import { kinds, Origin } from "./soak-origin.ts";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    viewers: { type: "string", default: "50" },
    channels: { type: "string", default: "10" },
    rate: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
    command: { type: "string" },
  },
});
if (flags.command) process.env.HEADEND_COMMAND = flags.command;
const { fetchUntil, serving } = await import("../runtime/process.ts");

const minutes = Number(flags.minutes);
const channels = Number(flags.channels);
const tuners = channels + 2;
const rate = Number(flags.rate);
const random = createRandom(Number(flags.seed));
const below = (n: number) => Math.floor(random() * n);
/** Milliseconds without a byte after which a viewer starves, while its channel has a sound upstream. */
const starved = 10_000;

const seen = { joins: 0, refused: 0, bytes: 0, broken: 0, starved: 0, ended: 0, parts: 0, most: 0, over: 0 };
const faults: Record<string, number> = {};
const complaints: string[] = [];

const clip = new Uint8Array(await readFile(join(import.meta.dirname, "../../providers/testcard/testcard-1.mpegts")));
const loop = createLoop(clip, 8000);
const origins = Array.from({ length: channels * 2 }, () => new Origin(loop, rate));
const upstream = http.createServer((request, response) => {
  const origin = origins[Number(request.url?.slice(1))];
  if (!origin) return void response.writeHead(404).end();
  if (request.method === "HEAD") return void response.writeHead(200, { "content-type": "video/mp2t" }).end();
  origin.answer(response);
  const open = origins.reduce((sum, { open }) => sum + open.size, 0);
  seen.most = Math.max(seen.most, open);
  if (open > tuners) seen.over++;
});
upstream.listen(0, "127.0.0.1");
await new Promise((resolve) => upstream.once("listening", resolve));
const port = (upstream.address() as AddressInfo).port;

const folder = await mkdtemp(join(tmpdir(), "headend-soak-"));
const entry = (n: number) =>
  [n, n + channels].map((at) => `#EXTINF:-1 tvg-id="c${n}",Channel ${n}\nhttp://127.0.0.1:${port}/${at}\n`).join("");
await writeFile(join(folder, "list.m3u"), `#EXTM3U\n${Array.from({ length: channels }, (_, n) => entry(n)).join("")}`);
await writeFile(
  join(folder, "headend.yaml"),
  `lineup: { duplicates: alternates }\ninstances:\n  one: { use: m3u, playlist: ./list.m3u, tuners: ${tuners} }\n`,
);
try {
  await serving(folder, soak, ["--config", join(folder, "headend.yaml")]);
} finally {
  upstream.closeAllConnections();
  upstream.close();
  await rm(folder, { recursive: true, force: true });
}

async function soak({ base, pid }: { base: string; pid: number }): Promise<void> {
  await fetchUntil(200, `${base}/readyz`);
  const playlist = await (await fetch(`${base}/playlist.m3u`)).text();
  const urls = playlist.split("\n").filter((line) => line.startsWith("http"));
  const until = performance.now() + minutes * 60_000;
  const over = () => performance.now() > until;
  const viewers = Array.from({ length: Number(flags.viewers) }, (_, n) => live(urls, n, over));
  const breaking = breakThings(over);
  const samples: { at: number; rss: number; files: number }[] = [];
  const begun = performance.now();
  while (!over()) {
    await sleep(Math.min(60_000, Math.max(1000, until - performance.now())));
    const at = (performance.now() - begun) / 60_000;
    const now = await look(pid);
    samples.push({ at, ...now });
    const faulty = Object.values(faults).reduce((a, b) => a + b, 0);
    process.stdout.write(
      `${at.toFixed(0).padStart(3)} min: ${now.rss.toFixed(0)} MiB, ${now.files} files, ${now.children} children, ${await tunersUsed(base)} tuners; ${seen.joins} joins, ${faulty} faults, ${(seen.bytes / 1e9).toFixed(1)} GB, ${seen.parts} segments, ${seen.refused} refused, ${seen.broken} broken, ${seen.starved} starved\n`,
    );
  }
  await Promise.all([...viewers, breaking]);
  // Linger, and whoever is being given up.
  await sleep(20_000);
  const last = { ...(await look(pid)), tuners: await tunersUsed(base) };
  const open = origins.reduce((sum, each) => sum + each.open.size, 0);
  const streams = ((await (await fetch(`${base}/api/streams`)).json()) as { streams: unknown[] }).streams.length;
  const settled = samples.filter(({ at }) => at >= Math.min(10, minutes / 3));
  const slope = slopeOf(settled.map(({ at, rss }) => [at / 60, rss]));
  process.stdout.write(`faults: ${JSON.stringify(faults)}\nseen: ${JSON.stringify(seen)}\n`);
  process.stdout.write(
    `afterwards: ${last.rss.toFixed(0)} MiB, ${last.files} files, ${last.children} children, ${last.tuners} tuners, ${streams} streams, ${open} upstreams open\n`,
  );
  process.stdout.write(
    `memory: ${slope.toFixed(1)} MiB an hour over the settled part; most upstreams ${seen.most} of ${tuners}\n`,
  );
  const wrong = [
    ...complaints,
    ...(last.tuners + streams + open + last.children > 0 ? ["something is still open"] : []),
    ...(seen.over > 0 ? [`${seen.over} times more upstreams than tuners`] : []),
    ...(seen.broken + seen.starved > 0 ? [`${seen.broken} broken packets, ${seen.starved} starved`] : []),
  ];
  for (const each of wrong.slice(0, 20)) process.stdout.write(`WRONG: ${each}\n`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

/** Breaks an upstream every second or so, and mends it after a while; never both of one channel for long. */
async function breakThings(over: () => boolean): Promise<void> {
  while (!over()) {
    await sleep(300 + below(1400));
    const place = below(origins.length);
    const origin = origins[place];
    const other = origins[(place + channels) % origins.length];
    if (!origin || origin.fault || other?.fault) continue;
    const fault = kinds[below(kinds.length)] ?? "end";
    origin.break(fault);
    faults[fault] = (faults[fault] ?? 0) + 1;
    const length = below(5) === 0 ? 12_000 : 3000;
    setTimeout(() => origin.mend(), length).unref();
  }
  for (const origin of origins) origin.mend();
}

/** One viewer: watches something for a while, again and again. */
async function live(urls: readonly string[], n: number, over: () => boolean): Promise<void> {
  await sleep(below(5000));
  while (!over()) {
    const channel = below(urls.length);
    const url = urls[channel] ?? "";
    const ms = 200 + below(below(4) === 0 ? 60_000 : 12_000);
    seen.joins++;
    const sound = () => !origins[channel]?.fault && !origins[channel + channels]?.fault;
    try {
      if (n % 10 < 2) await watchHls(url.replace(/\/mpegts$/, ".m3u8"), ms);
      else await watch(url, ms, n % 10 === 2, sound);
    } catch (error) {
      complaints.push(`${url}: ${(error as Error).message}`);
    }
    await sleep(below(1500));
  }
}

async function watch(url: string, ms: number, slow: boolean, sound: () => boolean): Promise<void> {
  const leave = new AbortController();
  const end = setTimeout(() => leave.abort(), ms);
  const check = createPacketCheck();
  let last = performance.now();
  let told = false;
  let length = 0;
  const hunger = setInterval(() => {
    if (!sound() || slow) last = performance.now();
    if (told || performance.now() - last < starved) return;
    told = true;
    seen.starved++;
    complaints.push(`${url}: no byte for ${starved / 1000} s`);
  }, 500);
  try {
    const answer = await fetch(url, { signal: leave.signal });
    if (answer.status !== 200) {
      seen.refused++;
      await answer.body?.cancel();
      return;
    }
    for await (const chunk of answer.body ?? []) {
      last = performance.now();
      seen.bytes += chunk.length;
      length += chunk.length;
      const before = check.errors;
      check.push(chunk);
      if (check.errors > before)
        complaints.push(`${url}: ${check.fault} after ${length} bytes; last faults ${lately(url)}`);
      if (slow) await sleep(400, undefined, { signal: leave.signal });
    }
    seen.ended++;
  } catch (error) {
    if (!leave.signal.aborted) throw error;
  } finally {
    clearTimeout(end);
    clearInterval(hunger);
    seen.broken += check.errors;
  }
}

/** Plays as a player does: the playlist again and again, and every segment once. */
async function watchHls(url: string, ms: number): Promise<void> {
  const until = performance.now() + ms;
  const had = new Set<string>();
  const first = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  if (first.status !== 200) {
    seen.refused++;
    await first.body?.cancel();
    return;
  }
  let text = await first.text();
  const base = first.url;
  while (performance.now() < until) {
    for (const name of text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))) {
      if (had.has(name) || performance.now() > until) continue;
      had.add(name);
      const answer = await fetch(new URL(name, base), { signal: AbortSignal.timeout(30_000) });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (answer.status !== 200) continue;
      seen.parts++;
      seen.bytes += bytes.length;
      if (bytes[0] !== 0x47 || bytes.length % 188 !== 0)
        complaints.push(`${url}: a segment that is no transport stream`);
    }
    await sleep(500);
    const again = await fetch(base, { signal: AbortSignal.timeout(30_000) });
    text = again.status === 200 ? await again.text() : "";
    if (again.status !== 200) await again.body?.cancel();
  }
}

async function look(pid: number): Promise<{ rss: number; files: number; children: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const files = (await readdir(`/proc/${pid}/fd`)).length;
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => ""))
    .split(" ")
    .filter(Boolean);
  return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024, files, children: children.length };
}

async function tunersUsed(base: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text();
  return Number(/headend_tuners_used\{[^}]*\} (\d+)/.exec(text)?.[1] ?? Number.NaN);
}

/** What broke last at both upstreams of a channel, and what time it is. */
function lately(url: string): string {
  const n = Number(/one:c(\d+)/.exec(url)?.[1]);
  const [first, second] = [origins[n], origins[n + channels]];
  return `${first?.last}, ${second?.last}; now ${new Date().toISOString().slice(14, 23)}`;
}

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (of: readonly number[]) => of.reduce((a, b) => a + b, 0) / of.length;
  const x = mean(points.map(([each]) => each));
  const y = mean(points.map(([, each]) => each));
  const over = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  return over / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}
