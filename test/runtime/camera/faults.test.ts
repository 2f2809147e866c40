// What real cameras do, through the whole headend: they die and come back, change their picture, lose packets; who watches goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseHls } from "../../../core/formats/hls.ts";
import { type LiveCamera, type LiveCameraOptions, openLiveCamera } from "../../support/live-camera.ts";
import { countContinuityErrors, mediaMissing, runTool } from "../../support/media.ts";
import { openStreaming, play, type Streaming, until, watch } from "../streams/headend.ts";

const options = { skip: mediaMissing, timeout: 60_000 };

async function withCamera(
  o: LiveCameraOptions,
  keys: string,
  work: (headend: Streaming, camera: LiveCamera) => Promise<void>,
): Promise<void> {
  const camera = await openLiveCamera(o);
  const config = `streams:\n  slate: 20s\ninstances:\n  testcard: false\n  cams:\n    use: camera\n    cameras:\n      c0: { url: "${camera.url}", ${keys} }\n`;
  const headend = await openStreaming(config, 1);
  try {
    await work(headend, camera);
    assert.doesNotMatch(headend.output(), /pass word|pass%20word/);
  } finally {
    await headend.close();
    await camera.close();
  }
}

async function playlistOf(headend: Streaming) {
  const response = await fetch(`${headend.base}/watch/c0`);
  assert.equal(response.status, 200);
  const playlist = parseHls(await response.text());
  assert.ok(playlist.kind === "media");
  return { ...playlist, url: response.url };
}

test("a camera that dies is asked again ever less often, and its playlist goes on", options, async () => {
  let refusing = false;
  const asked: number[] = [];
  const answer: LiveCameraOptions["answer"] = ({ method }) => {
    if (!refusing || method !== "DESCRIBE") return undefined;
    asked.push(performance.now());
    return { status: 503, reason: "Service Unavailable" };
  };
  await withCamera({ answer }, "linger: 10s", async (headend, camera) => {
    const before = await playlistOf(headend);
    refusing = true;
    camera.server.drop();
    while (asked.length < 2) {
      assert.ok((await playlistOf(headend)).segments.length > 0);
      await sleep(100);
    }
    refusing = false;
    await until(() => camera.server.sessions.size === 1, "nobody comes back");
    const [first = 0, second = 0] = asked;
    const [rest, next] = [second - first, performance.now() - second];
    assert.ok(rest > 900 && next > 1.5 * rest, `after ${rest} ms, and then after ${next} ms`);
    await until(async () => {
      const { segments } = await playlistOf(headend);
      return (segments.at(-1)?.discontinuity ?? 0) > before.discontinuity + 1;
    }, "the playlist does not go on");
    const after = await playlistOf(headend);
    const name = (uri = "") => uri.replace(/-\d+\.ts$/, "");
    assert.equal(name(after.segments.at(-1)?.uri), name(before.segments[0]?.uri));
    assert.ok(after.sequence >= before.sequence);
    const { streams } = await play(`${headend.base}/watch/c0`, 2);
    assert.equal(streams[0]?.codec, "h264");
  });
});

test("pictures that get another size amid a stream play on", options, async () => {
  await withCamera({}, "linger: 2s", async (headend, camera) => {
    const watching = await watch(`${headend.base}/live/cams:c0.ts`);
    await watching.more(100_000);
    await camera.film({ size: "640x360" });
    await watching.more(300_000);
    await watching.close();
    const bytes = watching.bytes();
    assert.equal(countContinuityErrors(bytes), 0);
    assert.deepEqual(await sizesOf(bytes), ["320x180", "640x360"]);
    assert.equal(camera.server.methods.filter((method) => method === "PLAY").length, 1);
  });
});

test(
  "what UDP loses costs the pictures that it is of; the stream stays whole, and is not taken for dead",
  options,
  async () => {
    await withCamera({ refuses: ["tcp"], bitrate: 1_000_000 }, "linger: 2s", async (headend, camera) => {
      camera.loss = 0.02;
      const watching = await watch(`${headend.base}/live/cams:c0.ts`);
      await watching.more(500_000);
      const [stream] = await headend.streams();
      await watching.close();
      assert.equal(stream?.how, "rtsp over udp, H.264");
      assert.equal(stream?.failovers, 0);
      assert.equal(stream?.continuityErrors, 0);
      assert.equal(countContinuityErrors(watching.bytes()), 0);
      const playlist = await playlistOf(headend);
      const part = await fetch(new URL(playlist.segments.at(-1)?.uri ?? "", playlist.url));
      assert.equal(part.status, 200);
      // What was lost is seen in pictures that follow what is missing, and in nothing else.
      const { streams } = await play(watching.bytes());
      assert.ok((streams[0]?.frames ?? 0) > 40, `${streams[0]?.frames} pictures`);
    });
  },
);

test("a camera in TLS plays, though it signed its certificate itself", options, async () => {
  await withCamera({ secure: true }, "linger: 2s", async (headend, camera) => {
    const { streams } = await play(`${headend.base}/watch/c0`, 1);
    assert.equal(streams[0]?.codec, "h264");
    await until(() => camera.server.sessions.size === 0, "its session stays");
  });
});

/** Every size that pictures of a transport stream have, in order. */
async function sizesOf(bytes: Uint8Array): Promise<string[]> {
  const words = ["-v", "error", "-show_entries", "frame=width,height", "-select_streams", "v", "-of", "csv=p=0:s=x"];
  const { stdout } = await runTool("ffprobe", [...words, "pipe:0"], { input: bytes });
  const sizes = stdout.split("\n").flatMap((line) => /^\d+x\d+/.exec(line.trim()) ?? []);
  return [...new Set(sizes)];
}
