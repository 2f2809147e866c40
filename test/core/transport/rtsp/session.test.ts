// An RTSP session as providers use it: without a description, played from anywhere, seeking, packet by packet.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../../core/clock.ts";
import { parseRtp } from "../../../../core/formats/rtp.ts";
import { headerOf } from "../../../../core/formats/rtsp.ts";
import { openSession, type RtspPacket, RtspStatusError, type SessionOptions } from "../../../../core/transport/rtsp.ts";
import { openRtspServer, transportSdp } from "../../../support/rtsp.ts";
import { bound, cut, packet, stream } from "../udp/sending.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const options = (o: Partial<SessionOptions> = {}): SessionOptions => ({
  ...{ clock: systemClock, log, signal: new AbortController().signal },
  ...o,
});

/** Reads so many packets, and leaves. */
async function take(packets: AsyncIterable<RtspPacket>, count: number): Promise<RtspPacket[]> {
  const read: RtspPacket[] = [];
  for await (const each of packets) if (read.push(each) === count) break;
  return read;
}

test("openSession() plays an archive without a description from any point, and seeks", async () => {
  const server = await openRtspServer({ sdp: "", packets: cut(stream).slice(0, 5), methods: "GET_PARAMETER" });
  const session = await openSession(server.url, options({ describe: false, keepAlive: "GET_PARAMETER" }));
  const [track] = session.tracks;
  assert.ok(track && session.tracks.length === 1);
  await session.setup([track], "mp2t");
  const packets = session.packets();
  await session.play({ unit: "npt", from: 600_000 }, { Scale: "1.000", "x-playNow": "" });
  const body = new TextEncoder().encode("position\r\n");
  const position = await session.request("GET_PARAMETER", { "Content-Type": "text/parameters" }, body);
  assert.equal(position.status, 200);
  await session.play("npt=1200.000-end");
  const read = await take(packets, 10);
  assert.deepEqual(
    read.map(({ bytes }) => bytes.length),
    new Array(10).fill(1316),
  );
  assert.ok(read.every((each) => each.track === track && !each.control));
  assert.deepEqual(server.methods, ["SETUP", "PLAY", "GET_PARAMETER", "PLAY", "TEARDOWN"]);
  const [setup, first, ask, second] = server.requests;
  assert.ok(setup && first && ask && second);
  assert.match(headerOf(setup.headers, "transport") ?? "", /^MP2T\/H2221\/UDP;unicast;client_port=\d+$/);
  assert.equal(headerOf(first.headers, "range"), "npt=600.000-");
  assert.equal(headerOf(first.headers, "scale"), "1.000");
  assert.equal(new TextDecoder().decode(ask.body), "position\r\n");
  assert.equal(headerOf(second.headers, "range"), "npt=1200.000-end");
  assert.equal(server.sessions.size, 0);
  await server.close();
});

test("openSession() gives the tracks of a camera, and their packets apart", async () => {
  const sdp = [
    transportSdp.replace("RTP/AVP 33", "RTP/AVP 96"),
    "a=rtpmap:96 H264/90000\r\n",
    "m=audio 0 RTP/AVP 0\r\na=control:track2\r\n",
  ].join("");
  const video = [1, 2, 3].map((mark) => packet(mark, Uint8Array.of(0x65, mark), { payloadType: 96 }));
  const server = await openRtspServer({ sdp, packets: video });
  const session = await openSession(server.url, options());
  assert.deepEqual(
    session.tracks.map(({ kind, payloads }) => [kind, payloads[0]?.encoding]),
    [
      ["video", "H264"],
      ["audio", "PCMU"],
    ],
  );
  await session.setup(session.tracks, "tcp");
  assert.deepEqual(
    server.requests.slice(1).map(({ headers }) => headerOf(headers, "transport")),
    ["RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP/TCP;unicast;interleaved=2-3"],
  );
  const packets = session.packets();
  await session.play();
  const read = await take(packets, 3);
  // The server of this test sends by the track that was set up last.
  assert.ok(read.every(({ track }) => track === session.tracks[1]));
  assert.deepEqual(
    read.map(({ bytes }) => parseRtp(bytes)?.payload[1]),
    [1, 2, 3],
  );
  await server.close();
});

test("openSession() says by a status what the server refused, and closes all the same", async () => {
  const server = await openRtspServer({ sdp: transportSdp, refuses: ["udp"] });
  const session = await openSession(server.url, options());
  await assert.rejects(session.setup(session.tracks, "udp"), (error) => {
    assert.ok(error instanceof RtspStatusError);
    assert.equal(error.rtspStatus, 461);
    return true;
  });
  await session.close();
  await session.close();
  await assert.rejects(session.play(), { code: "dial.ended" });
  while (server.connections > 0) await bound();
  assert.deepEqual(server.methods, ["DESCRIBE", "SETUP"]);
  await server.close();
});

test("openSession() closes with its signal, and ends its packets", async () => {
  const server = await openRtspServer({ sdp: transportSdp });
  const control = new AbortController();
  const session = await openSession(server.url, options({ signal: control.signal }));
  await session.setup(session.tracks, "tcp");
  const reader = session.packets()[Symbol.asyncIterator]();
  await session.play();
  const waiting = reader.next();
  control.abort(new Error("enough"));
  assert.equal((await waiting).done, true);
  assert.equal(server.sessions.size, 0);
  await server.close();
});
