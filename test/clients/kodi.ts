// A real Kodi with its two add-ons: pvr.iptvsimple plays live and the past through us from an operator of another dialect,
// and pvr.hdhomerun finds our tuner over a network and plays. Run by `npm run test:clients`, not by `npm test`.
// What it needs is said in kodi-player.ts; where that is missing, the tests say so and are skipped.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { openStreaming } from "../runtime/streams/headend.ts";
import { createFeed } from "../support/feed.ts";
import { makeClip, mediaMissing, readClip, tools } from "../support/media.ts";
import { openUpstream } from "../support/upstream.ts";
import type { Report } from "./kodi-player.ts";
import { playInKodi } from "./kodi-report.ts";
import { labMissing, openLab } from "./lab.ts";

const player = join(import.meta.dirname, "kodi-player.ts");
const limit = 240_000;
const half = 1800_000;

/** Why there is no Kodi with this add-on, or false. */
function kodiMissing(addon: string): false | string {
  const gone = ["kodi", "Xvfb", "ffmpeg"].filter((name) => spawnSync("which", [name]).status !== 0);
  if (gone.length > 0) return `needs ${gone.join(", ")}`;
  const folders = [
    "/usr/lib/x86_64-linux-gnu/kodi/addons",
    "/usr/lib/aarch64-linux-gnu/kodi/addons",
    "/usr/lib/kodi/addons",
  ];
  return folders.some((folder) => existsSync(join(folder, addon))) ? false : `needs Kodi's ${addon}`;
}

/** Picture, sound, and something that moves. */
function assertPlayed(report: Report, what: RegExp, video: string): void {
  const found = report.played.find((each) => what.test(each.what));
  assert.ok(found?.started !== undefined, `${what} did not begin: ${JSON.stringify(report)}`);
  assert.ok(found.video.includes(video), JSON.stringify(found));
  assert.ok(found.audio > 0, JSON.stringify(found));
  // A test card moves once in a second.
  assert.ok(found.moved >= 3, JSON.stringify(found));
}

function tell(report: Report): void {
  if (process.env.HEADEND_FIGURES) process.stderr.write(`Kodi ${report.kodi}: ${JSON.stringify(report.played)}\n`);
}

test("Kodi's pvr.iptvsimple shows channels, groups, logos and the guide, and plays live and the past", {
  skip: mediaMissing || kodiMissing("pvr.iptvsimple"),
  timeout: limit,
}, async () => {
  const seconds = 180;
  const whole = await readClip("h264", { seconds, gop: 50 });
  const archive = await makeClip("mpeg2", { seconds: 60 });
  const asked: string[] = [];
  const answerPast = (response: ServerResponse) => {
    asked.push(response.req.url ?? "");
    const words = `-nostdin -v error -re -i ${archive} -c copy -f mpegts pipe:1`.split(" ");
    const child = spawn(tools?.ffmpeg ?? "", words, { stdio: ["ignore", "pipe", "ignore"] });
    response.writeHead(200, { "content-type": "video/mp2t" });
    child.stdout.pipe(response);
    response.on("close", () => child.kill("SIGKILL"));
  };
  const feed = createFeed(whole, { seconds });
  const upstream = await openUpstream({ "/one": feed.answer, "/two": feed.answer, "/past": answerPast });
  const start = Math.floor(Date.now() / half) * half;
  const stamp = (at: number) => `${new Date(at).toISOString().replace(/\D/g, "").slice(0, 14)} +0000`;
  const programmes = ["one", "two"].flatMap((channel) =>
    Array.from({ length: 16 }, (_, n) => {
      const at = start + (n - 8) * half;
      return `<programme start="${stamp(at)}" stop="${stamp(at + half)}" channel="${channel}"><title>${channel} ${at / 1000}</title></programme>\n`;
    }),
  );
  upstream.answers.set("/guide.xml", `<tv>\n${programmes.join("")}</tv>\n`);
  // The operator's archive hangs its times on the live address, in seconds.
  const past = `catchup="append" catchup-days="2" catchup-source="/../past?from={utc}&to={utcend}"`;
  upstream.answers.set(
    "/list.m3u",
    `#EXTM3U\n#EXTINF:-1 tvg-id="one" tvg-logo="${upstream.base}/one.png" group-title="News" ${past},Channel one\n${upstream.base}/one\n#EXTINF:-1 tvg-id="two" group-title="Films",Channel two\n${upstream.base}/two\n`,
  );
  const up = `{ use: m3u, playlist: "${upstream.base}/list.m3u", guides: ["${upstream.base}/guide.xml"], tuners: 1 }`;
  const streaming = await openStreaming(`streams:\n  slate: 0s\ninstances:\n  up: ${up}\n`, 2);
  try {
    const address = ["--m3u", `${streaming.base}/playlist.m3u`, "--guide", `${streaming.base}/guide.xml`];
    const report = await playInKodi([...address, "--live", "1", "--live", "2", "--past", "1"]);
    tell(report);
    assert.deepEqual(
      report.channels.map(({ number, name, archive }) => [number, name, archive]),
      [
        [1, "Channel one", true],
        [2, "Channel two", false],
      ],
    );
    assert.ok(report.channels[0]?.icon.includes("one.png"));
    assert.ok(report.channels[0]?.groups.includes("News") && report.channels[1]?.groups.includes("Films"));
    assert.match(report.channels[0]?.now ?? "", /^one \d+$/);
    for (const { programmes: count } of report.channels) assert.ok(count >= 12, `${count} programmes`);
    assertPlayed(report, /^live 1/, "h264 320x180");
    assertPlayed(report, /^live 2/, "h264 320x180");
    assertPlayed(report, /^past one/, "mpeg2video 320x180");
    const title = report.played.find(({ what }) => what.startsWith("past "))?.what ?? "";
    const at = /(\d+)$/.exec(title)?.[1];
    assert.ok(
      asked.some((url) => url.includes(`from=${at}`)),
      `the operator was asked for ${asked.join(", ")}, not for ${at}`,
    );
    // One tuner was enough for all that Kodi opened and closed.
    assert.ok(feed.most <= 1, `${feed.most} upstreams at once`);
    await streaming.quiet();
  } finally {
    await streaming.close();
    await upstream.close();
  }
});

test("Kodi's pvr.hdhomerun finds the tuner, lists its channels and plays one", {
  skip: labMissing("curl") || kodiMissing("pvr.hdhomerun"),
  timeout: limit,
}, async () => {
  const lab = await openLab(
    "instances:\n  card: { use: testcard }\n  den: { use: hdhomerun, name: Den }\n",
    /Den.* is at /,
  );
  try {
    const { output } = await lab.client([process.execPath, player, "--hdhomerun", "--live", "9992"], limit - 20_000);
    const line = output.split("\n").find((each) => each.startsWith("{"));
    assert.ok(line, `${output}\n${lab.output()}`);
    const report = JSON.parse(line) as Report;
    tell(report);
    assert.deepEqual(
      report.channels.map(({ number, name }) => [number, name]),
      [
        [9991, "Test card 1"],
        [9992, "Test card 2"],
      ],
    );
    assertPlayed(report, /^live 9992/, "h264 1280x720");
  } finally {
    await lab.close();
  }
});
