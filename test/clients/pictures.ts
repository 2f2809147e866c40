// A real browser and what it keeps and cannot show: pictures of the list are let go of, and what it cannot decode is said.
// Run by `npm run test:clients`, not by `npm test`. It needs Chromium (Debian: chromium), in PATH or where CHROMIUM_PATH says,
// GStreamer's RTSP server and ffmpeg.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { until } from "../runtime/streams/headend.ts";
import { cameraPipeline } from "../support/cameras.ts";
import { mediaMissing } from "../support/media.ts";
import { type GstreamerServer, gstreamerMissing, openGstreamer } from "../support/rtsp-gstreamer.ts";
import { chromiumMissing, launchChromium } from "./chromium.ts";
import { visiting } from "./visit.ts";

const options = { skip: mediaMissing || chromiumMissing || gstreamerMissing, timeout: 120_000 } as const;

let browser: Browser | undefined;
let plain: GstreamerServer | undefined;
let newer: GstreamerServer | undefined;

before(async () => {
  if (options.skip) return;
  [browser, plain, newer] = await Promise.all([
    launchChromium(),
    openGstreamer(cameraPipeline("h264"), { carrier: "tcp" }),
    openGstreamer(cameraPipeline("h265"), { carrier: "tcp" }),
  ]);
});
after(async () => {
  await Promise.all([browser?.close(), plain?.close(), newer?.close()]);
});

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const isShowable = (page: Page, url: string) =>
  page.evaluate(async (url) => {
    const picture = new Image();
    picture.src = url;
    return await picture.decode().then(
      () => true,
      () => false,
    );
  }, url);

test("pictures of the list are let go of with it", options, async () => {
  assert.ok(browser && plain);
  await visiting(browser, { cameras: [`door: rtsp://${plain.place}`] }, async ({ page }) => {
    await button(page, "Play door").click();
    const picture = page.locator(".card img");
    await until(async () => /^blob:/.test((await picture.getAttribute("src")) ?? ""), "no picture comes");
    const url = (await picture.getAttribute("src")) ?? "";
    await page.keyboard.press("Escape");
    assert.equal(await isShowable(page, url), true);
    await page.getByRole("link", { name: "Overview" }).click();
    await until(async () => !(await isShowable(page, url)), "it is kept");
  });
});

test("what a browser cannot decode is said, and not tried again", options, async () => {
  assert.ok(browser && newer);
  await visiting(browser, { cameras: [`attic: rtsp://${newer.place}`] }, async ({ page, base }) => {
    await button(page, "Play attic").click();
    const told = page.getByRole("dialog").getByRole("status");
    const plays = () => page.evaluate(() => (document.querySelector("video")?.currentTime ?? 0) > 0);
    await until(
      async () => (await plays()) || /decode|Error/.test((await told.textContent()) ?? ""),
      "nothing is said",
    );
    // A browser that can decode it, plays it.
    if (await plays()) return;
    assert.match((await told.textContent()) ?? "", /cannot decode/);
    const streams = async () => ((await (await fetch(`${base}/api/streams`)).json()) as { streams: unknown[] }).streams;
    await until(async () => (await streams()).length === 0, "it goes on asking");
  });
});
