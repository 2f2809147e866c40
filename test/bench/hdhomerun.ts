// A device asked a thousand times a second while it plays and a guide merges: how long its answers take, and whether a picture stops.
//   bun test/bench/hdhomerun.ts [--rate 1000] [--megabytes 200] [--channels 4] [--seconds 10]
// Half of the questions are discover.json, half lineup_status.json; a latency counts from the instant at which the question
// was due. Viewers, upstreams and asker are this process. Wants ffmpeg and two idle cores. Exits 1 when p99 is 50 ms or more
// while the guide merges, or a stream has a gap.
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openStreaming, until, watch } from "../runtime/streams/headend.ts";
import { createFeed } from "../support/feed.ts";
import { countContinuityErrors, readClip } from "../support/media.ts";
import { openUpstream } from "../support/upstream.ts";
import { writeGuide, writeIds } from "./guide-input.ts";
import { at } from "./relay-load.ts";

const { values: flags } = parseArgs({
  options: {
    rate: { type: "string", default: "1000" },
    megabytes: { type: "string", default: "200" },
    channels: { type: "string", default: "4" },
    seconds: { type: "string", default: "10" },
  },
});
const rate = Number(flags.rate);
const channels = Number(flags.channels);
const clipSeconds = 120;
const paths = ["/discover.json", "/lineup_status.json"];

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let failures = 0;

/** Asks in time until it is told to stop; latencies in milliseconds. */
async function ask(base: string, signal: AbortSignal): Promise<number[]> {
  const latencies: number[] = [];
  const began = performance.now();
  const one = (url: string, due: number) =>
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) failures++;
      response.resume().on("end", () => void latencies.push(performance.now() - due));
    }).on("error", () => void failures++);
  for (let sent = 0; !signal.aborted; await sleep(1))
    for (; sent < ((performance.now() - began) * rate) / 1000; sent++)
      one(`${base}${paths[sent % paths.length]}`, began + (sent * 1000) / rate);
  return latencies;
}

function tell(what: string, latencies: readonly number[], seconds: number): number {
  const p99 = at(latencies, 0.99);
  const figures = [0.5, 0.99, 0.999, 1].map((share) => at(latencies, share).toFixed(1));
  console.log(
    `${what}: ${Math.round(latencies.length / seconds)}/s for ${seconds.toFixed(1)} s; p50 p99 p99.9 max ${figures.join(" ")} ms`,
  );
  return p99;
}

const folder = await mkdtemp(join(tmpdir(), "headend-device-"));
const upstream = await openUpstream();
const clip = await readClip("h264", { seconds: clipSeconds, gop: 50, bitrate: 4_000_000 });
const ids = (await readFile(writeIds(folder).all, "utf8")).split("\n");
const live = Array.from({ length: channels }, (_, i) => `live${i}`);
for (const name of live) upstream.answers.set(`/${name}`, createFeed(clip, { seconds: clipSeconds }).answer);
const entries = [...live, ...ids].map((id) => `#EXTINF:-1 tvg-id="${id}",${id}\n${upstream.base}/${id}\n`);
await writeFile(join(folder, "list.m3u"), `#EXTM3U\n${entries.join("")}`);
const next = await writeGuide(join(folder, "next.xml.gz"), Number(flags.megabytes), 1);
const guide = join(folder, "guide.xml.gz");
await writeFile(guide, "");
const streaming = await openStreaming(
  `streams: { slate: 0s }
guide: { match: normalised, days: all, history: all, compression: 1 }
instances:
  up: { use: m3u, playlist: ${join(folder, "list.m3u")}, guides: [${guide}] }
  tuner: { use: hdhomerun, port: 0, tuners: ${channels}, discovery: { ssdp: false, hdhomerun: false } }
`.replace("streams: { slate: 0s }", "streams:\n  slate: 0s"),
  live.length + ids.length,
);
try {
  await until(() => /is at http:/.test(streaming.output()), "the device has no port");
  const base = `http://127.0.0.1:${/is at http:\/\/[^:]+:(\d+)/.exec(streaming.output())?.[1]}`;
  const viewers = await Promise.all(live.map((_, i) => watch(`${base}/auto/v${i + 1}`)));
  await Promise.all(viewers.map((viewer) => viewer.more(500_000)));
  let longest = 0;
  const looking = new AbortController();
  const look = async () => {
    const last = viewers.map(({ length }) => ({ length, at: performance.now() }));
    while (!looking.signal.aborted) {
      await sleep(5);
      for (const [i, viewer] of viewers.entries()) {
        const known = last[i];
        if (!known || viewer.length === known.length) continue;
        longest = Math.max(longest, performance.now() - known.at);
        last[i] = { length: viewer.length, at: performance.now() };
      }
    }
  };

  const during = async (what: string, work: () => Promise<unknown>) => {
    const stop = new AbortController();
    const began = performance.now();
    const asked = ask(base, stop.signal);
    await work();
    stop.abort();
    const latencies = await asked;
    return tell(what, latencies, (performance.now() - began) / 1000);
  };
  void look();
  await during("playing alone", () => sleep(Number(flags.seconds) * 1000));
  const merged = async () =>
    (await (await fetch(`${streaming.base}/api/status`)).text()).match(/"programmes":(\d+)/)?.[1];
  const before = await merged();
  await copyFile(next, guide);
  const p99 = await during("playing, and merging", async () => {
    await fetch(`${streaming.base}/api/instances/up/refresh?clean=1`, { method: "POST" });
    for (let turn = 0; (await merged()) === before && turn < 1200; turn++) await sleep(100);
  });
  console.log(`programmes: ${before} → ${await merged()}`);
  looking.abort();
  const errors = viewers.map((viewer) => countContinuityErrors(viewer.bytes()));
  console.log(
    `streams: ${viewers.map(({ length }) => `${(length / 1e6).toFixed(1)} MB`).join(" ")}; continuity errors ${errors}; longest silence ${longest.toFixed(0)} ms; failed answers ${failures}`,
  );
  console.log(`memory: ${((await streaming.memory()) / 2 ** 20).toFixed(0)} MiB`);
  const whole = viewers.every(({ ended, broken }) => !ended && !broken) && errors.every((count) => count === 0);
  if (p99 >= 50 || !whole || failures > 0 || longest > 1000) process.exitCode = 1;
  await Promise.all(viewers.map((viewer) => viewer.close()));
} finally {
  agent.destroy();
  await streaming.close();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
}
