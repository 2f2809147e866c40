// A real browser plays channels through the whole headend with hls.js: cut here, passed on, and from the past with a jump.
// Run by `npm run test:clients`, not by `npm test`. It needs Chromium (Debian: chromium), in PATH or where CHROMIUM_PATH says,
// and ffmpeg. SCREENSHOTS names a folder that gets a picture of every page.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import process from "node:process";
import type { Browser, Page } from "playwright-core";
import { openStreaming, type Streaming, until } from "../runtime/streams/headend.ts";
import { createSuite, declareSuites } from "../runtime/streams/suite.ts";
import { createFeed } from "../support/feed.ts";
import { makeClip, mediaFolder, mediaMissing, readClip, type Sender, startSender, tools } from "../support/media.ts";
import { openUpstream, type Upstream } from "../support/upstream.ts";
import { chromiumMissing, hlsPage, launchChromium } from "./chromium.ts";

const suite = createSuite();
const { after, before, test } = suite;

const options = { skip: mediaMissing || chromiumMissing, timeout: 120_000 } as const;
const seconds = 120;
/** Where the archive begins, in Unix seconds. */
const epoch = Math.floor(Date.now() / 1000) - 7200;

let streaming: Streaming;
let upstream: Upstream;
let sender: Sender;
let browser: Browser;

async function answerFile(response: ServerResponse): Promise<void> {
  const file = await readFile(join(mediaFolder(), response.req.url ?? "")).catch(() => undefined);
  response.writeHead(file ? 200 : 404).end(file);
}

async function answerPast(response: ServerResponse): Promise<void> {
  const query = new URL(response.req.url ?? "", "http://x").searchParams;
  const [from, to] = [Number(query.get("start")) - epoch, Number(query.get("end")) - epoch];
  const clip = await makeClip("h264", { seconds, gop: 50 });
  const words = `-nostdin -v error -ss ${from} -i ${clip} -t ${to - from} -c copy -f mpegts pipe:1`.split(" ");
  const child = spawn(tools?.ffmpeg ?? "", words, { stdio: ["ignore", "pipe", "ignore"] });
  response.writeHead(200);
  child.stdout.pipe(response);
  response.on("close", () => child.kill("SIGKILL"));
}

before(async () => {
  const clip = await makeClip("h264", { seconds, gop: 50 });
  const whole = await readClip("h264", { seconds, gop: 50 });
  upstream = await openUpstream({
    ...(await hlsPage()),
    "/cut": createFeed(whole, { seconds }).answer,
    "/hls/": (response) => void answerFile(response),
    "/past": (response) => void answerPast(response),
  });
  await mkdir(join(mediaFolder(), "hls"), { recursive: true });
  const args = ["-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments+temp_file"];
  sender = startSender(clip, join(mediaFolder(), "hls", "main.m3u8"), { format: "hls", args, seconds });
  await until(async () => (await fetch(`${upstream.base}/hls/main.m3u8`)).ok, "HLS does not come");
  const entries = [
    `#EXTINF:-1 tvg-id="cut",Cut here\n${upstream.base}/cut\n`,
    `#EXTINF:-1 tvg-id="passed",Passed on\n${upstream.base}/hls/main.m3u8\n`,
    `#EXTINF:-1 tvg-id="past" catchup="append" catchup-days="1" catchup-source="?start={utc}&end={utcend}",Past\n${upstream.base}/past\n`,
  ];
  upstream.answers.set("/list.m3u", `#EXTM3U\n${entries.join("")}`);
  const up = `{ use: m3u, playlist: "${upstream.base}/list.m3u", linger: 1s }`;
  streaming = await openStreaming(`streams:\n  slate: 0s\ninstances:\n  up: ${up}\n`, entries.length);
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await streaming?.close();
  await sender?.stop();
  await upstream?.close();
});

interface Seen {
  readonly time: number;
  readonly duration: number;
  readonly width: number;
  readonly frames: number;
  readonly dropped: number;
  readonly errors: readonly string[];
}

const look = (page: Page): Promise<Seen> =>
  page.evaluate(() => {
    const video = document.querySelector("video") as HTMLVideoElement;
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return {
      time: video.currentTime,
      // A live stream has no length that JSON could tell.
      duration: Number.isFinite(video.duration) ? video.duration : -1,
      width: video.videoWidth,
      frames: totalVideoFrames,
      dropped: droppedVideoFrames,
      errors: (window as unknown as { errors: string[] }).errors,
    };
  });

/** Opens a page that plays an address of ours, and plays `seconds` of it. */
async function playing(address: string, name: string, work: (page: Page) => Promise<void>): Promise<void> {
  const page = await browser.newPage();
  try {
    await page.goto(`${upstream.base}/?source=${encodeURIComponent(`${streaming.base}/live/${address}`)}`);
    await work(page);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
    const seen = await look(page);
    if (process.env.HEADEND_FIGURES) process.stderr.write(`${name}: ${JSON.stringify(seen)}\n`);
    assert.equal(seen.width, 320);
    assert.deepEqual(
      seen.errors.filter(
        (error) => error.endsWith("fatal") || !/bufferStalledError|bufferSeekOverHole|aborted/.test(error),
      ),
      [],
    );
  } finally {
    await page.close();
  }
}

const untilPlayed = async (page: Page, time: number) => {
  await until(async () => (await look(page)).time > time, `${time} s are not played`).catch(async (thrown: unknown) => {
    throw new Error(JSON.stringify(await look(page)), { cause: thrown });
  });
};

for (const [name, what] of [
  ["cut", "a transport stream that is cut here"],
  ["passed", "HLS that is passed on"],
] as const)
  test(`Chromium plays ${what}`, options, () =>
    playing(`up:${name}.m3u8`, name, async (page) => {
      await until(async () => (await look(page)).frames > 0, "no picture comes").catch(async (thrown: unknown) => {
        throw new Error(JSON.stringify(await look(page)), { cause: thrown });
      });
      const { time, frames } = await look(page);
      await untilPlayed(page, time + 8);
      const later = await look(page);
      assert.ok(later.frames - frames > 8 * 25 * 0.9, `${later.frames - frames} frames in eight seconds`);
    }),
  );

test("Chromium plays the past, knows its length, and jumps in it", options, () =>
  playing(`up:past/archive-${epoch + 10}-90.m3u8`, "past", async (page) => {
    await untilPlayed(page, 2);
    const { duration } = await look(page);
    assert.ok(Math.abs(duration - 90) < 2, `${duration} s`);
    for (const to of [70, 20]) {
      await page.evaluate((time) => {
        (document.querySelector("video") as HTMLVideoElement).currentTime = time;
      }, to);
      const { frames } = await look(page);
      await until(async () => (await look(page)).frames > frames + 50, "it does not go on after a jump");
      const { time } = await look(page);
      assert.ok(time > to && time < to + 10, `at ${time} s after a jump to ${to} s`);
    }
  }),
);

declareSuites(suite);
