// Cameras that send pictures and sound by RTP, opened by our own client: against GStreamer's server, and one of our own that loses packets.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { parseSdp, payloadsOf } from "../../../../core/formats/sdp.ts";
import type { MediaWish } from "../../../../core/plugin.ts";
import { planMedia } from "../../../../core/transport/rtsp/media.ts";
import { type CameraKind, cameraPipeline } from "../../../support/cameras.ts";
import { convertClip, countContinuityErrors, makeClip, mediaMissing, probe } from "../../../support/media.ts";
import { openRtspServer } from "../../../support/rtsp.ts";
import { gstreamerMissing, openGstreamer } from "../../../support/rtsp-gstreamer.ts";
import { packetise, splitUnits } from "../../formats/rtp/packetise.ts";
import { openDialling, transport } from "../dialing.ts";
import { readUntil } from "../udp/sending.ts";

const skip = gstreamerMissing || mediaMissing;
const dialling = await openDialling();
after(() => dialling.close());
const media: MediaWish = { video: "copy", audio: "auto" };

const seen: readonly (readonly [CameraKind, "tcp" | "udp", "basic" | "digest", RegExp, readonly string[]])[] = [
  ["h264", "tcp", "digest", /^rtsp over tcp, H\.264$/, ["h264"]],
  ["h264+aac", "tcp", "basic", /^rtsp over tcp, H\.264, AAC$/, ["aac", "h264"]],
  ["h264+aac", "udp", "digest", /^rtsp over udp, H\.264, AAC$/, ["aac", "h264"]],
  ["h264 reordered", "tcp", "basic", /^rtsp over tcp, H\.264$/, ["h264"]],
  ["h265", "udp", "basic", /^rtsp over udp, H\.265$/, ["hevc"]],
  ["h264+g711", "tcp", "digest", /^ffmpeg: sound to AAC of rtsp with H264 and PCMU$/, ["aac", "h264"]],
  ["mjpeg", "udp", "basic", /^ffmpeg: pictures to H\.264 of rtsp with JPEG$/, ["h264"]],
];

for (const [kind, carrier, wants, how, codecs] of seen)
  test(`dial() plays ${kind} of a camera of GStreamer over ${carrier}, ${wants}`, {
    skip,
    timeout: 60_000,
  }, async () => {
    const server = await openGstreamer(cameraPipeline(kind), { carrier, wants });
    try {
      const source = transport(await dialling.dial(`rtsp://user:pass%20word@${server.place}`, { media }));
      const read = await readUntil(source.chunks, 150_000);
      await source.chunks[Symbol.asyncIterator]().return?.();
      assert.match(source.how ?? "", how);
      assert.equal(countContinuityErrors(read), 0);
      const { streams, complaints } = await probe(read);
      assert.deepEqual(streams.map(({ codec }) => codec).sort(), codecs);
      assert.ok(streams.every(({ frames }) => frames > 10));
      assert.deepEqual(
        complaints.filter((line) => !/end of|truncat|corrupt/i.test(line)),
        [],
      );
    } finally {
      await server.close();
    }
  });

const sdp = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=camera",
  "t=0 0",
  "a=control:*",
  "m=video 0 RTP/AVP 96",
  "a=rtpmap:96 H264/90000",
  "a=fmtp:96 packetization-mode=1",
  "a=control:track1",
  "",
].join("\r\n");

async function readPackets(): Promise<Uint8Array[]> {
  const clip = await makeClip("h264", { seconds: 4, bitrate: 300_000 });
  const path = await convertClip(clip, "camera.h264", ["-an", "-f", "h264"]);
  const access: Uint8Array[][] = [[]];
  for (const unit of splitUnits(new Uint8Array(await readFile(path)))) {
    access.at(-1)?.push(unit);
    if (((unit[0] ?? 0) & 0x1f) <= 5) access.push([]);
  }
  return packetise(
    access.filter((each) => each.length > 0),
    { codec: "h264", size: 1200, aggregate: true },
  );
}

