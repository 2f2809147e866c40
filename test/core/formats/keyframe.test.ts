// A programme followed packet by packet: its tables in one or several packets, its streams, where a decoder may begin.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { createProgrammeReader, type ProgrammeReader, programmeFlags } from "../../../core/formats/keyframe.ts";
import * as ts from "../../../core/formats/mpegts.ts";
import { packet, packetsOf, pat, pes, pmt } from "./packets.ts";

const clip = readFileSync(join(import.meta.dirname, "../../../providers/testcard/testcard-1.mpegts"));

const readAll = (reader: ProgrammeReader, bytes: Uint8Array) => {
  const flags: number[] = [];
  for (let at = 0; at + ts.packetLength <= bytes.length; at += ts.packetLength) flags.push(reader.read(bytes, at));
  return flags;
};
const concat = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const pointsOf = (flags: readonly number[]) =>
  flags.flatMap((flag, index) => ((flag & programmeFlags.randomAccess) !== 0 ? [index] : []));

test("createProgrammeReader() finds the streams, tables, clock and key frames of a clip", () => {
  const reader = createProgrammeReader();
  const flags = readAll(reader, clip);
  assert.deepEqual(
    reader.programme?.streams.map(({ kind }) => kind),
    ["video", "audio"],
  );
  assert.equal(reader.videoPid, 0x100);
  assert.equal(pointsOf(flags).length, 8);
  flags.forEach((flag, index) => {
    const at = index * ts.packetLength;
    const pid = ts.pidOf(clip, at);
    assert.equal((flag & programmeFlags.pat) !== 0, pid === 0);
    const known = flags.slice(0, index + 1).some((each) => (each & programmeFlags.changed) !== 0);
    assert.equal((flag & programmeFlags.pmt) !== 0, pid === 0x1000 && known);
    assert.equal((flag & programmeFlags.video) !== 0, pid === 0x100 && known);
    assert.equal((flag & programmeFlags.audio) !== 0, pid === 0x101 && known);
    assert.equal((flag & programmeFlags.pcr) !== 0, pid === 0x100 && known && ts.readPcr(clip, at) !== undefined);
    if ((flag & programmeFlags.randomAccess) !== 0) assert.ok(ts.isRandomAccess(clip, at));
  });
  assert.equal(flags.filter((flag) => (flag & programmeFlags.changed) !== 0).length, 1);
});

test("key frames are found by their bytes where no random_access_indicator says so", () => {
  const stripped = Uint8Array.from(clip);
  for (let at = 0; at < stripped.length; at += ts.packetLength)
    if (ts.isRandomAccess(stripped, at)) stripped[at + 5] = (stripped[at + 5] ?? 0) & ~0x40;
  const reader = createProgrammeReader();
  assert.deepEqual(pointsOf(readAll(reader, stripped)), pointsOf(readAll(createProgrammeReader(), clip)));
});

test("pat and pmt are the last packets of their tables, counters and all", () => {
  const reader = createProgrammeReader();
  let association: Uint8Array | undefined;
  let map: Uint8Array | undefined;
  for (let at = 0; at < clip.length; at += ts.packetLength) {
    reader.read(clip, at);
    const here = Uint8Array.from(clip.subarray(at, at + ts.packetLength));
    if (ts.pidOf(clip, at) === 0) association = here;
    if (ts.pidOf(clip, at) === 0x1000) map = here;
    assert.deepEqual(reader.pat, association);
    if (map) assert.deepEqual(reader.pmt, [map]);
  }
});

test("a map that spans packets is read whole, and kept as the packets it came in", () => {
  const streams = Array.from({ length: 60 }, (_, index) => ({ pid: 0x200 + index, type: index === 7 ? 0x24 : 0x06 }));
  const map = packetsOf(0x50, pmt(1, 0x207, streams));
  assert.equal(map.length, 2 * ts.packetLength);
  const reader = createProgrammeReader();
  const flags = readAll(
    reader,
    concat(packetsOf(0, pat({ 1: 0x50 })), map, packetsOf(0x50, pmt(1, 0x207, streams), 2)),
  );
  assert.equal(reader.videoPid, 0x207);
  assert.deepEqual(reader.programme?.streams.length, 60);
  assert.deepEqual(concat(...reader.pmt), packetsOf(0x50, pmt(1, 0x207, streams), 2));
  assert.equal(flags.filter((flag) => (flag & programmeFlags.changed) !== 0).length, 1);
});

test("a map with a lost packet or a wrong checksum changes nothing, and the next one is read", () => {
  const streams = Array.from({ length: 60 }, (_, index) => ({ pid: 0x200 + index, type: 0x0f }));
  const map = packetsOf(0x50, pmt(1, 0x200, streams));
  const broken = Uint8Array.from(map);
  broken[100] = (broken[100] ?? 0) ^ 1;
  const reader = createProgrammeReader();
  readAll(reader, concat(packetsOf(0, pat({ 1: 0x50 })), map.subarray(0, ts.packetLength), broken));
  assert.equal(reader.hasVideo || reader.programme !== undefined, false);
  readAll(reader, packetsOf(0x50, pmt(1, 0x200, streams), 4));
  assert.equal(reader.programme?.streams.length, 60);
});

