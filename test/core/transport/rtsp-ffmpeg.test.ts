// A camera that sends by RTP what we do not read: our own client finds that out, and ffmpeg makes a transport stream of it.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../../support/host.ts";
import { countContinuityErrors, makeClip, mediaFolder, mediaMissing, probe, startSender } from "../../support/media.ts";
import { openDialling, programsWith, readBytes } from "./dialing.ts";

/** A camera: pictures by RTP from ffmpeg, passed on in the RTSP connection (RFC 2326 §10.12). */
async function openCamera() {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const watching = new Set<Socket>();
  socket.on("message", (packet) => {
    const head = new Uint8Array([0x24, 0, packet.length >> 8, packet.length & 0xff]);
    for (const viewer of watching) viewer.write(Buffer.concat([head, packet]));
  });
  const asked: string[] = [];
  const file = join(mediaFolder(), "camera.sdp");
  const sender = startSender(await makeClip("h264", { seconds: 2 }), `rtp://127.0.0.1:${socket.address().port}`, {
    format: "rtp",
    args: ["-an", "-c:v", "mpeg4", "-sdp_file", file],
  });
  const server = createServer((viewer) => {
    viewer.on("error", () => {}).on("close", () => watching.delete(viewer));
    let text = "";
    viewer.setEncoding("latin1").on("data", (part: string) => {
      text += part;
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        // Reports by RTCP come in between.
        const request = /[A-Z_]+ rtsp:.*$/s.exec(text.slice(0, end))?.[0] ?? "";
        text = text.slice(end + 4);
        const method = request.split(" ")[0] ?? "";
        asked.push(request);
        const sequence = /^CSeq: *(\d+)/im.exec(request)?.[1] ?? "0";
        const sdp = readFileSync(file, "utf8")
          .replace(/^SDP:\r?\n/, "")
          .replace(/m=video \d+/, "m=video 0");
        const body = method === "DESCRIBE" ? `${sdp.trimEnd()}\r\na=control:track1\r\n` : "";
        const more =
          method === "DESCRIBE"
            ? `Content-Type: application/sdp\r\nContent-Length: ${body.length}\r\n`
            : method === "SETUP"
              ? "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
              : "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN, OPTIONS\r\n";
        viewer.write(`RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\n${more}\r\n${body}`);
        if (method === "PLAY") watching.add(viewer);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await until(() => existsSync(file), "the camera describes itself");
  const address = server.address();
  return {
    asked,
    watching,
    port: typeof address === "object" ? address?.port : 0,
    async close() {
      await sender.stop();
      socket.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("dial() opens a camera by ffmpeg, with its password kept to itself", {
  skip: mediaMissing,
  timeout: 60_000,
}, async () => {
  const camera = await openCamera();
  const given = await openDialling();
  try {
    const source = await given.dial(`rtsp://joe:ge@heim@127.0.0.1:${camera.port}/live`);
    for (const { command } of programsWith("pipe:1")) assert.doesNotMatch(command, /heim/);
    assert.equal(source.kind === "ts" && source.how, "ffmpeg of rtsp with MP4V-ES");
    const bytes = await readBytes(source, 60_000);
    assert.equal(countContinuityErrors(bytes), 0);
    const { streams } = await probe(bytes);
    assert.deepEqual(
      streams.map(({ codec }) => codec),
      ["mpeg4"],
    );
    assert.ok((streams[0]?.frames ?? 0) > 10);
    assert.ok(
      camera.asked.some((request) => /^SETUP .*interleaved/s.test(request)),
      "it was asked for TCP",
    );
    await until(() => camera.watching.size === 0, "the camera is left");
  } finally {
    await given.close();
    await camera.close();
  }
});
