// A real browser with hls.js, for tests of what it plays: a page, and what it says of itself.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { mediaMissing } from "../support/media.ts";
import { root } from "../support/source.ts";
import { openUpstream } from "../support/upstream.ts";
import { chromiumMissing, launchChromium } from "./chromium.ts";

/** False, or why no browser can play anything here. */
export const playerMissing: false | string = mediaMissing || chromiumMissing;

const html = `<!doctype html><meta charset="utf-8"><video muted autoplay controls width="640"></video>
<script src="/hls.js"></script><script>
const query = new URLSearchParams(location.search);
const video = document.querySelector("video");
window.errors = [];
window.stalls = 0;
const hls = window.hls = new Hls({ lowLatencyMode: query.get("low") === "yes" });
hls.on(Hls.Events.ERROR, (_, data) => errors.push(data.type + " " + data.details + (data.fatal ? " fatal" : "")));
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
video.addEventListener("waiting", () => { if (video.currentTime > 0 && video.readyState < 3) window.stalls++; });
video.addEventListener("playing", () => { window.playingAt ??= performance.now(); });
hls.loadSource(query.get("source"));
hls.attachMedia(video);
</script>`;

/** What a page says. */
export interface Playing {
  readonly time: number;
  readonly width: number;
  readonly frames: number;
  readonly dropped: number;
  /** Bytes of sound that were decoded. */
  readonly sound: number;
  /** Times that it had nothing to play. */
  readonly stalls: number;
  readonly errors: readonly string[];
  /** Milliseconds from what is shown to now, by the dates in the playlist; absent before there is a picture. */
  readonly latency: number | undefined;
  /** Milliseconds from the page's start to the first picture. */
  readonly started: number | undefined;
  readonly rate: number;
}

export interface Player {
  open(address: string, o?: { readonly lowLatency?: boolean }): Promise<Page>;
  look(page: Page): Promise<Playing>;
  close(): Promise<void>;
}

export async function openPlayer(): Promise<Player> {
  const pages = await openUpstream({
    "/": html,
    "/hls.js": await readFile(join(root, "node_modules/hls.js/dist/hls.min.js")),
  });
  const browser = await launchChromium();
  return {
    async open(address, { lowLatency = false } = {}) {
      const page = await browser.newPage();
      await page.goto(`${pages.base}/?low=${lowLatency ? "yes" : "no"}&source=${encodeURIComponent(address)}`);
      return page;
    },
    look: (page) =>
      page.evaluate(() => {
        const own = window as unknown as {
          readonly errors: string[];
          readonly stalls: number;
          readonly playingAt?: number;
          readonly hls: { readonly playingDate: Date | null };
        };
        const video = document.querySelector("video") as HTMLVideoElement & { webkitAudioDecodedByteCount?: number };
        const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
        const shown = own.hls.playingDate;
        return {
          time: video.currentTime,
          width: video.videoWidth,
          frames: totalVideoFrames,
          dropped: droppedVideoFrames,
          sound: video.webkitAudioDecodedByteCount ?? 0,
          stalls: own.stalls,
          errors: own.errors,
          latency: shown ? Date.now() - shown.getTime() : undefined,
          started: own.playingAt,
          rate: video.playbackRate,
        };
      }),
    async close() {
      await browser.close();
      await pages.close();
    },
  };
}
