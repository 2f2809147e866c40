// Half an hour of cameras that come and go, and of viewers who do: what leaks, and what does not recover. By hand: bun test/bench/camera-soak.ts [minutes] [cameras] [seed]
//
// Cameras on loopback film at 2 Mbit/s. One of them is switched off and on again every few seconds; viewers of playlists and of
// transport streams watch any of them for a while. The same seed asks for the same things in the same order.
import { readdir } from "node:fs/promises";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseHls } from "../../core/formats/hls.ts";
import { openStreaming } from "../runtime/streams/headend.ts";
import { type LiveCamera, openLiveCamera } from "../support/live-camera.ts";

const [minutes = 30, count = 24, seed = 1] = process.argv.slice(2).map(Number);
const viewers = 16;
/** Milliseconds within which a camera that is back must be playing again for who watches it. */
const recoveryLimit = 40_000;

function createRandom(state: number): () => number {
  let now = state;
  return () => {
    now = (now * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    return now / 0x8000_0000;
  };
}

interface Place {
  camera: LiveCamera;
  readonly port: number;
  /** Who watches it now. */
  watched: number;
  down: boolean;
}

const film = { gop: 50, bitrate: 2_000_000 };
const places: Place[] = [];
for (let index = 0; index < count; index++) {
  const camera = await openLiveCamera(film);
  places.push({ camera, port: camera.server.port, watched: 0, down: false });
}
const lines = places.map(({ camera }, index) => `      c${index}: "${camera.url}"\n`).join("");
const config = `streams:\ninstances:\n  testcard: false\n  cams:\n    use: camera\n    linger: 5s\n    cameras:\n${lines}`;
const headend = await openStreaming(config, count);
const end = performance.now() + minutes * 60_000;
const isOver = () => performance.now() >= end;
const tally = { watches: 0, segments: 0, bytes: 0, refused: 0, broken: 0, restarts: 0, recovered: 0, lost: 0 };
const took: number[] = [];
const faults = new Map<string, number>();
const note = (what: string) => void faults.set(what, (faults.get(what) ?? 0) + 1);

/** A player: the playlist again and again, every new segment once. */
async function watchPlaylist(name: string, until: number): Promise<void> {
  const seen = new Set<string>();
  let last = 0;
  while (performance.now() < until) {
    const answer = await fetch(`${headend.base}/watch/${name}`);
    const text = await answer.text();
    if (answer.status !== 200) {
      tally.refused++;
      if (answer.status < 500) note(`a playlist answers ${answer.status}`);
      return;
    }
    const playlist = parseHls(text);
    if (playlist.kind !== "media" || playlist.segments.length === 0) {
      note("a playlist without segments");
      return;
    }
    if (playlist.sequence < last) note("a media sequence that goes back");
    last = playlist.sequence;
    for (const { uri } of seen.size === 0 ? playlist.segments.slice(-3) : playlist.segments) {
      if (seen.has(uri)) continue;
      seen.add(uri);
      const part = await fetch(new URL(uri, answer.url));
      const bytes = await part.bytes();
      if (part.status !== 200 || bytes[0] !== 0x47) note(`a segment answers ${part.status}`);
      tally.segments++;
      tally.bytes += bytes.length;
    }
    await sleep(1000);
  }
}

async function watchStream(name: string, until: number): Promise<void> {
  const leaving = new AbortController();
  const timer = setTimeout(() => leaving.abort(), until - performance.now());
  try {
    const answer = await fetch(`${headend.base}/live/cams:${name}.ts`, { signal: leaving.signal });
    if (answer.status !== 200) {
      tally.refused++;
      if (answer.status < 500) note(`a stream answers ${answer.status}`);
      await answer.body?.cancel();
      return;
    }
    for await (const chunk of answer.body ?? []) tally.bytes += chunk.length;
  } catch {
    if (!leaving.signal.aborted) tally.broken++;
  } finally {
    clearTimeout(timer);
  }
}

async function beViewer(random: () => number): Promise<void> {
  while (!isOver()) {
    const index = Math.floor(random() * places.length);
    const until = Math.min(performance.now() + 5000 + random() * 90_000, end);
    const watch = random() < 0.6 ? watchPlaylist : watchStream;
    const place = places[index];
    if (!place) return;
    place.watched++;
    tally.watches++;
    await watch(`c${index}`, until).catch((thrown: unknown) => note(String(thrown)));
    place.watched--;
    await sleep(random() * 4000);
  }
}

/** Pulls the plug of one camera after the other, and puts it in again. */
async function restart(random: () => number): Promise<void> {
  while (!isOver()) {
    await sleep(3000 + random() * 9000);
    const place = places[Math.floor(random() * places.length)];
    if (!place || place.down || isOver()) continue;
    const down = 300 + random() * 12_000;
    place.down = true;
    tally.restarts++;
    await place.camera.close();
    void (async () => {
      await sleep(down);
      place.camera = await openLiveCamera({ ...film, port: place.port });
      place.down = false;
      const back = performance.now();
      // Who does not watch it to the end of its recovery says nothing of it.
      let steady = place.watched > 0;
      while (steady && place.camera.server.sessions.size === 0 && performance.now() < back + recoveryLimit) {
        await sleep(50);
        steady = place.watched > 0;
      }
      if (!steady) return;
      if (place.camera.server.sessions.size > 0) {
        tally.recovered++;
        took.push(performance.now() - back);
      } else {
        tally.lost++;
      }
    })();
  }
}

const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const samples: { readonly at: number; readonly rss: number }[] = [];

async function sample(): Promise<void> {
  const begin = performance.now();
  while (!isOver()) {
    await sleep(10_000);
    const rss = await headend.memory();
    samples.push({ at: (performance.now() - begin) / 60_000, rss });
    if (samples.length % 12 === 0) {
      const files = (await readdir(`/proc/${headend.pid}/fd`)).length;
      const open = places.reduce((sum, { camera }) => sum + camera.server.sessions.size, 0);
      console.log(
        `${samples.at(-1)?.at.toFixed(0)} min: ${mb(rss)}, ${files} descriptors, ${open} sessions, ${JSON.stringify(tally)}`,
      );
    }
  }
}

/** Bytes a minute, by least squares. */
function slopeOf(of: typeof samples): number {
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [at, rss] = [mean(of.map((each) => each.at)), mean(of.map((each) => each.rss))];
  const over = of.reduce((sum, each) => sum + (each.at - at) * (each.rss - rss), 0);
  return over / of.reduce((sum, each) => sum + (each.at - at) ** 2, 0);
}

const cpuBefore = process.cpuUsage();
const filesBefore = (await readdir(`/proc/${headend.pid}/fd`)).length;
const random = createRandom(seed);
await Promise.all([
  sample(),
  restart(createRandom(Math.floor(random() * 1e9))),
  ...Array.from({ length: viewers }, () => beViewer(createRandom(Math.floor(random() * 1e9)))),
]);
const own = process.cpuUsage(cpuBefore);
await sleep(15_000);
const left = places.reduce((sum, { camera }) => sum + camera.server.sessions.size, 0);
const streams = await headend.streams();
const filesAfter = (await readdir(`/proc/${headend.pid}/fd`)).length;
const sorted = took.sort((a, b) => a - b);
console.log(JSON.stringify(tally));
console.log(
  `back after: median ${((sorted[sorted.length >> 1] ?? 0) / 1000).toFixed(1)} s, worst ${((sorted.at(-1) ?? 0) / 1000).toFixed(1)} s`,
);
console.log(
  `after all left: ${left} sessions at cameras, ${streams.length} streams, ${filesBefore} descriptors before, ${filesAfter} after`,
);
const late = samples.slice(Math.floor(samples.length / 3));
const peak = Math.max(...samples.map(({ rss }) => rss));
console.log(
  `memory: ${mb(samples[0]?.rss ?? 0)} at first, ${mb(peak)} at most, ${mb(await headend.memory())} at the end; in the last two thirds ${(slopeOf(late) / 1024).toFixed(0)} KiB a minute`,
);
console.log(
  `processor of cameras and viewers: ${((own.user + own.system) / (minutes * 600_000)).toFixed(1)} % of a core`,
);
for (const [what, times] of faults) console.log(`fault: ${what}, ${times} times`);
await headend.close();
await Promise.all(places.map(({ camera }) => camera.close()));
process.exit(left + streams.length + tally.lost + faults.size > 0 ? 1 : 0);
