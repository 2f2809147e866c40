// HDHomeRun's packets against bytes that real programs send, and against whatever else may come.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import {
  completeDeviceId,
  deviceTypes,
  formatDiscoverReply,
  formatDiscoverRequest,
  formatGetSetReply,
  formatGetSetRequest,
  formatPacket,
  isDeviceId,
  isLookedFor,
  longestPayload,
  type Packet,
  parseDiscoverReply,
  parseDiscoverRequest,
  parseGetSetReply,
  parseGetSetRequest,
  parsePacket,
  readPacket,
} from "../../../core/formats/hdhomerun.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const hex = (packet: Uint8Array) => Buffer.from(packet).toString("hex");

/** What Jellyfin and libhdhomerun before 2022 send: type and id, both wildcards. */
const oldRequest = bytes("0002 000c 0104 ffffffff 0204 ffffffff 73cc7d8f");
/** What libhdhomerun sends since: a type alone. */
const newRequest = bytes("0002 0006 0104 00000001 393077e7");
const reply = bytes(
  "0003 0025 0104 00000001 0204 10500009 1001 04 2a14 687474703a2f2f31302e302e302e353a35303034 d263fa1d",
);

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const words = fc.string({ maxLength: 60 }).map((text) => text.replaceAll("\0", "").toWellFormed());
const packets: fc.Arbitrary<Packet> = fc.record({
  type: fc.integer({ min: 0, max: 0xffff }),
  values: fc.array(fc.record({ tag: fc.integer({ min: 0, max: 255 }), value: fc.uint8Array({ maxLength: 300 }) }), {
    maxLength: 4,
  }),
});

test("parseDiscoverRequest() reads both shapes of a search, and the list of types", () => {
  assert.deepEqual(parseDiscoverRequest(oldRequest), { types: [] });
  assert.deepEqual(parseDiscoverRequest(newRequest), { types: [1] });
  const several = formatDiscoverRequest({ types: [1, 5] });
  assert.equal(hex(several).slice(8, 12), "2d08");
  assert.deepEqual(parseDiscoverRequest(several), { types: [1, 5] });
  assert.deepEqual(parseDiscoverRequest(formatPacket({ type: 2, values: [] })), { types: [] });
});

test("parseDiscoverRequest() passes over tags that it does not know", () => {
  const value = Buffer.alloc(200, 7);
  const packet = parsePacket(newRequest);
  assert.ok(packet);
  const longer = formatPacket({ ...packet, values: [{ tag: 0x99, value }, ...packet.values] });
  assert.deepEqual(parseDiscoverRequest(longer), { types: [1] });
});

test("parseDiscoverRequest() refuses what is damaged, cut off, followed by more, or another packet", () => {
  for (let at = 0; at < newRequest.length; at++) {
    const damaged = Buffer.from(newRequest);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    assert.equal(parseDiscoverRequest(damaged), undefined, `byte ${at}`);
    assert.equal(parseDiscoverRequest(newRequest.subarray(0, at)), undefined);
  }
  assert.equal(parseDiscoverRequest(Buffer.concat([newRequest, Buffer.of(0)])), undefined);
  assert.equal(parseDiscoverRequest(reply), undefined);
  for (const values of [
    [{ tag: 0x01, value: Buffer.alloc(8) }],
    [{ tag: 0x02, value: Buffer.alloc(3) }],
    [{ tag: 0x2d, value: Buffer.alloc(6) }],
  ])
    assert.equal(parseDiscoverRequest(formatPacket({ type: 2, values })), undefined);
  // A value that says to be longer than its packet; the CRC is right.
  assert.throws(() => readPacket(bytes(`000200030105 00${crcOf("000200030105 00")}`)), {
    name: "RangeError",
  });
  assert.throws(() => readPacket(bytes("0002 ffff 00")), /longer than 1452/);
});

test("isLookedFor() answers for tuners and for the id, and never for storage", () => {
  const own = 0x10500009;
  const rows: readonly (readonly [request: Parameters<typeof isLookedFor>[0], wanted: boolean])[] = [
    [{ types: [] }, true],
    [{ types: [deviceTypes.tuner] }, true],
    [{ types: [deviceTypes.storage, deviceTypes.tuner] }, true],
    [{ types: [deviceTypes.storage] }, false],
    [{ types: [], id: own }, true],
    [{ types: [], id: 0x12345674 }, false],
    [{ types: [deviceTypes.storage], id: own }, false],
  ];
  for (const [request, wanted] of rows) assert.equal(isLookedFor(request, own), wanted, JSON.stringify(request));
});

test("formatDiscoverReply() writes what libhdhomerun reads", () => {
  const told = { id: 0x10500009, tuners: 4, baseUrl: "http://10.0.0.5:5004" };
  assert.equal(hex(formatDiscoverReply(told)), hex(reply));
  assert.deepEqual(parseDiscoverReply(reply), told);
  assert.equal(parseDiscoverReply(newRequest), undefined);
});

