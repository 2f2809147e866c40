// Transport streams: what is read from a real clip, what is written is read again, and any bytes are survived.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import * as ts from "../../../core/formats/mpegts.ts";

const clip = readFileSync(join(import.meta.dirname, "../../../providers/testcard/testcard-1.mpegts"));
const packets = Array.from({ length: clip.length / ts.packetLength }, (_, index) => index * ts.packetLength);
const first = <Value>(read: (at: number) => Value | undefined) =>
  packets.map((at) => ({ at, value: read(at) })).find(({ value }) => value !== undefined);

test("parsePat() and parsePmt() find the streams of a programme", () => {
  const pat = first((at) => (ts.pidOf(clip, at) === 0 ? ts.parsePat(clip, at) : undefined));
  assert.deepEqual([...(pat?.value ?? [])], [[1, 0x1000]]);
  const pmt = first((at) => (ts.pidOf(clip, at) === 0x1000 ? ts.parsePmt(clip, at) : undefined));
  assert.deepEqual(pmt?.value, {
    pcrPid: 0x100,
    streams: [
      { pid: 0x100, type: 0x1b, kind: "video" },
      { pid: 0x101, type: 0x0f, kind: "audio" },
    ],
  });
});

test("parsePat() and parsePmt() refuse a section with a wrong checksum, and each other's", () => {
  const at = ts.packetLength;
  assert.ok(ts.parsePat(clip, at));
  assert.equal(ts.parsePmt(clip, at), undefined);
  const broken = new Uint8Array(clip.subarray(at, at + ts.packetLength));
  broken[15] = 7;
  assert.equal(ts.parsePat(broken, 0), undefined);
});

test("sectionChecksum() has the check value of CRC-32/MPEG-2", () => {
  assert.equal(ts.sectionChecksum(new TextEncoder().encode("123456789")), 0x0376e6e7);
});

test("counterOf() steps by one in every packet of a PID that has a payload", () => {
  const last = new Map<number, number>();
  for (const at of packets) {
    const pid = ts.pidOf(clip, at);
    const step = ts.payloadAt(clip, at) === undefined ? 0 : 1;
    const before = last.get(pid);
    if (before !== undefined) assert.equal(ts.counterOf(clip, at), (before + step) % 16);
    last.set(pid, ts.counterOf(clip, at));
  }
  assert.deepEqual([...last.keys()].sort(), [0, 0x100, 0x101, 0x1000, 0x11].sort());
});

test("isRandomAccess() marks one key frame a second", () => {
  const keys = packets.filter((at) => ts.pidOf(clip, at) === 0x100 && ts.isRandomAccess(clip, at));
  assert.deepEqual(
    keys.map((at) => ((ts.readStamps(clip, at)?.pts ?? 0) - 127_920) / ts.ticksPerSecond),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
});

test("writePcr() writes what readPcr() reads, around its wrap", () => {
  const at = first((at) => ts.readPcr(clip, at))?.at ?? 0;
  const packet = new Uint8Array(clip.subarray(at, at + ts.packetLength));
  const before = new Uint8Array(packet);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 * ts.clockWrap }), (clock) => {
      ts.writePcr(packet, 0, clock);
      assert.equal(ts.readPcr(packet, 0), clock % ts.clockWrap);
    }),
  );
  ts.writePcr(packet, 0, ts.readPcr(before, 0) ?? 0);
  assert.deepEqual(packet, before);
});

test("writeStamps() writes what readStamps() reads, around its wrap", () => {
  const at = first((at) => ts.readStamps(clip, at))?.at ?? 0;
  const packet = new Uint8Array(clip.subarray(at, at + ts.packetLength));
  const start = ts.payloadAt(packet, 0) ?? 0;
  const stamp = fc.integer({ min: 0, max: 3 * ts.stampWrap });
  fc.assert(
    fc.property(fc.boolean(), stamp, stamp, (both, pts, dts) => {
      // PTS_DTS_flags, PES_header_data_length, and the prefixes that §2.4.3.6 wants before each stamp.
      packet.set(both ? [0x80, 0xc0, 10, 0x31] : [0x80, 0x80, 5, 0x21], start + 6);
      if (both) packet[start + 14] = 0x11;
      ts.writeStamps(packet, 0, { pts, dts });
      const wrapped = { pts: pts % ts.stampWrap, ...(both && { dts: dts % ts.stampWrap }) };
      assert.deepEqual(ts.readStamps(packet, 0), wrapped);
      assert.equal((packet[start + 9] ?? 0) >> 4, both ? 3 : 2);
    }),
  );
});

test("findSync() finds the first packet behind anything", () => {
  assert.equal(ts.findSync(clip), 0);
  assert.equal(ts.findSync(clip, 1), ts.packetLength);
  assert.equal(ts.findSync(new Uint8Array(1000)), undefined);
  assert.equal(ts.findSync(new Uint8Array(0)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 187 }), (before) => {
      const found = ts.findSync(Uint8Array.of(...before, ...clip.subarray(0, 4 * ts.packetLength)));
      assert.ok(found !== undefined && found <= before.length);
    }),
  );
});

test("no bytes make a reader throw, and writers touch nothing beyond the packet", () => {
  const hostile = fc
    .uint8Array({ minLength: 0, maxLength: 220 })
    .chain((bytes) => fc.record({ bytes: fc.constant(bytes), flags: fc.uint8Array({ minLength: 16, maxLength: 16 }) }));
  fc.assert(
    fc.property(hostile, ({ bytes, flags }) => {
      // Headers that say much: a unit starts, with an adaptation field and a PES header.
      if (bytes.length > 24) bytes.set([0x47, 0x40, flags[0] ?? 0, 0x10 | (flags[1] ?? 0), (flags[2] ?? 0) % 20], 0);
      if (bytes.length > 24 && (flags[3] ?? 0) > 128) bytes.set([0, 0, 1, 0xe0, 0, 0, 0x80, flags[4] ?? 0, 10], 4);
      const beyond = bytes.slice(ts.packetLength);
      for (const read of [ts.readPcr, ts.readStamps, ts.parsePat, ts.parsePmt, ts.payloadAt, ts.isRandomAccess])
        read(bytes, 0);
      ts.writePcr(bytes, 0, 1);
      ts.writeStamps(bytes, 0, { pts: 1, dts: 2 });
      ts.writeCounter(bytes, 0, 3);
      assert.deepEqual(bytes.slice(ts.packetLength), beyond);
    }),
    { numRuns: 2000 },
  );
});
