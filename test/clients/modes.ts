// A real browser plays one channel cut in every way at once: transport stream, fragmented MP4, and parts of that for low latency.
// Run by `npm run test:clients`, not by `npm test`. It needs Chromium (Debian: chromium), in PATH or where CHROMIUM_PATH says,
// and ffmpeg. HEADEND_FIGURES=1 says what was seen.
import assert from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { openStreaming, type Streaming, until } from "../runtime/streams/headend.ts";
import { createSuite, declareSuites } from "../runtime/streams/suite.ts";
import { createFeed } from "../support/feed.ts";
import { readClip } from "../support/media.ts";
import { openUpstream, type Upstream } from "../support/upstream.ts";
import { openPlayer, type Player, type Playing, playerMissing } from "./player.ts";

const suite = createSuite();
const { after, before, test } = suite;
const modes = ["ts", "fmp4", "ll"] as const;
type Mode = (typeof modes)[number];
const seconds = 60;

let upstream: Upstream;
let player: Player;
const headends = new Map<Mode, Streaming>();

before(async () => {
  const clip = await readClip("h264", { seconds, gop: 50 });
  upstream = await openUpstream({ "/live": createFeed(clip, { seconds }).answer });
  upstream.answers.set("/list.m3u", `#EXTM3U\n#EXTINF:-1 tvg-id="live",Live\n${upstream.base}/live\n`);
  for (const mode of modes) {
    const up = `{ use: m3u, playlist: "${upstream.base}/list.m3u", linger: 1s }`;
    const text = `streams:\n  slate: 0s\ninstances:\n  hls: { use: hls, mode: ${mode} }\n  up: ${up}\n`;
    headends.set(mode, await openStreaming(text, 1));
  }
  player = await openPlayer();
});
after(async () => {
  await player?.close();
  for (const headend of headends.values()) await headend.close();
  await upstream?.close();
});

test("Chromium plays all of them, whole segments without a stall, and parts are the nearest to now", {
  skip: playerMissing,
  timeout: 120_000,
}, async () => {
  const pages = new Map<Mode, Page>();
  for (const mode of modes)
    pages.set(mode, await player.open(`${headends.get(mode)?.base}/live/up:live.m3u8`, { lowLatency: mode === "ll" }));
  const seen = new Map<Mode, Playing>();
  for (const [mode, page] of pages) {
    await until(async () => (await player.look(page)).time > 2, `${mode} does not play`).catch(
      async (thrown: unknown) => {
        throw new Error(`${mode}: ${JSON.stringify(await player.look(page))}`, { cause: thrown });
      },
    );
  }
  const before = new Map<Mode, Playing>();
  for (const [mode, page] of pages) before.set(mode, await player.look(page));
  await sleep(15_000);
  for (const [mode, page] of pages) {
    const now = await player.look(page);
    seen.set(mode, now);
    if (process.env.HEADEND_FIGURES) process.stderr.write(`${mode}: ${JSON.stringify(now)}\n`);
    const frames = now.frames - (before.get(mode)?.frames ?? 0);
    assert.ok(frames > 15 * 25 * 0.9, `${mode}: ${frames} frames in fifteen seconds`);
    assert.equal(now.width, 320);
    assert.ok(now.sound > 0);
    // Sound and pictures of a transport stream do not begin together; and a second in hand is not much on a busy machine.
    const forgiven = mode === "ll" ? /bufferSeekOverHole|aborted|bufferStalled/ : /bufferSeekOverHole|aborted/;
    assert.deepEqual(
      now.errors.filter((error) => error.endsWith("fatal") || !forgiven.test(error)),
      [],
      mode,
    );
  }
  const latency = (mode: Mode) => seen.get(mode)?.latency ?? Number.POSITIVE_INFINITY;
  assert.ok(latency("ll") < latency("ts"), `${latency("ll")} ms in parts, ${latency("ts")} ms as a transport stream`);
  assert.ok(latency("ll") < 3000, `${latency("ll")} ms`);
});

declareSuites(suite);
