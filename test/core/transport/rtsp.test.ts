// openRtsp() against a real server on loopback: every way to carry a transport stream, and the manners of servers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRtsp, headerOf } from "../../../core/formats/rtsp.ts";
import { RtspRemuxError } from "../../../core/transport/rtsp.ts";
import { type RtspServerOptions, transportSdp } from "../../support/rtsp.ts";
import { leave, open, packets, readAll, withServer } from "./rtsp/rig.ts";
import { bound, createGatherClock, cut, packet, readUntil, stream } from "./udp/sending.ts";

test("openRtsp() plays a transport stream in the connection, and tears the session down", async () => {
  await withServer({}, async (server) => {
    assert.equal(await readAll(server), "rtsp over tcp");
    assert.deepEqual(server.methods, ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]);
    const [describe, setup, play, teardown] = server.requests;
    assert.ok(describe && setup && play && teardown);
    assert.equal(headerOf(describe.headers, "user-agent"), "MICA");
    assert.equal(setup.url, `${server.url}/track1`);
    assert.equal(headerOf(setup.headers, "transport"), "RTP/AVP/TCP;unicast;interleaved=0-1");
    assert.equal(headerOf(play.headers, "range"), "npt=0.000-");
    assert.equal(headerOf(teardown.headers, "session"), "s1");
    assert.deepEqual(
      server.requests.map(({ headers }) => headerOf(headers, "cseq")),
      ["1", "2", "3", "4"],
    );
  });
});

test("openRtsp() goes to UDP where the server does not do TCP, on a pair of ports, even and odd", async () => {
  await withServer({ refuses: ["tcp"] }, async (server) => {
    assert.equal(await readAll(server), "rtsp over udp");
    assert.deepEqual(server.methods, ["DESCRIBE", "SETUP", "SETUP", "PLAY", "TEARDOWN"]);
    const [, first, second] =
      /client_port=(\d+)-(\d+)/.exec(headerOf(server.requests[2]?.headers ?? [], "transport") ?? "") ?? [];
    assert.equal(Number(first) % 2, 0);
    assert.equal(Number(second), Number(first) + 1);
    // The server's ports have heard of us.
    assert.equal(server.received.length, 2);
  });
});

test("openRtsp() takes a transport stream without RTP, as Movistar sends it", async () => {
  const plain = { packets: cut(stream), refuses: ["tcp", "udp"] as const };
  await withServer(plain, async (server) => {
    assert.equal(await readAll(server), "rtsp over udp");
    assert.match(
      headerOf(server.requests[3]?.headers ?? [], "transport") ?? "",
      /^MP2T\/H2221\/UDP;unicast;client_port=\d+$/,
    );
  });
  const sdp = transportSdp.replace("RTP/AVP 33", "MP2T/H2221/UDP 33");
  await withServer({ packets: cut(stream), sdp }, async (server) => {
    await readAll(server);
    assert.match(headerOf(server.requests[1]?.headers ?? [], "transport") ?? "", /^MP2T/);
  });
});

test("openRtsp() tries the other way when nothing comes", async () => {
  await withServer({ silent: ["udp"] }, async (server) => {
    const clock = createGatherClock();
    const reading = readAll(server, `${server.url}#transport=udp`, { clock });
    // The opening, the wait for data and the next sign of life.
    while (clock.sleeping < 3) await bound();
    await clock.advance(3000);
    assert.equal(await reading, "rtsp over tcp");
    assert.deepEqual(server.methods, [
      "DESCRIBE",
      "SETUP",
      "PLAY",
      "TEARDOWN",
      "DESCRIBE",
      "SETUP",
      "PLAY",
      "TEARDOWN",
    ]);
  });
});

for (const wants of ["basic", "digest", "sha256"] as const)
  test(`openRtsp() says who it is: ${wants}`, async () => {
    await withServer({ wants, nonceUses: 2 }, async (server) => {
      await readAll(server, server.url.replace("//", "//user:pass%20word@"));
      assert.ok(server.requests.every(({ url }) => !url.includes("user")));
    });
  });

