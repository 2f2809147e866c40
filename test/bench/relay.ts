// The relay under load: multicast to many viewers, one HTTP upstream against nginx, HLS against nginx, and doing nothing.
//   bun test/bench/relay.ts [--only multicast|http|hls|idle] [--seconds 5] [--rounds 3] [--command '["./dist/headend"]']
// Wants Linux, nginx, ffmpeg and two idle cores: the relay has core 0, sources and viewers core 1. Prints CPU for each
// 100 Mbit/s delivered, loss, latency and memory; in one run and in turn with nginx where there is a comparison.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createLoop } from "../../providers/testcard/loop.ts";
import { convertClip, makeClip, runFfmpeg } from "../support/media.ts";
import { at, costOf, type Departures, pace, sendRtp, stall, type Taken, watchAll } from "./relay-load.ts";
import { endAll, startHeadend, startNginx, startOrigin } from "./relay-servers.ts";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    command: { type: "string" },
  },
});
const ms = Number(flags.seconds) * 1000;
const rounds = Number(flags.rounds);
const command: string[] = flags.command
  ? JSON.parse(flags.command)
  : ["bun", join(import.meta.dirname, "../../core/main.ts")];
const say = (text: string) => process.stdout.write(`${text}\n`);
const wants = (job: string) => flags.only === "" || flags.only === job;

if (process.platform === "linux") spawn("taskset", ["-cp", "1", String(process.pid)], { stdio: "ignore" });
// Filled up to 8 Mbit/s, as operators do it.
const clipPath = await convertClip(await makeClip("h264", { seconds: 8, gop: 50 }), "filled.ts", ["-muxrate", "8M"]);
const clip = new Uint8Array(await readFile(clipPath));
const loop = createLoop(clip, 8000);
const mbit = (clip.length * 8) / 8e6;
say(`a stream of ${mbit.toFixed(1)} Mbit/s, a key frame every 2 s`);
const folder = await mkdtemp(join(tmpdir(), "headend-relay-"));
try {
  if (wants("multicast")) await multicast();
  if (wants("http")) await overHttp();
  if (wants("hls")) await overHls();
  if (wants("idle")) await idle();
} finally {
  await endAll();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function multicast(): Promise<void> {
  const groups = Array.from({ length: 10 }, (_, n) => `239.255.91.${n + 1}`);
  const list = groups.map((group, n) => `#EXTINF:-1 tvg-id="g${n}",G ${n}\nrtp://${group}:5000\n`);
  list.push(`#EXTINF:-1 tvg-id="fast",Fast\nrtp://239.255.92.1:5000\n`);
  for (const [name, count, viewers, rate, still] of [
    ["1 x 150", 1, 150, 1, 0],
    ["10 x 10", 10, 10, 1, 0],
    ["1 x 250", 1, 250, 1, 0],
    ["1 x 50, 100 stalled", 1, 50, 1, 100],
    ["400 Mbit/s x 1", 1, 1, 400 / mbit, 0],
  ] as const) {
    const relay = await startHeadend({ command, folder }, list, "interface: 127.0.0.1, ");
    const ending = new AbortController();
    const departures: Departures = new Map();
    const sent = { bytes: 0 };
    const chosen = rate > 1 ? ["239.255.92.1"] : groups.slice(0, count);
    for (const [n, group] of chosen.entries())
      await sendRtp({ group, port: 5000, loop, rate, signal: ending.signal, sent, ...(n === 0 && { departures }) });
    const urls = chosen.map((_, n) => `${relay.base}/live/one:${rate > 1 ? "fast" : `g${n}`}.ts`);
    const release = still > 0 ? stall(urls[0] ?? "", still) : () => {};
    const costs: Awaited<ReturnType<typeof costOf>>[] = [];
    const measured = async () => {
      costs.push(await costOf(relay.pid));
      sent.bytes = costs.length === 1 ? 0 : sent.bytes;
    };
    const taken = await watchAll(urls, { viewers, ms, departures, measured });
    tell(name, taken, costs, sent.bytes * viewers);
    release();
    if (still > 0) {
      await sleep(8000);
      say(`${"".padEnd(22)} ${(await costOf(relay.pid)).rss.toFixed(0)} MiB after the stalled have gone`);
    }
    ending.abort();
    await relay.end();
  }
}

async function overHttp(): Promise<void> {
  let connections = 0;
  let most = 0;
  const origin = await startOrigin((_, response) => {
    most = Math.max(most, ++connections);
    const ending = new AbortController();
    response.on("close", () => {
      connections--;
      ending.abort();
    });
    response.writeHead(200, { "content-type": "video/mp2t" });
    pace(loop, 1, ending.signal, (bytes) => response.write(bytes));
  });
  const proxy = await startNginx(
    folder,
    `location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_buffering off; proxy_http_version 1.1; }`,
  );
  const relay = await startHeadend({ command, folder }, [
    `#EXTINF:-1 tvg-id="a",A\nhttp://127.0.0.1:${origin.port}/a\n`,
  ]);
  const spent = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, url, pid] of [
      ["nginx", `${proxy.base}/a`, proxy.pid],
      ["headend", `${relay.base}/live/one:a.ts`, relay.pid],
    ] as const) {
      most = 0;
      const costs: Awaited<ReturnType<typeof costOf>>[] = [];
      const taken = await watchAll([url], {
        viewers: 150,
        ms,
        measured: async () => void costs.push(await costOf(pid)),
      });
      const cpu = tell(`http ${name} x 150`, taken, costs);
      spent.set(name, [...(spent.get(name) ?? []), cpu]);
      say(`${"".padEnd(22)} ${most} upstream connections`);
      await sleep(6000);
    }
  }
  compare(spent, 0.6);
  await relay.end();
  await proxy.end();
  origin.end();
}

