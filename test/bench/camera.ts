// How soon a camera can be watched, and what it costs, against `ffmpeg -c copy -f hls` in the same run. By hand: bun test/bench/camera.ts
//
// A camera on loopback films at 25 pictures a second; requests come at any moment of a group of pictures. `after key` is
// from the first key frame that was sent to whoever asked until a playlist with a segment is there; `whole` is from the request.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { openStreaming } from "../runtime/streams/headend.ts";
import { type LiveCamera, openLiveCamera } from "../support/live-camera.ts";
import { tools } from "../support/media.ts";

const [rounds = 20, seconds = 20] = process.argv.slice(2).map(Number);
/** Milliseconds before the processor's time is taken: the compiler is at it for longer than a minute where little happens. */
const warmUp = 120_000;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const worst = (values: readonly number[]) => Math.max(0, ...values);
const ffmpeg = tools?.ffmpeg ?? "ffmpeg";

interface Taken {
  readonly afterKey: number;
  readonly whole: number;
}

/** The first key frame that is sent after somebody began to play, while `work` runs. */
async function timed(camera: LiveCamera, work: () => Promise<void>): Promise<Taken> {
  const played = camera.server.methods.filter((method) => method === "PLAY").length;
  const start = performance.now();
  let over = false;
  let keyAt = 0;
  let playedAt = 0;
  const looking = (async () => {
    while (!over && keyAt === 0) {
      const plays = camera.server.methods.filter((method) => method === "PLAY").length;
      if (playedAt === 0 && plays > played) playedAt = performance.now();
      if (playedAt > 0 && camera.keyAt >= playedAt) keyAt = camera.keyAt;
      await sleep(2);
    }
  })();
  await work();
  const end = performance.now();
  over = true;
  await looking;
  return { afterKey: keyAt === 0 ? Number.NaN : end - keyAt, whole: end - start };
}

async function byFfmpeg(
  url: string,
  folder: string,
): Promise<{ ready: Promise<void>; stop(): Promise<void>; pid: number }> {
  const list = join(folder, "index.m3u8");
  const input = ["-rtsp_transport", "tcp", "-probesize", "32768", "-analyzeduration", "100000", "-i", url];
  const output = [
    "-c",
    "copy",
    "-f",
    "hls",
    "-hls_time",
    "1",
    "-hls_list_size",
    "6",
    "-hls_flags",
    "delete_segments",
    list,
  ];
  const child = spawn(ffmpeg, ["-nostdin", "-loglevel", "error", ...input, ...output], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const ready = (async () => {
    while (!existsSync(list) || !readFileSync(list, "utf8").includes("#EXTINF")) {
      if (child.exitCode !== null) throw new Error(`ffmpeg ended with ${child.exitCode}`);
      await sleep(2);
    }
  })();
  return {
    ready,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Milliseconds of processor time that a process has taken. */
async function cpuOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\)/s, "").trim().split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const configOf = (cameras: readonly LiveCamera[], keys: string) =>
  `streams:\ninstances:\n  testcard: false\n  cams:\n    use: camera\n    linger: 0s\n    cameras:\n${cameras
    .map(({ url }, index) => `      c${index}: { url: "${url}"${keys} }\n`)
    .join("")}`;

async function firstPlaylist(gop: number): Promise<void> {
  const camera = await openLiveCamera({ gop: gop * 25, bitrate: 1_000_000 });
  const headend = await openStreaming(configOf([camera], ""), 1);
  const ours: Taken[] = [];
  const theirs: Taken[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      // Any moment of the group of pictures.
      await sleep((round / rounds) * gop * 1000);
      ours.push(
        await timed(camera, async () => {
          const answer = await fetch(`${headend.base}/watch/c0`);
          if (!(await answer.text()).includes("#EXTINF")) throw new Error(`no playlist: ${answer.status}`);
        }),
      );
      const folder = await mkdtemp(join(tmpdir(), "headend-camera-"));
      await sleep((round / rounds) * gop * 1000);
      let run: Awaited<ReturnType<typeof byFfmpeg>> | undefined;
      theirs.push(
        await timed(camera, async () => {
          run = await byFfmpeg(camera.url, folder);
          await run.ready;
        }),
      );
      await run?.stop();
      await rm(folder, { recursive: true });
      // ffmpeg does not always tear down when it is told to stop.
      for (let turn = 0; camera.server.sessions.size > 0 && turn < 200; turn++) await sleep(50);
      camera.server.drop();
    }
  } finally {
    await headend.close();
    await camera.close();
  }
  const line = (name: string, taken: readonly Taken[]) => {
    const after = taken.map(({ afterKey }) => afterKey).filter((ms) => !Number.isNaN(ms));
    const whole = taken.map((each) => each.whole);
    console.log(
      `GOP ${gop} s  ${name.padEnd(8)} after key: median ${median(after).toFixed(0)} ms, worst ${worst(after).toFixed(0)} ms (${after.length})` +
        `   whole: median ${median(whole).toFixed(0)} ms, worst ${worst(whole).toFixed(0)} ms`,
    );
    return median(whole);
  };
  const ratio = line("headend", ours) / line("ffmpeg", theirs);
  console.log(`GOP ${gop} s  ratio of the whole: ${ratio.toFixed(2)}`);
}

