// A real browser uses the web page: adds, tests, plays, edits, imports and deletes cameras, by mouse and by keyboard, on a desk and on a phone.
// Run by `npm run test:clients`, not by `npm test`. It needs Chromium (Debian: chromium), in PATH or where CHROMIUM_PATH says,
// and ffmpeg. SCREENSHOTS names a folder that gets pictures of the page.
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { credentials, openStandIn } from "../providers/iptv-manager/kodi-stand-in.ts";
import { fetchUntil } from "../runtime/process.ts";
import { until } from "../runtime/streams/headend.ts";
import { createSuite, declareSuites } from "../runtime/streams/suite.ts";
import { type LiveCamera, openLiveCamera } from "../support/live-camera.ts";
import { mediaMissing } from "../support/media.ts";
import { openUpstream } from "../support/upstream.ts";
import { chromiumMissing, launchChromium } from "./chromium.ts";
import { findFaults } from "./page-faults.ts";
import { visiting } from "./visit.ts";

const suite = createSuite();
const { after, before, test } = suite;
const options = { skip: mediaMissing || chromiumMissing, timeout: 120_000 } as const;

let browser: Browser;
let one: LiveCamera;
let two: LiveCamera;

before(async () => {
  [one, two] = await Promise.all([openLiveCamera(), openLiveCamera()]);
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await Promise.all([one?.close(), two?.close()]);
});

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const dialog = (page: Page) => page.getByRole("dialog");
const card = (page: Page, name: string) => page.getByRole("article", { name, exact: true });
const played = (page: Page) => page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);