async function overHls(): Promise<void> {
  const www = join(folder, "www");
  const files = join(www, "ch");
  await mkdir(files, { recursive: true });
  const one = ["-hls_time", "2", "-hls_list_size", "0", "-hls_playlist_type", "vod", "-g", "50"];
  for (const name of ["low", "mid", "high"])
    await runFfmpeg(["-i", clipPath, "-c", "copy", "-f", "hls", ...one, join(files, `${name}.m3u8`)]);
  const variants = ["low", "mid", "high"].map(
    (name, n) => `#EXT-X-STREAM-INF:BANDWIDTH=${(n + 1) * 4_000_000}\n${name}.m3u8\n`,
  );
  await writeFile(join(files, "index.m3u8"), `#EXTM3U\n${variants.join("")}`);
  let asked = 0;
  const slides = new Map<string, string>();
  // A live playlist over the same few segments: each name new, so that each is fetched once.
  const origin = await startOrigin(async (request, response) => {
    const path = request.url ?? "";
    if (path.endsWith("index.m3u8")) return void response.end(await readFile(join(files, "index.m3u8")));
    const live = /^\/ch\/(low|mid|high)\.m3u8$/.exec(path)?.[1];
    if (live !== undefined) return void response.end(livePlaylist(live));
    asked++;
    const [, name, n] = /^\/ch\/(low|mid|high)-(\d+)\.ts$/.exec(path) ?? [];
    slides.set(path, name ?? "");
    response.writeHead(200, { "content-type": "video/mp2t" });
    response.end(await readFile(join(files, `${name}${Number(n) % 4}.ts`)));
  });
  const server = await startNginx(folder, `location / { root ${www}; }`);
  const relay = await startHeadend({ command, folder }, [
    `#EXTINF:-1 tvg-id="a",A\nhttp://127.0.0.1:${origin.port}/ch/index.m3u8\n`,
  ]);
  const spent = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, start, pid] of [
      ["nginx", `${server.base}/ch/index.m3u8`, server.pid],
      ["headend", `${relay.base}/live/one:a.m3u8`, relay.pid],
    ] as const) {
      asked = 0;
      slides.clear();
      const before = await costOf(pid);
      const done = await playAll(start, 200);
      const cost = await costOf(pid);
      const each = ((cost.cpu - before.cpu) * 1000) / done.requests;
      spent.set(name, [...(spent.get(name) ?? []), (cost.cpu - before.cpu) / (done.bytes / 1e9)]);
      const once = name === "headend" ? `; ${asked} fetched, ${slides.size} different` : "";
      say(
        `hls ${name.padEnd(8)} x 200   ${each.toFixed(0)} µs a request, ${((cost.cpu - before.cpu) / (done.bytes / 1e9)).toFixed(0)} ms a GB, ${done.failed} failed, ${cost.rss.toFixed(0)} MiB${once}`,
      );
    }
  }
  compare(spent, 1.1);
  await relay.end();
  await server.end();
  origin.end();

  function livePlaylist(name: string): string {
    const first = Math.floor(performance.now() / 2000);
    const entries = [0, 1, 2].map((n) => `#EXTINF:2.0,\n${name}-${first + n}.ts\n`);
    return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:${first}\n${entries.join("")}`;
  }
}

/** So many players, a third on each variant: the playlist each two seconds, and the newest segment. */
async function playAll(start: string, count: number): Promise<{ requests: number; bytes: number; failed: number }> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: count });
  const done = { requests: 0, bytes: 0, failed: 0 };
  const until = performance.now() + ms;
  const lines = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const get = (url: string) =>
    new Promise<Buffer>((resolve) => {
      http
        .get(url, { agent }, (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part));
          answer.on("end", () => {
            const all = Buffer.concat(parts);
            done.requests++;
            done.bytes += all.length;
            if (answer.statusCode !== 200) done.failed++;
            resolve(all);
          });
        })
        .on("error", () => {
          done.failed++;
          resolve(Buffer.alloc(0));
        });
    });
  await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const variants = lines((await get(start)).toString());
      const media = new URL(variants[n % variants.length] ?? "", start).href;
      await sleep((n * 2000) / count);
      while (performance.now() < until) {
        const begun = performance.now();
        const newest = lines((await get(media)).toString()).at(-1);
        if (newest) await get(new URL(newest, media).href);
        await sleep(Math.max(0, 2000 - (performance.now() - begun)));
      }
    }),
  );
  agent.destroy();
  return done;
}

async function idle(): Promise<void> {
  for (const count of [1, 1000]) {
    const list = Array.from({ length: count }, (_, n) => `#EXTINF:-1 tvg-id="i${n}",I ${n}\nhttp://127.0.0.1:9/${n}\n`);
    const relay = await startHeadend({ command, folder }, list);
    await sleep(5000);
    const before = await costOf(relay.pid);
    await sleep(20_000);
    const { cpu, rss } = await costOf(relay.pid);
    say(`${count} idle channels: ${((cpu - before.cpu) / 20).toFixed(1)} ms of CPU a second, ${rss.toFixed(0)} MiB`);
    await relay.end();
  }
}