async function warm(): Promise<void> {
  const camera = await openLiveCamera({ gop: 50, bitrate: 1_000_000 });
  const headend = await openStreaming(configOf([camera], ", always: true"), 1);
  const took: number[] = [];
  try {
    while (camera.server.sessions.size === 0) await sleep(50);
    await sleep(4000);
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      await (await fetch(`${headend.base}/watch/c0`)).text();
      took.push(performance.now() - start);
      // Until nobody watches it as HLS any more.
      await sleep(7500 + (round / rounds) * 2000);
    }
  } finally {
    await headend.close();
    await camera.close();
  }
  console.log(`warm, GOP 2 s  median ${median(took).toFixed(0)} ms, worst ${worst(took).toFixed(0)} ms`);
}

/** Both watch the same cameras at the same time, so that whatever else the machine does hits both. */
async function processor(count: number): Promise<void> {
  const cameras = await Promise.all(
    Array.from({ length: count }, () => openLiveCamera({ gop: 50, bitrate: 4_000_000 })),
  );
  const headend = await openStreaming(configOf(cameras, ""), count);
  const folder = await mkdtemp(join(tmpdir(), "headend-camera-"));
  const urls = cameras.map((_, index) => `${headend.base}/watch/c${index}`);
  // As players do, each by itself: the playlist, once in its target duration. Nobody takes segments, of either.
  const pollFor = async (ms: number) => {
    const start = performance.now();
    await Promise.all(
      urls.map(async (url, index) => {
        for (; performance.now() - start < ms; await sleep(2000)) {
          const answer = await fetch(urls[index] ?? url);
          await answer.text();
          urls[index] = answer.url;
        }
      }),
    );
  };
  const runs = await Promise.all(
    cameras.map(async ({ url }, index) => await byFfmpeg(url, await mkdtemp(join(folder, `${index}-`)))),
  );
  const pids = { headend: [headend.pid], ffmpeg: runs.map(({ pid }) => pid) } as const;
  const shares: Record<keyof typeof pids, number[]> = { headend: [], ffmpeg: [] };
  const spent = async (name: keyof typeof pids) =>
    (await Promise.all(pids[name].map(cpuOf))).reduce((sum, each) => sum + each, 0);
  try {
    await Promise.all(runs.map(({ ready }) => ready));
    // Code that runs seldom takes its time to be compiled.
    await pollFor(warmUp);
    for (let round = 0; round < 5; round++) {
      const before = [await spent("headend"), await spent("ffmpeg")];
      const start = performance.now();
      await pollFor(seconds * 1000);
      for (const [index, name] of (["headend", "ffmpeg"] as const).entries())
        shares[name].push((100 * ((await spent(name)) - (before[index] ?? 0))) / (performance.now() - start) / count);
    }
    await Promise.all(runs.map((run) => run.stop()));
  } finally {
    await headend.close();
    await Promise.all(cameras.map((camera) => camera.close()));
    await rm(folder, { recursive: true, force: true });
  }
  for (const [name, all] of Object.entries(shares))
    console.log(
      `CPU of one of ${count} cameras at 4 Mbit/s  ${name.padEnd(8)} median ${median(all).toFixed(2)} %, rounds ${all.map((share) => share.toFixed(2)).join(" ")}`,
    );
}

const only = process.argv[4];
for (const gop of [1, 2, 4]) if (!only || only === `gop${gop}`) await firstPlaylist(gop);
if (!only || only === "warm") await warm();
if (!only || only === "cpu")
  for (const count of (process.argv[5] ?? "4,8").split(",").map(Number)) await processor(count);
process.exit(0);
