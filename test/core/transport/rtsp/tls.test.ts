// openRtsp() in TLS: cameras sign their own certificates, and whoever wants to be sure says which one it is.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { parseRtspAddress } from "../../../../core/transport/rtsp.ts";
import { certificate } from "../../../support/certificate.ts";
import { openLiveCamera } from "../../../support/live-camera.ts";
import { countContinuityErrors, mediaMissing } from "../../../support/media.ts";
import { bound, readUntil, stream } from "../udp/sending.ts";
import { leave, open, withServer } from "./rig.ts";

const fingerprint = new X509Certificate(certificate).fingerprint256;

test("parseRtspAddress() reads which certificate will do", () => {
  const tls = (text: string) => {
    const address = parseRtspAddress(text);
    return typeof address === "string" ? address : address.tls;
  };
  assert.equal(tls("rtsp://h/x#certificate=check"), undefined);
  assert.deepEqual(tls("rtsps://h/x"), {});
  assert.deepEqual(tls("rtsps://h/x#certificate=check"), { check: true });
  const sum = fingerprint.replaceAll(":", "").toLowerCase();
  assert.deepEqual(tls(`rtsps://h/x#transport=tcp&certificate=${fingerprint}`), { fingerprint: sum });
  assert.match(String(tls("rtsps://h/x#certificate=no")), /neither .check. nor a SHA-256/);
  const address = parseRtspAddress("rtsps://user:pw@h/x");
  assert.ok(typeof address === "object");
  assert.equal(address.port, 322);
  assert.equal(address.url, "rtsps://h/x");
});

test("openRtsp() plays in TLS, whoever signed the certificate, and tears down", async () => {
  await withServer({ secure: true, wants: "digest" }, async (server) => {
    const source = await open(server.url.replace("://", "://user:pass%20word@"));
    assert.equal(source.how, "rtsp over tcp");
    const read = await readUntil(source.chunks, stream.length);
    assert.equal(Buffer.compare(read, stream), 0);
    await leave(source);
    assert.equal(server.methods.at(-1), "TEARDOWN");
    assert.equal(server.sessions.size, 0);
    while (server.connections > 0) await bound();
  });
});

test("openRtsp() never asks for UDP of a camera in TLS", async () => {
  await withServer({ secure: true, refuses: ["tcp"] }, async (server) => {
    await assert.rejects(open(server.url), { code: "dial.refused", message: /461/ });
    assert.equal(server.methods.filter((method) => method === "SETUP").length, 1);
  });
});

test("openRtsp() takes the certificate that was named, and tells nobody else a password", async () => {
  await withServer({ secure: true, wants: "basic" }, async (server) => {
    const url = server.url.replace("://", "://user:pass%20word@");
    await leave(await open(`${url}#certificate=${fingerprint}`));
    const asked = server.requests.length;
    await assert.rejects(open(`${url}#certificate=${"0".repeat(64)}`), {
      code: "dial.refused",
      message: /its certificate is another/,
    });
    await assert.rejects(open(`${url}#certificate=check`), {
      code: "dial.refused",
      message: /its certificate is not to be trusted/,
    });
    assert.equal(server.requests.length, asked);
    while (server.connections > 0) await bound();
  });
});

test("openRtsp() makes a transport stream of a camera in TLS", { skip: mediaMissing, timeout: 60_000 }, async () => {
  const camera = await openLiveCamera({ secure: true });
  try {
    const source = await open(camera.url);
    const read = await readUntil(source.chunks, 100_000);
    await leave(source);
    assert.equal(source.how, "rtsp over tcp, H.264");
    assert.equal(countContinuityErrors(read), 0);
  } finally {
    await camera.close();
  }
});
