// RTSP: messages and headers that are written are read again, in whatever pieces they come; any bytes are survived.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as rtsp from "../../../core/formats/rtsp.ts";

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/).filter((name) => !/^(content-length|l)$/i.test(name));
const text = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,20}[!-~])?)?$/);
const rest = {
  headers: fc.array(fc.tuple(token, text), { maxLength: 5 }),
  body: fc.uint8Array({ maxLength: 300 }),
};
const message: fc.Arbitrary<rtsp.RtspMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("request" as const),
    method: fc.constantFrom("OPTIONS", "GET_PARAMETER", "ANNOUNCE"),
    url: fc.constantFrom("*", "rtsp://192.0.2.1:554/a b".replace(" ", "%20")),
    ...rest,
  }),
  fc.record({
    kind: fc.constant("response" as const),
    status: fc.integer({ min: 100, max: 599 }),
    reason: text,
    ...rest,
  }),
);
const frame: fc.Arbitrary<rtsp.RtspFrame> = fc.record({
  kind: fc.constant("frame" as const),
  channel: fc.nat({ max: 255 }),
  payload: fc.uint8Array({ maxLength: 400 }),
});
const format = (item: rtsp.RtspMessage | rtsp.RtspFrame) =>
  item.kind === "frame" ? rtsp.formatFrame(item) : rtsp.formatRtsp(item);

/** What a parser makes of bytes that come in pieces. Lengths are left to the message. */
function read(bytes: Uint8Array, cuts: readonly number[] = []) {
  const parser = rtsp.createRtspParser();
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  const items = ends.flatMap((end, index) => parser.push(bytes.subarray(ends[index - 1] ?? 0, end)));
  return {
    skipped: parser.skipped,
    items: items.map((item) =>
      item.kind === "request" || item.kind === "response"
        ? { ...item, headers: item.headers.filter(([name]) => name !== "Content-Length") }
        : item,
    ),
  };
}

/** As values that can be compared: bytes as numbers, no prototypes. */
const plain = (items: readonly object[]) =>
  JSON.parse(
    JSON.stringify(
      items.map((item) => Object.entries(item).sort()),
      (_, value) => (value?.type === "Buffer" ? value.data : value instanceof Uint8Array ? [...value] : value),
    ),
  );

test("createRtspParser() reads what was written, cut anywhere", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(message, frame), { maxLength: 5 }), fc.array(fc.nat()), (items, cuts) => {
      assert.deepEqual(plain(read(Buffer.concat(items.map(format)), cuts).items), plain(items));
    }),
  );
});

test("createRtspParser() survives any bytes, in any pieces, and goes on", () => {
  const any = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string().map((junk) => Buffer.from(`RTSP/1.0 200 OK\r\nContent-Length: ${junk}\r\n${junk}\r\n\r\n$`)),
    fc.string().map((junk) => Buffer.from(`$$$RTSP ${junk}\n\nOPTIONS * RTSP/1.0\n\n`)),
  );
  fc.assert(fc.property(fc.array(any), fc.array(fc.nat()), (all, cuts) => void read(Buffer.concat(all), cuts)));
});

test("createRtspParser() skips what is no item, and says how much", () => {
  const { items, skipped } = read(Buffer.from("\r\n\0\0\x01OPTIONS * RTSP/1.0\nCSeq: 3\n\n"));
  assert.equal(items[0]?.kind, "request");
  assert.equal(skipped, 5);
});

test("createRtspParser() stops at what can have no end", () => {
  const fault = (bytes: Uint8Array) => read(bytes).items.at(-1)?.kind;
  assert.equal(fault(Buffer.alloc(20_000, "A")), "fault");
  assert.equal(fault(Buffer.alloc(70_000)), "fault");
  assert.equal(fault(Buffer.from("RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n")), "fault");
  assert.equal(fault(Buffer.from("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n")), "fault");
  const parser = rtsp.createRtspParser();
  parser.push(Buffer.alloc(70_000));
  assert.deepEqual(parser.push(Buffer.from("OPTIONS * RTSP/1.0\r\n\r\n")), []);
});

test("createRtspParser() takes a header that goes on in the next line, and lines without a colon", () => {
  const { items } = read(Buffer.from("RTSP/1.0 200 OK\nPublic: PLAY,\n  PAUSE\nnonsense\nCSeq:1\n\n"));
  const [response] = items;
  assert.ok(response?.kind === "response");
  assert.equal(rtsp.headerOf(response.headers, "public"), "PLAY, PAUSE");
  assert.equal(rtsp.headerOf(response.headers, "CSEQ"), "1");
});