/** Prints one measurement. @returns percent of a core for each 100 Mbit/s delivered */
function tell(
  name: string,
  taken: Taken,
  [before, after]: readonly Awaited<ReturnType<typeof costOf>>[],
  wanted?: number,
): number {
  if (!before || !after) return Number.NaN;
  const busy = (after.cpu - before.cpu) / ms;
  const delivered = (taken.bytes * 8) / ms / 1000;
  const each = (busy * 100) / (delivered / 100);
  const share = wanted === undefined ? "" : ` (${((taken.bytes * 100) / wanted).toFixed(1)} % of what was sent)`;
  const least = (taken.least * 8) / ms / 1000;
  say(
    `${name.padEnd(22)} ${(busy * 100).toFixed(1)} % of a core, ${each.toFixed(2)} % a 100 Mbit/s; ${delivered.toFixed(0)} Mbit/s${share}, the least ${least.toFixed(1)}; ${taken.errors} lost, ${taken.refused} refused; latency ${at(taken.latencies, 0.5).toFixed(0)} ms, p99 ${at(taken.latencies, 0.99).toFixed(0)}; first byte p99 ${at(taken.firsts, 0.99).toFixed(0)} ms; ${after.rss.toFixed(0)} MiB, peak ${after.peak.toFixed(0)}`,
  );
  return each;
}

function compare(spent: ReadonlyMap<string, readonly number[]>, goal: number): void {
  const ratio = at(spent.get("headend") ?? [], 0.5) / at(spent.get("nginx") ?? [], 0.5);
  say(`${"".padEnd(22)} ${ratio.toFixed(2)} x nginx (goal ${goal})`);
}
