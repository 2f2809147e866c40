// Cameras through the whole headend: started by the first who watches, once for all, stopped after the last, whatever else happens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseHls } from "../../../core/formats/hls.ts";
import { type LiveCamera, openLiveCamera } from "../../support/live-camera.ts";
import { mediaMissing } from "../../support/media.ts";
import { openStreaming, play, type Streaming, until } from "../streams/headend.ts";

const options = { skip: mediaMissing, timeout: 60_000 };

/** A headend with cameras; afterwards none of them has a session, and no password was told. */
async function withCameras(
  count: number,
  keys: string,
  work: (headend: Streaming, cameras: readonly LiveCamera[]) => Promise<void>,
): Promise<void> {
  const cameras = await Promise.all(Array.from({ length: count }, () => openLiveCamera()));
  const lines = cameras.map(({ url }, index) => `      c${index}: { url: "${url}", ${keys} }`);
  const config = `streams:\ninstances:\n  testcard: false\n  cams:\n    use: camera\n    cameras:\n${lines.join("\n")}\n`;
  const headend = await openStreaming(config, count);
  try {
    await work(headend, cameras);
    assert.doesNotMatch(headend.output(), /pass word|pass%20word/);
  } finally {
    await headend.close();
    await Promise.all(cameras.map((camera) => camera.close()));
  }
}

async function playlistOf(headend: Streaming, nickname: string) {
  const response = await fetch(`${headend.base}/watch/${nickname}`);
  assert.equal(response.status, 200);
  const playlist = parseHls(await response.text());
  assert.ok(playlist.kind === "media");
  return { ...playlist, url: response.url };
}

const sessions = (cameras: readonly LiveCamera[]) => cameras.reduce((sum, { server }) => sum + server.sessions.size, 0);

test("ten viewers of a camera are one session, which is torn down soon after the last", options, async () => {
  await withCameras(1, "linger: 3s", async (headend, cameras) => {
    const [camera] = cameras;
    assert.ok(camera);
    const first = await Promise.all(Array.from({ length: 10 }, () => playlistOf(headend, "c0")));
    assert.ok(first.every(({ segments }) => segments.length > 0));
    assert.equal(camera.server.methods.filter((method) => method === "PLAY").length, 1);
    const [stream] = await headend.streams();
    assert.equal(stream?.how, "rtsp over tcp, H.264");
    const last = performance.now();
    await playlistOf(headend, "c0");
    await until(() => sessions(cameras) === 0, "the camera keeps its session");
    const took = performance.now() - last;
    assert.ok(took > 2900 && took < 4300, `torn down after ${took} ms`);
    assert.equal(camera.server.methods.at(-1), "TEARDOWN");
    // It goes on above what was.
    const [before] = first;
    const after = await playlistOf(headend, "c0");
    assert.ok(after.sequence > (before?.sequence ?? 0) + (before?.segments.length ?? 0) - 1);
    assert.ok(after.discontinuity > (before?.discontinuity ?? 0));
    assert.ok(after.segments.every(({ uri }) => !before?.segments.some((each) => each.uri === uri)));
  });
});

test("a viewer who switches through four cameras leaves no more than two open", options, async () => {
  await withCameras(4, "linger: 3s", async (headend, cameras) => {
    for (const [index] of cameras.entries()) {
      const until = performance.now() + 2500;
      while (performance.now() < until) {
        await playlistOf(headend, `c${index}`);
        await sleep(500);
      }
    }
    const end = performance.now() + 5000;
    assert.ok(sessions(cameras) <= 3, "at the switch");
    await until(() => sessions(cameras) <= 2, "cameras stay open");
    assert.ok(performance.now() < end);
    await until(() => sessions(cameras) === 0, "the last stays open");
    assert.ok(performance.now() < end);
  });
});