test("formatRtsp() lets no value add a header", () => {
  const bytes = rtsp.formatRtsp({
    kind: "request",
    method: "PLAY",
    url: "rtsp://a/\r\nEvil:1",
    headers: [["User-Agent", "x\r\nEvil: 1\n\n"]],
    body: new Uint8Array(0),
  });
  assert.equal(Buffer.from(bytes).toString().split("\r\n").length, 4);
});

const port = fc.nat({ max: 65_535 });
const ports = fc.oneof(fc.tuple(port), fc.tuple(port, port));
const transport: fc.Arbitrary<rtsp.RtspTransport> = fc.record(
  {
    protocol: fc.constantFrom("RTP/AVP", "RTP/AVP/TCP", "MP2T/H2221/UDP"),
    delivery: fc.constantFrom("unicast" as const, "multicast" as const),
    destination: fc.ipV4(),
    source: fc.ipV4(),
    interleaved: ports,
    port: ports,
    clientPort: ports,
    serverPort: ports,
    ssrc: fc.constantFrom("0000000a", "DEADBEEF"),
    others: fc.array(
      fc.tuple(
        fc.constantFrom("ttl", "mode", "layers", "append"),
        fc.stringMatching(/^[!-~]{0,6}$/).map((value) => value.replace(/[;,=\s]/g, "")),
      ),
      { minLength: 1, maxLength: 2 },
    ),
  },
  { requiredKeys: ["protocol"], noNullPrototype: true },
);

test("parseTransports() reads what formatTransport() writes", () => {
  fc.assert(
    fc.property(fc.array(transport, { minLength: 1, maxLength: 3 }), (all) =>
      assert.deepEqual(rtsp.parseTransports(rtsp.formatTransport(...all)), all),
    ),
  );
});

test("parseTransports() reads what servers write", () => {
  assert.deepEqual(rtsp.parseTransports('RTP/AVP/TCP; unicast; interleaved=0-1; ssrc=0A0B0C0D; mode="PLAY"'), [
    {
      protocol: "RTP/AVP/TCP",
      delivery: "unicast",
      interleaved: [0, 1],
      ssrc: "0A0B0C0D",
      others: [["mode", '"PLAY"']],
    },
  ]);
  assert.deepEqual(rtsp.parseTransports("MP2T/H2221/UDP;unicast;client_port=40000"), [
    { protocol: "MP2T/H2221/UDP", delivery: "unicast", clientPort: [40_000] },
  ]);
});

test("parseRange() and parseSession() read what is written", () => {
  const ms = fc.nat({ max: 2 ** 31 });
  const range: fc.Arbitrary<rtsp.RtspRange> = fc.oneof(
    fc.record(
      { unit: fc.constant("npt" as const), from: fc.oneof(ms, fc.constant("now" as const)), to: ms },
      { requiredKeys: ["unit"], noNullPrototype: true },
    ),
    fc.record(
      { unit: fc.constant("clock" as const), from: ms, to: ms },
      { requiredKeys: ["unit"], noNullPrototype: true },
    ),
  );
  fc.assert(fc.property(range, (value) => assert.deepEqual(rtsp.parseRange(rtsp.formatRange(value)), value)));
  const session = fc
    .tuple(fc.stringMatching(/^[!-:<-~]{1,20}$/), fc.integer({ min: 1, max: 9999 }))
    .map(([id, seconds]) => ({ id, timeout: seconds * 1000 }));
  fc.assert(fc.property(session, (value) => assert.deepEqual(rtsp.parseSession(rtsp.formatSession(value)), value)));
});

test("parseRange() reads what servers write", () => {
  assert.deepEqual(rtsp.parseRange("npt=600.000-end"), { unit: "npt", from: 600_000 });
  assert.deepEqual(rtsp.parseRange("npt:0-3600.5"), { unit: "npt", from: 0, to: 3_600_500 });
  assert.deepEqual(rtsp.parseRange("npt=1:02:03.5-"), { unit: "npt", from: 3_723_500 });
  assert.deepEqual(rtsp.parseRange("clock=19961108T142300Z-19961108T143520.25Z"), {
    unit: "clock",
    from: Date.UTC(1996, 10, 8, 14, 23),
    to: Date.UTC(1996, 10, 8, 14, 35, 20, 250),
  });
  assert.equal(rtsp.parseRange("smpte=10:07:00-"), undefined);
});

test("the readers of headers survive any text", () => {
  fc.assert(
    fc.property(fc.string(), (any) => {
      rtsp.parseTransports(any);
      rtsp.parseSession(any);
      rtsp.parseRange(any);
      rtsp.strongestChallenge(rtsp.parseChallenges([any, `Digest ${any}`]));
    }),
  );
});
