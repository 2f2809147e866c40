// A real browser plays cameras through the whole headend with hls.js, from `/watch/<nickname>`: sound of every kind, short and long groups.
// Run by `npm run test:clients`, not by `npm test`. It needs Chromium (Debian: chromium), in PATH or where CHROMIUM_PATH
// says, GStreamer's RTSP server and ffmpeg. SCREENSHOTS names a folder that gets a picture of every page.
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import type { Browser, Page } from "playwright-core";
import { openStreaming, type Streaming } from "../runtime/streams/headend.ts";
import { createSuite, declareSuites } from "../runtime/streams/suite.ts";
import { type CameraKind, cameraPipeline } from "../support/cameras.ts";
import { mediaMissing } from "../support/media.ts";
import { type GstreamerServer, gstreamerMissing, openGstreamer } from "../support/rtsp-gstreamer.ts";
import { openUpstream, type Upstream } from "../support/upstream.ts";
import { chromiumMissing, hlsPage, launchChromium } from "./chromium.ts";

const suite = createSuite();
const { after, before, test } = suite;

const skip = mediaMissing || gstreamerMissing || chromiumMissing;
const options = { skip, timeout: 120_000 } as const;

const cameras: Readonly<Record<string, readonly [CameraKind, "tcp" | "udp", "basic" | "digest", gop: number]>> = {
  plain: ["h264", "tcp", "digest", 25],
  sound: ["h264+aac", "udp", "basic", 50],
  telephone: ["h264+g711", "tcp", "digest", 25],
  single: ["mjpeg", "udp", "basic", 25],
  long: ["h264+aac", "tcp", "digest", 100],
};

const servers: GstreamerServer[] = [];
let streaming: Streaming;
let upstream: Upstream;
let browser: Browser;

before(async () => {
  upstream = await openUpstream(await hlsPage());
  const lines: string[] = [];
  for (const [name, [kind, carrier, wants, gop]] of Object.entries(cameras)) {
    const server = await openGstreamer(cameraPipeline(kind, { gop }), { carrier, wants });
    servers.push(server);
    lines.push(`      ${name}: "rtsp://user:pass%20word@${server.place}"`);
  }
  const cams = `  cams:\n    use: camera\n    linger: 10s\n    cameras:\n${lines.join("\n")}\n`;
  streaming = await openStreaming(`streams:\n  slate: 0s\ninstances:\n  testcard: false\n${cams}`, lines.length);
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await streaming?.close();
  await Promise.all(servers.map((server) => server.close()));
  await upstream?.close();
});

const look = (page: Page) =>
  page.evaluate(() => {
    const video = document.querySelector("video") as HTMLVideoElement & { webkitAudioDecodedByteCount?: number };
    return {
      time: video.currentTime,
      width: video.videoWidth,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      sound: video.webkitAudioDecodedByteCount ?? 0,
      errors: (window as unknown as { errors: string[] }).errors,
    };
  });

for (const [name, [kind, carrier, , gop]] of Object.entries(cameras))
  test(`Chromium plays ${kind} over ${carrier}, a key frame every ${gop / 25} s`, options, async () => {
    const page = await browser.newPage();
    try {
      await page.goto(`${upstream.base}/?source=${encodeURIComponent(`${streaming.base}/watch/${name}`)}`);
      // A browser without a graphics card decodes on the processor: a busy machine takes its time, and may stall at first.
      const seen = async (what: string, holds: (now: Awaited<ReturnType<typeof look>>) => boolean) => {
        const last = performance.now() + 50_000;
        for (let now = await look(page); !holds(now); now = await look(page)) {
          const fatal = now.errors.some((error) => error.endsWith("fatal"));
          if (fatal || performance.now() > last) throw new Error(`${what}: ${JSON.stringify(now)}`);
          await page.waitForTimeout(100);
        }
      };
      await seen("no picture comes", ({ frames }) => frames > 0);
      const { time, frames } = await look(page);
      await seen("it does not play on", (now) => now.time > time + 8);
      const later = await look(page);
      if (process.env.HEADEND_FIGURES) process.stderr.write(`${name}: ${JSON.stringify(later)}\n`);
      if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `camera-${name}.png`) });
      assert.ok(later.frames - frames > 8 * 25 * 0.8, `${later.frames - frames} frames in eight seconds`);
      assert.equal(later.width, 320);
      if (/aac|g711/.test(kind)) assert.ok(later.sound > 0, "no sound is decoded");
      assert.deepEqual(
        later.errors.filter(
          (error) => error.endsWith("fatal") || !/bufferStalledError|bufferSeekOverHole|aborted/.test(error),
        ),
        [],
      );
    } finally {
      await page.close();
    }
  });

declareSuites(suite);