for (const refuses of [["tcp"], ["udp"]] as const)
  test(`dial() goes by what a camera allows that refuses ${refuses[0]} with 461`, { skip: mediaMissing }, async () => {
    const packets = await readPackets();
    const server = await openRtspServer({ sdp, packets, refuses, wants: "digest", afterwards: "bye" });
    try {
      const asked = server.url.replace("://", "://user:pass%20word@");
      const source = transport(await dialling.dial(refuses[0] === "udp" ? `${asked}#transport=udp` : asked, { media }));
      assert.equal(source.how, refuses[0] === "tcp" ? "rtsp over udp, H.264" : "rtsp over tcp, H.264");
      const read = await readUntil(source.chunks, Number.POSITIVE_INFINITY);
      const { streams, complaints } = await probe(read, { args: ["-v", "warning"] });
      assert.deepEqual(complaints, []);
      const frames = streams[0]?.frames ?? 0;
      // All at once is more than a socket may hold; what is left out is left out whole.
      assert.ok(frames > (refuses[0] === "tcp" ? 10 : 50), `${frames} pictures`);
      assert.equal(server.sessions.size, 0);
    } finally {
      await server.close();
    }
  });

test("dial() leaves out pictures that packets are lost of, and goes on", { skip: mediaMissing }, async () => {
  const packets = await readPackets();
  const kept = packets.filter((_, index) => index % 23 !== 11);
  const server = await openRtspServer({ sdp, packets: kept, afterwards: "bye" });
  try {
    const source = transport(await dialling.dial(server.url, { media }));
    const read = await readUntil(source.chunks, Number.POSITIVE_INFINITY);
    assert.equal(countContinuityErrors(read), 0);
    const { streams } = await probe(read);
    const frames = streams[0]?.frames ?? 0;
    assert.ok(frames > 60 && frames < 100, `${frames} pictures of 100`);
    assert.ok(dialling.lines.some((line) => /packets lost, \d+ frames left out/.test(line)));
  } finally {
    await server.close();
  }
});

test("planMedia() reads only what it can put into a transport stream", () => {
  const plan = (lines: readonly string[], wish: MediaWish | undefined = media) => {
    const { media: found } = parseSdp(lines.join("\r\n"));
    const tracks = found.map((medium, index) => ({
      index,
      kind: medium.kind,
      control: "",
      payloads: payloadsOf(medium),
      medium,
    }));
    const { own, ...rest } = planMedia(tracks, wish);
    return own ? own.map(({ codec }) => codec) : rest;
  };
  const h264 = ["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1"];
  const h265 = ["m=video 0 RTP/AVP 98", "a=rtpmap:98 H265/90000"];
  const aac = [
    "m=audio 0 RTP/AVP 97",
    "a=rtpmap:97 mpeg4-generic/48000/2",
    "a=fmtp:97 mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3",
  ];
  const pcm = ["m=audio 0 RTP/AVP 8"];
  const events = ["m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000"];
  assert.deepEqual(plan([...h264, ...aac, ...events]), ["H.264", "AAC"]);
  assert.deepEqual(plan([...events, ...h265]), ["H.265"]);
  assert.deepEqual(plan(aac), ["AAC"]);
  assert.deepEqual(plan([...h264, ...pcm]), { video: "H264", audio: "PCMA" });
  assert.deepEqual(plan([...h264, ...pcm], { video: "copy", audio: "off" }), ["H.264"]);
  assert.deepEqual(plan(h265, { video: "h264", audio: "auto" }), { video: "H265", audio: undefined });
  assert.deepEqual(plan([...h264, ...aac], { video: "h264", audio: "aac" }), {
    video: "H264",
    audio: "MPEG4-GENERIC".toLowerCase(),
  });
  const interleaved = [h264[0] ?? "", h264[1] ?? "", "a=fmtp:96 packetization-mode=2"];
  assert.deepEqual(plan(interleaved), { video: "H264", audio: undefined });
  assert.deepEqual(plan([...h265, "a=fmtp:98 sprop-max-don-diff=2"]), { video: "H265", audio: undefined });
  assert.deepEqual(plan(["m=video 0 RTP/AVP 26"]), { video: "JPEG", audio: undefined });
  assert.deepEqual(plan(events), { video: undefined, audio: undefined });
});
