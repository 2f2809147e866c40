// What a dialler may wish of pictures and sound: what players do not know is transcoded, everything else passed on.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import type { MediaWish } from "../../../core/plugin.ts";
import { convertClip, countContinuityErrors, makeClip, mediaMissing, probe } from "../../support/media.ts";
import { openDialling, openWeb, programsWith, readBytes, transport } from "./dialing.ts";

const options = { skip: mediaMissing, timeout: 60_000 };
const dialling = await openDialling();
after(() => dialling.close());

/** What comes of a file that a camera serves by HTTP. */
async function dialFile(path: string, type: string, media?: MediaWish) {
  const bytes = await readFile(path);
  const web = await openWeb((_, response) => void response.writeHead(200, { "content-type": type }).end(bytes));
  try {
    const source = transport(await dialling.dial(`${web.base}/live`, media ? { media } : {}));
    const read = await readBytes(source);
    assert.equal(countContinuityErrors(read), 0);
    const { streams } = await probe(read);
    return { how: source.how, codecs: streams.map(({ codec }) => codec).sort(), frames: streams[0]?.frames ?? 0 };
  } finally {
    await web.close();
  }
}

test("dial() makes AAC of other sound where that is wished, and passes AAC on", options, async () => {
  const wish = { video: "copy", audio: "auto" } as const;
  const plain = await convertClip(await makeClip(), "wish-aac.flv");
  assert.deepEqual((await dialFile(plain, "video/x-flv", wish)).how, "ffmpeg");
  const telephone = await convertClip(await makeClip(), "wish-alaw.flv", [
    "-c:a",
    "pcm_alaw",
    "-ar",
    "8000",
    "-ac",
    "1",
  ]);
  const found = await dialFile(telephone, "video/x-flv", wish);
  assert.deepEqual(found.codecs, ["aac", "h264"]);
  assert.equal(found.how, "ffmpeg: sound to AAC");
  await assert.rejects(dialFile(telephone, "video/x-flv"), /pcm_alaw cannot be carried/);
  await assert.rejects(dialFile(telephone, "video/x-flv", { video: "copy", audio: "copy" }), /pcm_alaw/);
  assert.deepEqual((await dialFile(telephone, "video/x-flv", { video: "copy", audio: "off" })).codecs, ["h264"]);
});

test("dial() makes AAC of sound that a transport stream can carry, and browsers cannot play", options, async () => {
  const clip = await convertClip(await makeClip("mpeg2"), "wish-mp2.mkv");
  const found = await dialFile(clip, "video/x-matroska", { video: "copy", audio: "auto" });
  assert.deepEqual(found.codecs, ["aac", "mpeg2video"]);
  const whole = await dialFile(clip, "video/x-matroska", { video: "h264", audio: "auto" });
  assert.deepEqual(whole.codecs, ["aac", "h264"]);
  assert.equal(whole.how, "ffmpeg: pictures to H.264, sound to AAC");
});

test("dial() makes H.264 of pictures one by one", options, async () => {
  const clip = await convertClip(await makeClip(), "wish.mjpg", ["-an", "-c:v", "mjpeg", "-q:v", "8", "-f", "mpjpeg"]);
  const type = "multipart/x-mixed-replace;boundary=ffmpeg";
  const found = await dialFile(clip, type, { video: "copy", audio: "auto" });
  assert.deepEqual(found.codecs, ["h264"]);
  assert.ok(found.frames > 50);
  assert.deepEqual(programsWith("pipe:1"), []);
});