test("a first camera is tested, added, played, edited and deleted", options, async () => {
  await visiting(browser, {}, async ({ page, file, shot }) => {
    await page.getByText("No cameras yet").waitFor();
    await shot("1-empty");
    await button(page, "Add camera").click();
    // Nothing said: each field says what it needs.
    await dialog(page).getByRole("button", { name: "Add camera" }).click();
    await page.getByText("every camera needs a nickname").waitFor();
    await page.getByLabel("Nickname").fill("front door");
    await page.getByLabel("Link").fill(one.url.replace("pass%20word", "hunter2"));
    await dialog(page).getByRole("button", { name: "Test" }).click();
    await dialog(page)
      .getByText(/wants a user and a password/)
      .waitFor();
    await shot("2-refused");
    await page.getByLabel("Link").fill("rtsp://user:hunter2@127.0.0.1:9/");
    await dialog(page).getByRole("button", { name: "Test" }).click();
    await dialog(page)
      .getByText(/nobody listens there/)
      .waitFor();
    await page.getByLabel("Link").fill(one.url);
    await dialog(page).getByRole("button", { name: "Test" }).click();
    await dialog(page)
      .getByText(/It works: H.264 320×180, 25 fps/)
      .waitFor();
    await dialog(page).getByRole("button", { name: "Add camera" }).click();
    await page.getByText("a nickname has letters, digits").waitFor();
    assert.equal(await page.getByLabel("Nickname").getAttribute("aria-invalid"), "true");
    await page.getByLabel("Nickname").fill("door");
    await shot("3-tested");
    await dialog(page).getByRole("button", { name: "Add camera" }).click();
    await card(page, "door").waitFor();
    assert.match(await file(), /^# our house\n.*cams: # all\n.*door: /s);

    await button(page, "Play door").click();
    await until(async () => (await played(page)) > 1, "it does not play");
    const at = await played(page);
    await until(async () => (await played(page)) > at + 2, "it does not go on");
    await shot("4-playing");
    await page.keyboard.press("Escape");
    await until(async () => (await page.locator("video").count()) === 0, "the player stays");
    await card(page, "door").getByText("H.264 320×180, 25 fps").waitFor();
    await until(() => one.server.sessions.size === 0, "the camera stays open");

    await button(page, "Edit door").click();
    assert.equal(await page.getByLabel("Link").inputValue(), one.url.replace("pass%20word", "***"));
    await page.getByText("More").click();
    await page.getByLabel("Name", { exact: true }).fill("Front door");
    await page.getByLabel("Carried by").selectOption("tcp");
    await page.getByLabel("HLS").selectOption("Low latency");
    await button(page, "Save").click();
    await card(page, "Front door").waitFor();
    assert.match(await file(), /pass%20word@.*name: Front door.*hls:\s+mode: ll/s);
    await button(page, "Edit Front door").click();
    assert.equal(await page.getByLabel("HLS").inputValue(), "ll");
    await shot("4-edited");
    await page.getByLabel("HLS").selectOption("Default");
    await button(page, "Save").click();
    await until(async () => !(await file()).includes("hls"), "the mode stays");
    await button(page, "Delete Front door").click();
    await shot("5-delete");
    await button(page, "Delete").click();
    await page.getByText("No cameras yet").waitFor();
    const text = await file();
    assert.ok(text.startsWith("# our house\n") && text.includes("cams: # all") && !text.includes("door"), text);
  });
});

test(
  "twenty cameras are imported, bad lines are told, and who watches does not notice; an open page opens none",
  options,
  async () => {
    const door = `door: ${one.url} # by the street`;
    await visiting(browser, { cameras: [door] }, async ({ page, base, file, shot }) => {
      await card(page, "door").waitFor();
      await fetchUntil(200, `${base}/readyz`);
      const body = (await fetch(`${base}/live/cams:door.ts`)).body?.getReader();
      await body?.read();
      const plays = () => [one, two].map(({ server }) => server.methods.filter((method) => method === "PLAY").length);
      const before = plays();
      await button(page, "Import").click();
      const lines = Array.from({ length: 20 }, (_, index) => `hall${index};${two.url}`);
      await page
        .getByLabel("Lines")
        .fill(["name;link", ...lines.slice(0, 19), "hall 19;rtsp://h/", "door;rtsp://h/"].join("\n"));
      await page.getByText("19 lines can be imported, 2 lines cannot").waitFor();
      await page.getByRole("cell", { name: "a camera is called door already" }).waitFor();
      assert.equal(await button(page, "Import all 19").isDisabled(), true);
      await shot("6-import");
      await page.getByLabel("Lines").fill(lines.join("\n"));
      await button(page, "Import all 20").click();
      await card(page, "hall19").waitFor();
      assert.equal(await page.getByRole("article").count(), 21);
      assert.ok((await file()).includes(door));
      await page.waitForTimeout(5000);
      await shot("7-many");
      assert.deepEqual(plays(), before);
      assert.equal((await body?.read())?.done, false);
      await body?.cancel();
      // A picture of the one that ran came by itself; the others wait.
      assert.equal(await page.locator(".screen img:not([hidden])").count(), 1);
      await page.getByLabel("Find cameras").fill("hall1");
      await until(async () => (await page.getByRole("article").count()) === 11, "it does not find them");
    });
  },
);

test("all of it can be done by keyboard, and focus returns to where it was", options, async () => {
  await visiting(browser, { cameras: [`door: ${one.url}`] }, async ({ page }) => {
    await card(page, "door").waitFor();
    const focused = () =>
      page.evaluate(
        () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim(),
      );
    const tabTo = async (name: string) => {
      for (let steps = 0; (await focused()) !== name; steps++) {
        assert.ok(steps < 40, `${name} is not reached`);
        await page.keyboard.press("Tab");
      }
    };
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "To the content");
    await tabTo("Add camera");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle);
    assert.equal(outline, "solid", "it is not seen where the focus is");
    await page.keyboard.press("Enter");
    // The link has the focus already.
    await page.keyboard.type(two.url);
    await page.keyboard.press("Tab");
    await page.keyboard.type("yard");
    await page.keyboard.press("Enter");
    await card(page, "yard").waitFor();
    await tabTo("Play yard");
    await page.keyboard.press("Enter");
    await until(async () => (await played(page)) > 0.5, "it does not play");
    await page.keyboard.press("Escape");
    assert.equal(await focused(), "Play yard");
    await tabTo("Delete yard");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "Keep it");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await until(async () => (await page.getByRole("article").count()) === 1, "it is not deleted");
    assert.equal(await focused(), "Add camera");
  });
});