test("formatDiscoverRequest() writes what today's libhdhomerun sends", () => {
  assert.equal(hex(formatDiscoverRequest({ types: [1] })), hex(newRequest));
  assert.equal(hex(formatDiscoverRequest({ types: [], id: 0xffffffff })), hex(oldRequest));
});

test("formatPacket() and readPacket() agree, lengths of two bytes too; a stream is read packet by packet", () => {
  fc.assert(
    fc.property(packets, packets, (one, other) => {
      const [first, second] = [formatPacket(one), formatPacket(other)];
      const read = readPacket(Buffer.concat([first, second]));
      assert.equal(read?.length, first.length);
      assert.deepEqual(plain(read?.packet), plain(one));
      assert.deepEqual(plain(parsePacket(second)), plain(other));
      for (const end of [0, 3, 4, first.length - 1]) assert.equal(readPacket(first.subarray(0, end)), undefined);
    }),
  );
  const longest = [{ tag: 1, value: new Uint8Array(longestPayload - 3) }];
  assert.equal(parsePacket(formatPacket({ type: 2, values: longest }))?.values[0]?.value.length, longestPayload - 3);
  assert.throws(
    () => formatPacket({ type: 2, values: [...longest, { tag: 1, value: new Uint8Array(0) }] }),
    /do not fit/,
  );
});

test("searches, answers and variables come back as they were written", () => {
  const types = fc.array(
    u32.filter((type) => type !== deviceTypes.any),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(
      types,
      u32.filter((id) => id !== 0xffffffff),
      words,
      words,
      (types, id, name, value) => {
        assert.deepEqual(parseDiscoverRequest(formatDiscoverRequest({ types, id })), { types, id });
        const told = { id, tuners: id % 256, baseUrl: name, lineupUrl: value };
        assert.deepEqual(parseDiscoverReply(formatDiscoverReply(told)), told);
        const asked = { name, value };
        assert.deepEqual(parseGetSetRequest(packetOf(formatGetSetRequest(asked))), asked);
        assert.deepEqual(parseGetSetRequest(packetOf(formatGetSetRequest({ name }))), { name });
        assert.deepEqual(parseGetSetReply(packetOf(formatGetSetReply(asked))), asked);
        assert.deepEqual(parseGetSetReply(packetOf(formatGetSetReply({ error: name }))), { error: name });
      },
    ),
  );
});

test("no bytes make a reader of packets fail otherwise than it says", () => {
  const framed = fc
    .tuple(fc.constantFrom(2, 3, 4, 5, 6), fc.uint8Array({ maxLength: 200 }))
    .map(([type, payload]) => seal(type, payload));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), framed), (datagram) => {
      const packet = parsePacket(datagram);
      const request = parseDiscoverRequest(datagram);
      assert.ok(!request || packet?.type === 2);
      parseDiscoverReply(datagram);
      if (packet) {
        parseGetSetRequest(packet);
        parseGetSetReply(packet);
      }
      try {
        readPacket(datagram);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("completeDeviceId() makes ids that libhdhomerun looks for; one wrong digit makes them invalid", () => {
  assert.equal(completeDeviceId("1050000"), "10500009");
  assert.equal(completeDeviceId("1234567"), "12345674");
  assert.ok(!isDeviceId("12345678"));
  assert.ok(!isDeviceId("1050000g"));
  assert.throws(() => completeDeviceId("12345"), RangeError);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xfffffff }), fc.nat(7), fc.integer({ min: 1, max: 15 }), (seed, at, by) => {
      const id = completeDeviceId(seed.toString(16).padStart(7, "0"));
      assert.ok(isDeviceId(id) && isDeviceId(id.toLowerCase()));
      const other = (Number.parseInt(id[at] ?? "", 16) ^ by).toString(16);
      assert.ok(!isDeviceId(id.slice(0, at) + other + id.slice(at + 1)));
    }),
  );
});

function packetOf(datagram: Uint8Array): Packet {
  const packet = parsePacket(datagram);
  assert.ok(packet);
  return packet;
}

function plain(packet: Packet | undefined) {
  return packet && { type: packet.type, values: packet.values.map(({ tag, value }) => [tag, hex(value)]) };
}

/** A payload of any bytes in a frame whose length and CRC are right. */
function seal(type: number, payload: Uint8Array): Uint8Array {
  const head = Buffer.from([type >> 8, type & 0xff, payload.length >> 8, payload.length & 0xff]);
  const body = Buffer.concat([head, payload]);
  return Buffer.concat([body, bytes(crcOf(hex(body)))]);
}

/** By the system's zlib, as little-endian hexadecimal. */
function crcOf(data: string): string {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(zlibCrc32(bytes(data)));
  return hex(crc);
}
