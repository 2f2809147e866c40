// Viewers of a whole headend: what they are given, what they cost upstream, and what the rude among them cannot do to the others.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { createFeed, type Feed } from "../../support/feed.ts";
import { mediaMissing, readClip, runTool } from "../../support/media.ts";
import { openUpstream, type Upstream } from "../../support/upstream.ts";
import { faultsOf, openStreaming, type Streaming, until, watch } from "./headend.ts";
import { createSuite } from "./suite.ts";

export const viewers = createSuite();
const { after, before, test } = viewers;

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const options = { skip: mediaMissing, timeout: 60_000 } as const;
const seconds = 30;

let streaming: Streaming;
let upstream: Upstream;
const feeds: Record<string, Feed> = {};
const feedOf = (name: string): Feed => feeds[name] ?? assert.fail(name);
const address = (channel: string, extension = "ts") => `${streaming.base}/live/${channel}.${extension}`;

before(async () => {
  // Key frames two seconds apart, at two million bits a second.
  const clip = await readClip("h264", { seconds, gop: 50, bitrate: 2_000_000 });
  upstream = await openUpstream();
  const list = (instance: string, ...names: string[]) => {
    for (const name of names) {
      feeds[name] = createFeed(clip, { seconds });
      upstream.answers.set(`/${name}`, feedOf(name).answer);
    }
    const entries = names.map(
      (name) => `#EXTINF:-1 tvg-id="${name}",${name}\n${upstream.base}/${name}?password=hidden\n`,
    );
    upstream.answers.set(`/${instance}.m3u`, `#EXTM3U\n${entries.join("")}`);
    return `use: m3u, playlist: "${upstream.base}/${instance}.m3u"`;
  };
  streaming = await openStreaming(
    `streams:
  slate: 0s
instances:
  up: { ${list("up", "headed", "shared", "rude", "ended", "zapped")}, linger: 600ms, stall: 10s }
  one: { ${list("one", "first", "second")}, tuners: 1, linger: 0s, stall: 10s }
  away: { ${list("away", "moved")}, deliver: redirect }
`,
    8,
  );
});
after(async () => {
  await streaming?.close();
  await upstream?.close();
});

