// What streams leave behind: nothing of ffmpeg's when it is killed, and no process when the headend is told to end.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { createFeed, type Feed } from "../../support/feed.ts";
import { convertClip, makeClip, mediaMissing, readClip, wholeUnits } from "../../support/media.ts";
import { openUpstream, type Upstream } from "../../support/upstream.ts";
import { faultsOf, openStreaming, play, type Streaming, until, watch } from "./headend.ts";
import { createSuite } from "./suite.ts";

export const end = createSuite();
const { after, before, test } = end;

const processless = existsSync("/proc/self/stat") ? false : "needs /proc to see processes";
/** Milliseconds; a busy machine may take many times as long as an idle one. */
const options = { skip: mediaMissing || processless, timeout: 60_000 } as const;
const seconds = 60;

let streaming: Streaming;
let upstream: Upstream;
const feeds: Feed[] = [];

before(async () => {
  upstream = await openUpstream();
  const clip = await makeClip("h264", { seconds });
  const matroska = new Uint8Array(await readFile(await convertClip(clip, "clip.mkv")));
  const entries: string[] = [];
  for (const [name, bytes] of Object.entries({ remuxed: matroska, plain: await readClip("h264", { seconds }) })) {
    const feed = createFeed(bytes, { seconds, rate: 2 });
    feeds.push(feed);
    upstream.answers.set(`/${name}`, feed.answer);
    entries.push(`#EXTINF:-1 tvg-id="${name}",${name}\n${upstream.base}/${name}\n`);
  }
  upstream.answers.set("/list.m3u", `#EXTM3U\n${entries.join("")}`);
  const up = `{ use: m3u, playlist: "${upstream.base}/list.m3u", linger: 300ms, stall: 10s }`;
  streaming = await openStreaming(`streams:\n  slate: 10s\ninstances:\n  up: ${up}\n`, 2);
});
after(async () => {
  await streaming?.close();
  await upstream?.close();
});

/** Processes that a process has started, and they in turn, with their names. */
async function descendants(pid: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const parents = new Map<number, [parent: number, name: string]>();
  for (const entry of await readdir("/proc")) {
    const stat = /^\d+$/.test(entry) ? await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "") : "";
    const [, name = "", parent = ""] = /^\d+ \((.*)\) \S (\d+)/s.exec(stat) ?? [];
    if (parent !== "") parents.set(Number(entry), [Number(parent), name]);
  }
  const add = (of: number) => {
    for (const [id, [parent, name]] of parents) if (parent === of && !found.has(id)) add(found.set(id, name) && id);
  };
  add(pid);
  return found;
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

test("a channel that ffmpeg remuxes goes on when ffmpeg is killed", options, async () => {
  const viewer = await watch(`${streaming.base}/live/up:remuxed.ts`);
  await viewer.more(200_000);
  const before = await descendants(streaming.pid);
  assert.deepEqual([...before.values()], ["ffmpeg"]);
  for (const pid of before.keys()) process.kill(pid, "SIGKILL");
  // A slate is shown until it is started again.
  await until(
    async () => (await descendants(streaming.pid)).size === 1 && feeds[0]?.came === 2,
    "it is not started again",
  );
  await viewer.more(200_000);
  assert.equal(viewer.ended || viewer.broken, false);
  for (const pid of before.keys()) assert.equal(isAlive(pid), false, "a zombie is left");
  await viewer.close();
  assert.deepEqual(faultsOf(viewer.bytes()), []);
  const { streams } = await play(wholeUnits(viewer.bytes()));
  const pictures = streams.reduce((sum, { codec, frames }) => sum + (codec === "h264" ? frames : 0), 0);
  assert.ok(pictures > 75, `${pictures} pictures`);
  assert.match(streaming.output(), /remuxed: .*ffmpeg.*; trying/);
  await until(async () => (await descendants(streaming.pid)).size === 0, "ffmpeg stays");
  assert.equal(feeds[0]?.open, 0);
});

test(
  "SIGTERM with viewers ends them, their upstreams and every process, and the headend itself in order",
  options,
  async () => {
    const viewers = await Promise.all(
      ["remuxed.ts", "plain.ts", "plain.ts"].map((name) => watch(`${streaming.base}/live/up:${name}`)),
    );
    const playlist = await fetch(`${streaming.base}/live/up:plain.m3u8`);
    assert.equal(playlist.status, 200);
    await Promise.all(viewers.map((viewer) => viewer.more(50_000)));
    const children = await descendants(streaming.pid);
    assert.equal(children.size, 1);
    const begun = performance.now();
    const { code, output } = await streaming.end("SIGTERM");
    assert.equal(code, 0, output);
    assert.ok(performance.now() - begun < 8000, "it took too long");
    await until(() => viewers.every(({ ended, broken }) => ended || broken), "viewers still wait");
    await until(() => feeds.every(({ open }) => open === 0), "upstreams stay open");
    for (const pid of [streaming.pid, ...children.keys()]) assert.equal(isAlive(pid), false, `${pid} is left`);
    for (const viewer of viewers) assert.deepEqual(faultsOf(viewer.bytes()), []);
  },
);