for (const colorScheme of ["light", "dark"] as const)
  test(
    `on a phone, ${colorScheme}: nothing overflows, everything has a name, and all can be read`,
    options,
    async () => {
      const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, colorScheme } as const;
      const long = "Pond behind the very long wall with a name that hardly ends";
      const cameras = [
        `door: ${one.url}`,
        `pond: { url: "rtsp://u:hunter2@127.0.0.1:9/a/very/long/path/of/a/stream", name: "${long}" }`,
      ];
      await visiting(browser, { cameras, ...phone }, async ({ page, base, shot }) => {
        await until(async () => (await fetch(`${base}/live/cams:pond.ts`)).status === 502, "it can be opened");
        await card(page, long)
          .getByText(/nobody listens there/)
          .waitFor();
        const faults = async (where: string) => assert.deepEqual(await page.evaluate(findFaults), [], where);
        await faults("cameras");
        await shot(`8-phone-${colorScheme}`);
        await button(page, "Add camera").click();
        await page.getByText("More").click();
        await button(page, "Test").click();
        await page.getByText("every camera needs the address").waitFor();
        await faults("form");
        await shot(`9-phone-form-${colorScheme}`);
        await page.keyboard.press("Escape");
        await button(page, "Import").click();
        await page.getByLabel("Lines").fill(`a;${one.url}\nb c;${one.url}`);
        await page.getByText("1 line can be imported, 1 line cannot").waitFor();
        await faults("import");
        await page.keyboard.press("Escape");
        await page.getByRole("link", { name: "Overview" }).click();
        await page.getByText("For your players").waitFor();
        await page.getByRole("row", { name: /cams/ }).waitFor();
        await faults("overview");
        await shot(`10-phone-overview-${colorScheme}`);
      });
    },
  );

test("what only Kodi can play is listed, and a Kodi plays it", options, async () => {
  const kodi = await openStandIn([]);
  const entry = `#EXTINF:-1 tvg-id="x",Channel X\nplugin://plugin.video.example/play/x\n`;
  const upstream = await openUpstream({ "/list.m3u": `#EXTM3U\n${entry}` });
  try {
    const { user, password } = credentials;
    const instances = [
      `list: { use: m3u, playlist: "${upstream.base}/list.m3u" }`,
      `kodi: { use: iptv-manager, kodi: { jsonrpc: "${kodi.http}", user: ${user}, password: ${password} } }`,
    ];
    await visiting(browser, { instances }, async ({ page, base, shot }) => {
      await until(async () => /Channel X/.test(await (await fetch(`${base}/api/lineup`)).text()), "it is not listed");
      await page.goto(`${base}/dashboard/#overview`);
      await button(page, "Play Channel X on Kodi").click();
      await page.getByText("Kodi plays Channel X.").waitFor();
      assert.ok(
        kodi.seen.some((line) => line.includes("plugin://plugin.video.example/play/x")),
        kodi.seen.join("\n"),
      );
      await page.getByRole("button", { name: "Run the self-test" }).click();
      await page.getByText(/checks are well|checks? failed/).waitFor();
      await shot("12-overview");
    });
  } finally {
    await kodi.close();
    await upstream.close();
  }
});

test("a viewer sees and plays, and is shown no way to change anything", options, async () => {
  const access =
    "access:\n  users:\n    ana: { password: correct horse, role: admin }\n    bea: { password: battery staple, role: viewer }";
  await visiting(browser, { access, cameras: [`door: ${one.url}`] }, async ({ page, base, shot }) => {
    const login = async (name: string, password: string) => {
      await page.getByLabel(/user/i).fill(name);
      await page.getByLabel(/password/i).fill(password);
      await page.keyboard.press("Enter");
    };
    await login("bea", "battery staple");
    await card(page, "door").waitFor();
    assert.equal(await page.locator("#user").textContent(), "bea");
    for (const name of ["Add camera", "Import", "Edit door", "Test door", "Delete door"])
      assert.equal(await page.getByRole("button", { name, exact: true }).count(), 0, name);
    const status = await page.evaluate(async (url) => {
      const answer = await fetch(url, { method: "DELETE" });
      return `${answer.status} ${await answer.text()}`;
    }, `${base}/cams/cameras/door`);
    assert.match(status, /^403 .*access\.admin/);
    assert.doesNotMatch(await page.content(), /127\.0\.0\.1:\d+\/stream/);
    await button(page, "Play door").click();
    await until(async () => (await played(page)) > 0.5, "it does not play");
    await page.keyboard.press("Escape");
    await shot("11-viewer");
    await button(page, "Log out").click();
    await page.goto(`${base}/dashboard/`);
    await login("ana", "correct horse");
    await button(page, "Edit door").waitFor();
  });
});

declareSuites(suite);
