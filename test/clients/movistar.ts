// Real players at Movistar's own addresses: Kodi's pvr.iptvsimple by its flussonic catch-up, ffprobe and VLC, live and the past.
// Run by `npm run test:clients`, not by `npm test`. VLC (Debian: vlc-bin vlc-plugin-base) runs as nobody where we are root.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { type Running, serving } from "../runtime/process.ts";
import { until } from "../support/host.ts";
import { countContinuityErrors, mediaMissing, probe, tools } from "../support/media.ts";
import { type Movistar, openMovistar } from "../support/movistar/index.ts";
import { secondOf } from "../support/movistar/pictures.ts";
import { multicastMissing } from "../support/multicast.ts";
import { playInKodi } from "./kodi-report.ts";

const limit = 240_000;
/** Who runs what refuses to be run by root. */
const nobody = 65_534;
const has = (name: string) => spawnSync("which", [name]).status === 0;
const kodiMissing = ["kodi", "Xvfb", "ffmpeg"].filter((name) => !has(name)).join(", ");
const vlcMissing = has("cvlc") ? false : "needs cvlc";

let operator: Movistar;
let folder: string;
let headend: Running;
const done = Promise.withResolvers<void>();
let ended: Promise<void>;

before(async () => {
  operator = await openMovistar({ multicast: multicastMissing === false, rate: 3000 });
  for (const id of [2543, 1825]) operator.startLive(id);
  folder = await mkdtemp(join(tmpdir(), "headend-players-"));
  await chmod(folder, 0o755);
  const config = join(folder, "headend.yaml");
  await writeFile(config, `instances:\n  playlist: false\n  movistar:\n    ${operator.config}    mount: /\n`);
  const running = Promise.withResolvers<Running>();
  ended = serving(
    folder,
    async (started) => {
      running.resolve(started);
      await done.promise;
    },
    ["--config", config],
  ).catch(running.reject);
  headend = await running.promise;
  await until(async () => (await fetch(`${headend.base}/guia.xml`)).ok, "there is no guide");
});
after(async () => {
  done.resolve();
  await ended;
  await operator.close();
  await rm(folder, { recursive: true, force: true });
});

/** A programme of half an hour that began so many hours ago, and its address from the tenth minute on. */
function past(channel: number, hours: number) {
  const event = operator.eventsOf(channel).find(({ start }) => start > Date.now() / 1000 - hours * 3600);
  assert.ok(event);
  return { event, url: `${headend.base}/${channel}/${event.start + 600}-1200.ts` };
}

const plays = () => operator.vod.requests.filter(({ method }) => method === "PLAY");

/** No session is left once nobody watches. */
async function quiet(): Promise<void> {
  await until(() => operator.vod.sessions.size === 0, "a session is left");
  assert.deepEqual(operator.vod.abandoned, []);
}

test("Kodi's pvr.iptvsimple plays live, and a past programme by the addresses that it makes itself", {
  skip: mediaMissing || (kodiMissing && `needs ${kodiMissing}`),
  timeout: limit,
}, async () => {
  const address = ["--m3u", `${headend.base}/MovistarTV.m3u`, "--guide", `${headend.base}/guia.xml.gz`];
  const played = plays().length;
  const report = await playInKodi([...address, "--live", "1", "--live", "4", "--past", "1"]);
  if (process.env.HEADEND_FIGURES) process.stderr.write(`Kodi ${report.kodi}: ${JSON.stringify(report.played)}\n`);
  assert.deepEqual(
    report.channels.slice(0, 2).map(({ number, name, archive }) => [number, name, archive]),
    [
      [1, "La 1 HD", true],
      [4, "Cuatro", true],
    ],
  );
  assert.ok((report.channels[0]?.programmes ?? 0) >= 12);
  assert.equal(report.played.length, 3);
  for (const { what, started, video, audio, moved } of report.played) {
    assert.ok(started !== undefined, `${what} did not begin: ${JSON.stringify(report.played)}`);
    assert.match(video, /^h264 \d+x\d+$/);
    assert.ok(audio > 0 && moved >= 3, JSON.stringify(report.played));
  }
  // It began where the programme does.
  const [first] = plays().slice(played);
  const [, pid] = /^\/2543\/(\d+)$/.exec(first?.path ?? "") ?? [];
  const event = operator.eventsOf(2543).find((each) => each.pid === Number(pid));
  assert.ok(event && event.start + event.duration < Date.now() / 1000, `it asked for ${first?.path}`);
  assert.match(first?.headers.range ?? "", /^npt=0\.000-end$/);
  await quiet();
});

test("ffprobe finds pictures and sound, live and past, and nothing to complain of", {
  skip: mediaMissing,
}, async () => {
  for (const url of [`${headend.base}/2543/live`, `${headend.base}/1825/mpegts`, past(1825, 3).url]) {
    const words = [
      "-v",
      "error",
      "-read_intervals",
      "%+4",
      "-show_entries",
      "packet=codec_type",
      "-of",
      "csv=p=0",
      url,
    ];
    const child = spawn(tools?.ffprobe ?? "ffprobe", words, { stdio: ["ignore", "pipe", "pipe"] });
    let [packets, complaints] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      packets += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints += text;
    });
    await once(child, "close");
    assert.equal(complaints, "", url);
    for (const kind of ["video", "audio"]) {
      const count = packets.split(kind).length - 1;
      assert.ok(count > 30, `${url}: ${count} packets of ${kind}`);
    }
  }
  await quiet();
});

test("VLC plays live and the past", { skip: mediaMissing || vlcMissing, timeout: 60_000 }, async () => {
  const home = join(folder, "vlc");
  await rm(home, { recursive: true, force: true });
  const isRoot = process.getuid?.() === 0;
  const made = await mkdtemp(`${home}-`);
  if (isRoot) await chown(made, nobody, nobody);
  const { event, url } = past(2543, 2);
  for (const [name, address] of [
    ["live", `${headend.base}/2543/live`],
    ["past", url],
  ] as const) {
    const file = join(made, `${name}.ts`);
    // As it would be shown, but to a file.
    const output = `#std{access=file,mux=ts,dst=${file}}`;
    const words = [
      "-I",
      "dummy",
      "--no-metadata-network-access",
      "--run-time=6",
      "--sout",
      output,
      address,
      "vlc://quit",
    ];
    const child = spawn("cvlc", words, {
      stdio: "ignore",
      env: { PATH: process.env.PATH ?? "", HOME: made, XDG_RUNTIME_DIR: made },
      ...(isRoot ? { uid: nobody, gid: nobody } : {}),
    });
    await once(child, "close");
    assert.ok((await stat(file)).size > 30_000, `${name}: VLC wrote next to nothing`);
    const bytes = new Uint8Array(await readFile(file));
    assert.equal(countContinuityErrors(bytes), 0, name);
    const { streams } = await probe(bytes);
    for (const kind of ["video", "audio"]) {
      const frames = streams.find(({ type }) => type === kind)?.frames ?? 0;
      assert.ok(frames > 40, `${name}: ${frames} of ${kind}`);
    }
  }
  assert.equal(plays().at(-1)?.path, `/2543/${event.pid}`);
  assert.equal(plays().at(-1)?.headers.range, "npt=600.000-end");
  const bytes = new Uint8Array(
    (await (
      await fetch(url)
    ).body
      ?.getReader()
      .read()
      .then(({ value }) => value)) ?? [],
  );
  assert.equal(Math.round(secondOf(bytes) ?? 0), 600);
});