test("old and new addresses lead to pictures that play", options, async () => {
  await withCameras(1, "name: Door", async (headend) => {
    for (const prefix of ["", "/cams", "/hls_gateway"]) {
      const { streams, complaints } = await play(`${headend.base}${prefix}/watch/c0`, 1);
      assert.deepEqual(complaints, []);
      assert.equal(streams[0]?.codec, "h264");
    }
    const { segments, url } = await playlistOf(headend, "c0");
    const name = new URL(segments.at(-1)?.uri ?? "", url).pathname.split("/").at(-1) ?? "";
    for (const prefix of ["/read", "/hls_gateway/read"]) {
      const part = await fetch(`${headend.base}${prefix}/c0/${name}`);
      assert.equal(part.status, 200);
      assert.equal((await part.bytes())[0], 0x47);
    }
    assert.equal((await fetch(`${headend.base}/read/c0/index.m3u8`)).status, 200);
    assert.equal((await fetch(`${headend.base}/watch/nobody`)).status, 404);
    const picture = await fetch(`${headend.base}/snapshot/c0.jpg`);
    assert.equal(picture.headers.get("content-type"), "image/jpeg");
    const bytes = await picture.bytes();
    assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8]);
    const [again, other] = await Promise.all([1, 2].map(() => fetch(`${headend.base}/snapshot/c0.jpg`)));
    assert.deepEqual(await again?.bytes(), await other?.bytes());
  });
});

test("a camera that goes silent is opened again, and its playlist goes on with a discontinuity", options, async () => {
  await withCameras(1, "linger: 10s", async (headend, [camera]) => {
    assert.ok(camera);
    const before = await playlistOf(headend, "c0");
    camera.filming = false;
    const asked = camera.server.requests.length;
    await until(() => camera.server.requests.length > asked + 3, "nobody notices");
    // Who plays goes on asking, and is given what there was.
    assert.equal((await playlistOf(headend, "c0")).discontinuity, before.discontinuity);
    camera.filming = true;
    await until(async () => {
      const { segments } = await playlistOf(headend, "c0");
      return (segments.at(-1)?.discontinuity ?? 0) > before.discontinuity;
    }, "the playlist does not go on");
    const after = await playlistOf(headend, "c0");
    const stream = (uri: string | undefined) => uri?.replace(/-\d+\.ts$/, "");
    assert.equal(stream(after.segments.at(-1)?.uri), stream(before.segments[0]?.uri));
    assert.ok(after.sequence >= before.sequence);
    await until(() => camera.server.sessions.size === 1, "sessions are left behind");
  });
});

test("a camera with `always` is open before anybody watches, and answers at once", options, async () => {
  await withCameras(1, "always: true, linger: 1s", async (headend, cameras) => {
    await until(() => sessions(cameras) === 1, "it is not opened");
    await playlistOf(headend, "c0");
    await sleep(3000);
    assert.equal(sessions(cameras), 1);
    assert.equal(cameras[0]?.server.methods.filter((method) => method === "PLAY").length, 1);
  });
});

test("what is wrong with a camera is said, without its password", options, async () => {
  const camera = await openLiveCamera();
  const mute = await openLiveCamera();
  mute.filming = false;
  const config = `streams:
instances:
  testcard: false
  cams:
    use: camera
    cameras:
      wrong: "${camera.url.replace("pass%20word", "hunter2")}"
      absent: "rtsp://user:hunter2@127.0.0.1:1/stream"
      mute: "${mute.url}"
`;
  const headend = await openStreaming(config, 3);
  try {
    const ask = async (nickname: string) => {
      const response = await fetch(`${headend.base}/watch/${nickname}`, { headers: { accept: "text/plain" } });
      return { status: response.status, text: await response.text() };
    };
    const [wrong, absent, silent] = await Promise.all([ask("wrong"), ask("absent"), ask("mute")]);
    assert.equal(wrong?.status, 502);
    assert.match(wrong?.text ?? "", /wants a user and a password that it knows/);
    assert.equal(absent?.status, 502);
    assert.match(absent?.text ?? "", /nobody listens there/);
    assert.ok([502, 503, 504].includes(silent?.status ?? 0), `${silent?.status}`);
    assert.equal(camera.server.sessions.size, 0);
    const told = [wrong, absent, silent].map((each) => each?.text).join() + headend.output();
    assert.doesNotMatch(told, /hunter2|pass%20word|pass word/);
    for (const page of ["/api/streams", "/metrics", "/playlist.m3u", "/api/instances"])
      assert.doesNotMatch(await (await fetch(headend.base + page)).text(), /hunter2|pass%20word|pass word/);
  } finally {
    await headend.close();
    await Promise.all([camera.close(), mute.close()]);
  }
});