test("of several programmes the first is followed, a later one only when the first has no map", () => {
  const association = packetsOf(0, pat({ 1: 0x50, 2: 0x60 }));
  const first = packetsOf(0x50, pmt(1, 0x101, [{ pid: 0x101, type: 0x1b }]));
  const second = packetsOf(0x60, pmt(2, 0x201, [{ pid: 0x201, type: 0x1b }]));
  const reader = createProgrammeReader();
  readAll(reader, concat(association, second, first, second, second));
  assert.equal(reader.videoPid, 0x101);
  const other = createProgrammeReader();
  const flags = readAll(other, concat(association, second, second, first));
  assert.equal(other.videoPid, 0x201);
  assert.equal(flags[3], 0);
});

test("a programme that leaves the association table is left, and one that comes is followed", () => {
  const reader = createProgrammeReader();
  const one = {
    map: packetsOf(0x50, pmt(1, 0x101, [{ pid: 0x101, type: 0x1b }])),
    pat: packetsOf(0, pat({ 1: 0x50 })),
  };
  const two = {
    map: packetsOf(0x50, pmt(2, 0x201, [{ pid: 0x201, type: 0x02 }])),
    pat: packetsOf(0, pat({ 2: 0x50 })),
  };
  for (const [each, pid] of [
    [one, 0x101],
    [two, 0x201],
    [one, 0x101],
  ] as const) {
    const flags = readAll(reader, concat(each.pat, each.map, each.map));
    assert.equal(reader.videoPid, pid);
    assert.deepEqual(flags.map((flag) => (flag & programmeFlags.changed) !== 0).at(1), true);
  }
});

test("a map that adds or moves a stream is a change, one that only counts up its version is none", () => {
  const reader = createProgrammeReader();
  const association = packetsOf(0, pat({ 1: 0x50 }));
  const streams = [{ pid: 0x101, type: 0x1b }];
  const maps = [
    pmt(1, 0x101, streams),
    pmt(1, 0x101, streams, 1),
    pmt(1, 0x101, [...streams, { pid: 0x102, type: 15 }]),
  ];
  const flags = readAll(reader, concat(association, ...maps.map((map) => packetsOf(0x50, map))));
  assert.deepEqual(
    flags.map((flag) => (flag & programmeFlags.changed) !== 0),
    [false, true, false, true],
  );
});

test("every PES packet of a programme of sound alone is a random-access point; of sound beside pictures none is", () => {
  for (const [video, expected] of [
    [false, 2],
    [true, 0],
  ] as const) {
    const streams = [{ pid: 0x102, type: 0x0f }, ...(video ? [{ pid: 0x101, type: 0x1b }] : [])];
    const reader = createProgrammeReader();
    const head = concat(packetsOf(0, pat({ 1: 0x50 })), packetsOf(0x50, pmt(1, 0x102, streams)));
    const sound = concat(packet(0x102, pes([1])), packet(0x102, [1], { starts: false }), packet(0x102, pes([1])));
    assert.equal(pointsOf(readAll(reader, concat(head, sound))).length, expected);
    assert.equal(reader.hasVideo, video);
  }
});

test("a random_access_indicator without a start is about the next PES packet, scrambled or not", () => {
  for (const scrambled of [false, true]) {
    const reader = createProgrammeReader();
    readAll(
      reader,
      concat(packetsOf(0, pat({ 1: 0x50 })), packetsOf(0x50, pmt(1, 0x101, [{ pid: 0x101, type: 0x1b }]))),
    );
    const ahead = packet(0x101, undefined, { field: [0x40], starts: false });
    const flags = readAll(
      reader,
      concat(ahead, packet(0x101, pes([0, 0, 1, 9, 0xf0]), { scrambled }), packet(0x101, pes([0, 0, 1, 9, 0xf0]))),
    );
    assert.deepEqual(pointsOf(flags), [1]);
  }
});

test("no bytes make the reader throw", () => {
  const hostile = fc.array(
    fc.record({
      pid: fc.constantFrom(0, 0x50, 0x101),
      head: fc.uint8Array({ maxLength: 3 }),
      body: fc.uint8Array({ maxLength: 184 }),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(hostile, (parts) => {
      const reader = createProgrammeReader();
      readAll(
        reader,
        concat(packetsOf(0, pat({ 1: 0x50 })), packetsOf(0x50, pmt(1, 0x101, [{ pid: 0x101, type: 0x1b }]))),
      );
      for (const { pid, head, body } of parts) {
        const bytes = new Uint8Array(ts.packetLength);
        bytes.set([0x47, ((head[0] ?? 0) & 0xe0) | (pid >> 8), pid & 0xff, head[1] ?? 0]);
        bytes.set(body, 4);
        reader.read(bytes, 0);
        reader.read(bytes, 100);
      }
    }),
    { numRuns: 1000 },
  );
});
