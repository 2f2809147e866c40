// RTP: what is written is read again, any bytes are survived, and a transport stream is told from a packet.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatReceiverReport,
  formatRtp,
  hasBye,
  isRtcp,
  isTransportDatagram,
  parseRtp,
  type RtpPacket,
} from "../../../core/formats/rtp.ts";

const word = fc.nat({ max: 0xffff });
const long = fc.nat({ max: 0xffffffff });
const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const packet: fc.Arbitrary<RtpPacket> = fc.record(
  {
    marker: fc.boolean(),
    payloadType: fc.nat({ max: 127 }),
    sequence: word,
    timestamp: long,
    ssrc: long,
    csrcs: fc.array(long, { maxLength: 15 }),
    extension: fc
      .tuple(word, bytes(24))
      .map(([profile, data]) => ({ profile, data: data.subarray(0, data.length & ~3) })),
    payload: bytes(64),
    padding: fc.nat({ max: 255 }),
  },
  {
    requiredKeys: ["marker", "payloadType", "sequence", "timestamp", "ssrc", "csrcs", "payload", "padding"],
    noNullPrototype: true,
  },
);

test("parseRtp() reads what formatRtp() writes", () => {
  fc.assert(fc.property(packet, (value) => assert.deepEqual(parseRtp(formatRtp(value)), value)));
});

test("parseRtp() survives any bytes, and gives parts of them only", () => {
  const any = fc.oneof(
    bytes(64),
    bytes(64).map((rest) => Uint8Array.of(0x80 | ((rest[0] ?? 0) % 64), ...rest)),
  );
  fc.assert(
    fc.property(any, (datagram) => {
      const read = parseRtp(datagram);
      if (!read) return;
      assert.ok(read.payload.length + read.padding <= datagram.length - 12);
      assert.deepEqual(formatRtp(read).length, datagram.length);
    }),
    { numRuns: 2000 },
  );
});

test("parseRtp() refuses other versions, and lengths that reach past the end", () => {
  const whole = formatRtp({
    marker: false,
    payloadType: 33,
    sequence: 1,
    timestamp: 2,
    ssrc: 3,
    csrcs: [4],
    extension: { profile: 5, data: new Uint8Array(8) },
    payload: new Uint8Array(0),
    padding: 4,
  });
  assert.ok(parseRtp(whole));
  for (let length = 0; length < whole.length; length++) assert.equal(parseRtp(whole.subarray(0, length)), undefined);
  assert.equal(parseRtp(Uint8Array.from(whole).fill(0x40 | 0x31, 0, 1)), undefined);
  assert.equal(parseRtp(Uint8Array.from(whole).fill(0, whole.length - 1)), undefined);
});

test("parseRtp() finds the stream behind an extension of any size, such as the 28 bytes that Movistar sends", () => {
  const payload = new Uint8Array(7 * 188).fill(0x47);
  const extension = { profile: 0xbede, data: new Uint8Array(12) };
  const datagram = formatRtp({
    ...{ marker: false, payloadType: 33, sequence: 9, timestamp: 0, ssrc: 1, csrcs: [], padding: 0 },
    extension,
    payload,
  });
  assert.equal(datagram.length, 28 + payload.length);
  assert.deepEqual(parseRtp(datagram)?.payload, payload);
});

test("isTransportDatagram() wants a sync byte at every 188th byte and nothing over", () => {
  const two = new Uint8Array(376);
  two[0] = two[188] = 0x47;
  assert.ok(isTransportDatagram(two));
  assert.ok(!isTransportDatagram(two.subarray(0, 375)));
  assert.ok(!isTransportDatagram(Uint8Array.from(two).fill(0, 188, 189)));
  assert.ok(!isTransportDatagram(new Uint8Array(0)));
  fc.assert(fc.property(packet, (value) => assert.ok(!isTransportDatagram(formatRtp(value)))));
});

test("isRtcp() and hasBye() tell control from media", () => {
  const report = formatReceiverReport(7);
  const bye = Uint8Array.of(0x81, 203, 0, 1, 0, 0, 0, 7);
  assert.ok(isRtcp(report));
  assert.ok(!hasBye(report));
  assert.ok(hasBye(bye));
  assert.ok(hasBye(Uint8Array.from([...report, ...bye])));
  assert.ok(!isRtcp(formatRtp({ ...media, payloadType: 33, marker: true })));
  fc.assert(fc.property(bytes(64), (any) => void [isRtcp(any), hasBye(any), isTransportDatagram(any)]));
});

const media: RtpPacket = {
  marker: false,
  payloadType: 96,
  sequence: 0,
  timestamp: 0,
  ssrc: 0,
  csrcs: [],
  payload: new Uint8Array(8),
  padding: 0,
};