/** A socket that has sent something, and reads nothing unless it is told to. */
async function say(text: string): Promise<net.Socket> {
  const socket = net.connect({ port: Number(new URL(streaming.base).port), host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  socket.write(text);
  return socket;
}

test("HEAD tells type and status, and opens no upstream", options, async () => {
  const head = async (url: string) => {
    const { status, headers } = await fetch(url, { method: "HEAD" });
    return `${status} ${headers.get("content-type")?.toLowerCase()}`;
  };
  assert.equal(await head(address("up:headed")), "200 video/mp2t");
  assert.equal(await head(`${streaming.base}/live/up:headed/mpegts`), "200 video/mp2t");
  assert.match(await head(address("up:headed", "m3u8")), /^200 application\/(vnd\.apple\.|x-)mpegurl/);
  assert.match(await head(address("up:nobody")), /^404 /);
  assert.match(await head(address("up:headed", "avi")), /^404 /);
  assert.equal(feedOf("headed").came, 0);
  assert.deepEqual(await streaming.streams(), []);
});

test(
  "any number of viewers share one upstream; who comes later begins with tables and a picture",
  options,
  async () => {
    const viewers = await Promise.all(Array.from({ length: 20 }, () => watch(address("up:shared"))));
    await Promise.all(viewers.map((viewer) => viewer.more(500_000)));
    const late = await watch(address("up:shared"));
    await late.more(300_000);
    assert.equal(feedOf("shared").came, 1);
    const [status] = await streaming.streams();
    assert.equal(status?.viewers.length, 21);
    assert.equal(await streaming.metric("headend_viewers"), 21);
    assert.equal(await streaming.metric("headend_upstreams"), 1);
    for (const viewer of [...viewers, late]) {
      await viewer.close();
      assert.deepEqual(faultsOf(viewer.bytes()), []);
    }
    const frames = await runTool(
      "ffprobe",
      [
        ...["-v", "error", "-select_streams", "v", "-read_intervals", "%+#1", "-of", "csv=p=0"],
        ...["-show_entries", "frame=key_frame,pkt_pos", "pipe:0"],
      ],
      { input: late.bytes().subarray(0, 200_000) },
    );
    const [key, position] = frames.stdout.trim().split(",").map(Number);
    assert.equal(key, 1, frames.stdout + frames.stderr);
    assert.ok((position ?? Number.POSITIVE_INFINITY) <= 10 * 188, `the first key frame begins at byte ${position}`);
  },
);

test("upstream stays open for a zap back, and is closed when nobody has come", options, async () => {
  const feed = feedOf("zapped");
  for (let turn = 0; turn < 3; turn++) {
    const viewer = await watch(address("up:zapped"));
    await viewer.more(1);
    await viewer.close();
  }
  assert.equal(feed.came, 1);
  await until(() => feed.open === 0, "upstream stays open");
  await streaming.quiet();
});

test(
  "a tuner goes over to what its viewer wants next, and another viewer is told that none is free",
  options,
  async () => {
    const [first, second] = [feedOf("first"), feedOf("second")];
    const tv = { "user-agent": "tv" };
    const a = await watch(address("one:first"), tv);
    await a.more(1);
    const refused = await watch(address("one:second"), { "user-agent": "phone" });
    await until(() => refused.ended, "a refusal has no end");
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("x-hdhomerun-error"), "805 All Tuners In Use");
    assert.match(new TextDecoder().decode(refused.bytes()), /one: all 1 tuners are in use/);
    assert.equal(await streaming.metric("headend_tuners_used"), 1);
    // Opens the next channel before it closes the one that it has.
    const b = await watch(address("one:second"), tv);
    assert.equal(b.status, 200);
    await b.more(1);
    await until(() => a.ended || a.broken, "the first channel goes on without a tuner");
    assert.equal(first.open, 0);
    assert.equal(second.open, 1);
    assert.equal(await streaming.metric("headend_refused_total"), 1);
    await b.close();
    await streaming.quiet();
    assert.equal(await streaming.metric("headend_tuners_used"), 0);
    assert.equal(await streaming.metric("headend_tuners_limit"), 1);
    assert.equal(second.came, 1);
  },
);

test("an instance that redirects sends players on, and opens nothing", options, async () => {
  for (const method of ["GET", "HEAD"]) {
    const { status, headers } = await fetch(address("away:moved"), { method, redirect: "manual" });
    assert.equal(status, 302);
    assert.equal(headers.get("location"), `${upstream.base}/moved?password=hidden`);
  }
  assert.equal(feedOf("moved").came, 0);
});

test("/api/streams tells who watches what, and ends one viewer or all of a stream", options, async () => {
  const names = ["one", "two", "three"];
  const viewers = await Promise.all(names.map((name) => watch(address("up:ended"), { "user-agent": name })));
  await Promise.all(viewers.map((viewer) => viewer.more(1000)));
  const [stream] = await streaming.streams();
  assert.equal(stream?.channel, "up:ended");
  assert.equal(stream?.state, "running");
  assert.deepEqual(stream?.viewers.map(({ name }) => name).sort(), names.map((name) => `127.0.0.1 ${name}`).sort());
  assert.doesNotMatch(JSON.stringify(stream), /hidden/);
  const end = async (id = "") => (await fetch(`${streaming.base}/api/streams/${id}`, { method: "DELETE" })).status;
  assert.equal(await end("none"), 404);
  assert.equal(await end(stream?.viewers.find(({ name }) => name.endsWith(" two"))?.id), 204);
  const [one, two, three] = viewers;
  await until(() => two?.ended === true, "it was not ended");
  await one?.more(50_000);
  assert.equal(one?.ended, false);
  assert.equal(await end(stream?.id), 204);
  await until(() => viewers.every(({ ended, broken }) => ended || broken), "they were not ended");
  assert.deepEqual(faultsOf(three?.bytes() ?? new Uint8Array()), []);
  await until(() => feedOf("ended").open === 0, "upstream stays open");
  await streaming.quiet();
});

test("rude viewers by the hundred are no business of the others, and leave nothing behind", options, async () => {
  const feed = feedOf("rude");
  const request = "GET /live/up:rude.ts HTTP/1.1\r\nHost: tv\r\n\r\n";
  const good = await Promise.all([watch(address("up:rude")), watch(address("up:rude"))]);
  await Promise.all(good.map((viewer) => viewer.more(1)));
  const base = await streaming.memory();
  const sockets: net.Socket[] = [];
  // Take nothing; close their half; ask again on the same connection; ask by halves.
  for (let n = 0; n < 50; n++) sockets.push(await say(request));
  for (let n = 0; n < 20; n++) sockets.push((await say(request)).end());
  for (let n = 0; n < 20; n++) sockets.push(await say(request.repeat(3)));
  for (let n = 0; n < 20; n++) sockets.push(await say(request.slice(0, 30)));
  // Open and close at once, some with an answer and some before.
  let opened = 0;
  const begun = performance.now();
  for (; performance.now() - begun < 1500 && opened < 1000; opened++) {
    const socket = await say(request);
    if (opened % 2 === 0) socket.resume();
    if (opened % 3 === 0) await sleep(1);
    socket.resetAndDestroy();
  }
  assert.ok(opened > 100, `only ${opened} were opened`);
  await Promise.all(good.map((viewer) => viewer.more(400_000)));
  assert.equal(feed.came, 1);
  const memory = await streaming.memory();
  for (const socket of sockets) socket.destroy();
  await until(async () => (await streaming.streams())[0]?.viewers.length === 2, "rude viewers are still counted");
  for (const viewer of good) {
    assert.equal(viewer.broken || viewer.ended, false);
    await viewer.close();
    assert.deepEqual(faultsOf(viewer.bytes()), []);
  }
  await until(() => feed.open === 0, "upstream stays open");
  await streaming.quiet();
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  const figures = [base, memory, await streaming.memory()].map(mebibytes).join(", ");
  assert.ok(memory - base < 1024 * 2 ** 20, `MiB before, during, after: ${figures}`);
  assert.ok((await streaming.memory()) - base < 100 * 2 ** 20, `MiB before, during, after: ${figures}`);
  if (process.env.HEADEND_FIGURES)
    process.stderr.write(`rude: ${opened} opened; MiB before, during, after: ${figures}\n`);
});

test("/metrics has counted all of it", options, async () => {
  const figure = (name: string) => streaming.metric(name);
  assert.ok((await figure("headend_viewers_joined_total")) > 100);
  assert.equal(await figure("headend_viewers_left_total"), await figure("headend_viewers_joined_total"));
  assert.ok((await figure("headend_received_bytes_total")) > 1_000_000);
  assert.ok((await figure("headend_first_byte_seconds_count")) >= 5);
  assert.ok((await figure("headend_first_picture_seconds_count")) >= 5);
  assert.ok((await figure("nodejs_eventloop_lag_seconds")) >= 0);
  for (const name of ["stalls", "failovers", "continuity_errors"])
    assert.equal(await figure(`headend_${name}_total`), 0, name);
  assert.doesNotMatch(streaming.output(), /hidden/);
});