test("openRtsp() follows a redirect at DESCRIBE and at SETUP, and gives no other server the password", async () => {
  await withServer({}, async (server) => {
    for (const method of ["DESCRIBE", "SETUP"]) {
      const answer: RtspServerOptions["answer"] = (request) =>
        request.method === method ? { status: 302, headers: [["Location", server.url]] } : undefined;
      await withServer({ wants: "basic", answer }, async (first) => {
        await readAll(server, first.url.replace("//", "//user:pass%20word@"));
        assert.ok(server.requests.every(({ headers }) => headerOf(headers, "authorization") === undefined));
        assert.equal(first.sessions.size, 0);
      });
    }
  });
});

test("openRtsp() names the codecs of what somebody must remux", async () => {
  const sdp = transportSdp.replace("RTP/AVP 33", "RTP/AVP 96").replace("a=control:track1", "a=rtpmap:96 H264/90000");
  const both = `${sdp}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n`;
  await withServer({ sdp: both }, async (server) => {
    await assert.rejects(open(server.url), (error) => {
      assert.ok(error instanceof RtspRemuxError && error.needsRemux);
      assert.deepEqual(error.codecs, ["H264", "MPEG4-GENERIC"]);
      assert.equal(error.code, "dial.content");
      assert.match(error.message, /it sends H264, MPEG4-GENERIC by RTP, and no transport stream/);
      return true;
    });
    assert.equal(server.sessions.size, 0);
  });
});

test("openRtsp() keeps the session at half of its time, with what the server can", async () => {
  const rows = [
    { methods: "OPTIONS, GET_PARAMETER", wanted: ["OPTIONS", "GET_PARAMETER", "GET_PARAMETER"] },
    { methods: "OPTIONS, PLAY", wanted: ["OPTIONS", "OPTIONS"] },
  ];
  for (const { methods, wanted } of rows)
    await withServer({ methods, timeout: 20 }, async (server) => {
      const clock = createGatherClock();
      const source = await open(server.url, { clock });
      await clock.advance(9000);
      assert.equal(server.methods.at(-1), "PLAY");
      for (const count of [wanted.length - 1, wanted.length]) {
        await clock.advance(10_000);
        // All that sleeps between two beats is the next one.
        while (server.methods.length < 3 + count || clock.sleeping !== 1) await bound();
      }
      assert.deepEqual(server.methods.slice(3), wanted);
      assert.ok(server.requests.slice(3).every(({ headers }) => headerOf(headers, "session") === "s1"));
      await leave(source);
      assert.equal(clock.sleeping, 0);
    });
});

test("openRtsp() answers what the server asks, and goes on", async () => {
  await withServer({}, async (server) => {
    const source = await open(server.url);
    await readUntil(source.chunks, stream.length);
    const headers = [["CSeq", "77"]] as const;
    const body = new Uint8Array(0);
    server.say(formatRtsp({ kind: "request", method: "OPTIONS", url: "*", headers, body }));
    server.say(formatRtsp({ kind: "request", method: "SQUEEZE", url: "*", headers, body }));
    server.send(cut(stream).map((payload, index) => packet(index + packets.length, payload)));
    await readUntil(source.chunks, stream.length);
    await leave(source);
  });
});

test("openRtsp() holds an archive back in the connection instead of losing any of it", async () => {
  const sdp = transportSdp.replace("a=control:*", "a=control:*\r\na=range:npt=0-600");
  const many = Array.from({ length: 12_000 }, (_, index) => packet(index, stream.subarray(0, 1316)));
  await withServer({ sdp, packets: many, afterwards: "bye" }, async (server) => {
    const source = await open(server.url);
    assert.equal(source.patient, true);
    for (let turn = 0; turn < 20; turn++) await bound();
    const read = await readUntil(source.chunks, Number.POSITIVE_INFINITY);
    assert.equal(read.length, many.length * 1316);
  });
});
