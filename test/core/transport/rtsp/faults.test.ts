// openRtsp() when the server or the network fails: a sentence says what happened, and nothing stays open.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { formatRtp } from "../../../../core/formats/rtp.ts";
import type { RtspServerOptions } from "../../../support/rtsp.ts";
import { bound, createGatherClock, cut, readUntil, stream } from "../udp/sending.ts";
import { leave, open, packets, readAll, withServer } from "./rig.ts";

test("openRtsp() gives up after ten seconds, and tears down what it had", async () => {
  await withServer({ silent: ["tcp"] }, async (server) => {
    const clock = createGatherClock();
    const failed = assert.rejects(open(server.url.replace("rtsp:", "rtspt:"), { clock }), {
      code: "dial.timeout",
      message: /no data within 10s/,
    });
    while (!server.methods.includes("PLAY")) await bound();
    await clock.advance(10_000);
    await failed;
    assert.equal(server.sessions.size, 0);
    assert.equal(clock.sleeping, 0);
  });
});

test("openRtsp() tells a wrong password without telling it", async () => {
  await withServer({ wants: "digest" }, async (server) => {
    const wrong = open(server.url.replace("//", "//user:secret@"));
    await assert.rejects(wrong, (error: Error) => {
      assert.match(error.message, /wants a user and a password that it knows/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.equal(server.requests.length, 2);
    await assert.rejects(open(server.url), /wants a user and a password/);
    while (server.connections > 0) await bound();
  });
});

test("openRtsp() does not follow redirects for ever", async () => {
  let own = "";
  const answer = () => ({ status: 301, headers: [["Location", own]] as const });
  await withServer({ answer }, async (server) => {
    own = server.url;
    await assert.rejects(open(server.url), { code: "dial.refused", message: /sends us elsewhere/ });
    assert.equal(server.requests.length, 6);
  });
});

test("openRtsp() bears servers that count wrongly, or not at all", async () => {
  for (const sequence of [() => undefined, (given: string) => String(Number(given) + 100)])
    await withServer({ sequence }, async (server) => void (await readAll(server)));
});

test("openRtsp() ends when the server says BYE or ends the connection, after the last byte", async () => {
  for (const afterwards of ["bye", "end"] as const)
    await withServer({ afterwards }, async (server) => {
      const { chunks } = await open(server.url);
      const read = await readUntil(chunks, Number.POSITIVE_INFINITY);
      assert.equal(Buffer.compare(read, stream), 0);
      if (afterwards === "bye") assert.equal(server.sessions.size, 0);
    });
});

test("openRtsp() fails with a sentence when the connection breaks, or what comes is not RTSP", async () => {
  await withServer({ afterwards: "reset" }, async (server) => {
    const { chunks } = await open(server.url);
    await assert.rejects(readUntil(chunks, Number.POSITIVE_INFINITY), { code: /^dial\./ });
  });
  await withServer({}, async (server) => {
    const { chunks } = await open(server.url);
    await readUntil(chunks, stream.length);
    const failed = assert.rejects(readUntil(chunks, 1), { code: "dial.content", message: /is not RTSP/ });
    server.say(new Uint8Array(70_000));
    await failed;
  });
});

test("openRtsp() ends with a sentence when the server has forgotten the session", async () => {
  const answer: RtspServerOptions["answer"] = ({ method }) => (method === "OPTIONS" ? { status: 454 } : undefined);
  await withServer({ answer }, async (server) => {
    const clock = createGatherClock();
    const { chunks } = await open(server.url, { clock });
    await readUntil(chunks, stream.length);
    const failed = assert.rejects(readUntil(chunks, 1), { message: /has forgotten the session/ });
    await clock.advance(30_000);
    await failed;
  });
});

test("openRtsp() waits one second at most for the answer to TEARDOWN", async () => {
  const answer: RtspServerOptions["answer"] = ({ method }) => (method === "TEARDOWN" ? "nothing" : undefined);
  await withServer({ answer }, async (server) => {
    const clock = createGatherClock();
    const source = await open(server.url, { clock });
    let left = false;
    const leaving = leave(source)?.then(() => {
      left = true;
    });
    while (!server.methods.includes("TEARDOWN")) await bound();
    await clock.advance(999);
    assert.equal(left, false);
    await clock.advance(1);
    await leaving;
    assert.equal(clock.sleeping, 0);
  });
});

test("openRtsp() tears down a session whose SETUP was under way when it was told to stop", async () => {
  const control = new AbortController();
  const answer: RtspServerOptions["answer"] = ({ method }) => {
    if (method === "SETUP") control.abort(new Error("enough"));
    return undefined;
  };
  await withServer({ answer }, async (server) => {
    await assert.rejects(open(server.url, { signal: control.signal }), /enough/);
    while (server.connections > 0) await bound();
    assert.deepEqual(server.methods, ["DESCRIBE", "SETUP", "TEARDOWN"]);
    assert.equal(server.sessions.size, 0);
  });
});

test("openRtsp() passes what servers refuse with on as a sentence", async () => {
  const refuses = (status: number, reason: string) => () => ({ status, reason });
  const rows = [
    [404, "Not Found", /has nothing of this name \(404\)/],
    [453, "Not Enough Bandwidth", /has no bandwidth left/],
    [500, "token=abcdefgh", /answered 500 token=\*\*\* to DESCRIBE/],
  ] as const;
  for (const [status, reason, message] of rows)
    await withServer({ answer: refuses(status, reason) }, async (server) => {
      await assert.rejects(open(server.url), { code: "dial.refused", message });
    });
  await assert.rejects(open("rtsp://127.0.0.1:1/x"), { code: "dial.refused", message: /nobody listens there/ });
  await assert.rejects(open("rtsp://"), { code: "dial.refused", message: /no RTSP address/ });
});

test("openRtsp() drops what is padded or is not RTP, and reads the rest", async () => {
  const odd = [
    new Uint8Array(3),
    formatRtp({ ...padded, payload: cut(stream)[0] ?? new Uint8Array(0) }),
    ...packets.slice(1),
  ];
  await withServer({ packets: odd }, async (server) => void (await readAll(server)));
});

const padded = {
  ...{ marker: true, payloadType: 33, sequence: 0, timestamp: 0, ssrc: 0x1234, csrcs: [7], padding: 4 },
  extension: { profile: 1, data: new Uint8Array(4) },
};
