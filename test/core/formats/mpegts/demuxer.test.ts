// The demuxer: what the muxer put in comes out again, and what is lost costs the unit that it is of.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { createDemuxer, type Demuxed, type Demuxer, type Unit } from "../../../../core/formats/mpegts/demuxer.ts";
import { createMuxer } from "../../../../core/formats/mpegts/muxer.ts";
import { packetLength, pidOf } from "../../../../core/formats/mpegts.ts";
import { formatGapMark } from "../../../../core/formats/splice.ts";
import { someFrames } from "./frames.ts";

const streams = [
  { type: 0x1b, kind: "video" },
  { type: 0x0f, kind: "audio" },
] as const;
const all = () => createDemuxer((programme) => programme.streams.map(({ pid }) => pid));
const unitsOf = (events: readonly Demuxed[]) => events.filter((event): event is Unit => event.kind === "unit");

/** Pictures with a sound after each. */
function muxed(count: number): Uint8Array[] {
  const muxer = createMuxer(streams);
  return Array.from({ length: count }, (_, index) => {
    const dts = 90_000 + index * 3600;
    const picture = { bytes: new Uint8Array(500).fill(index), pts: dts + 7200, dts, key: index % 5 === 0 };
    const sound = { bytes: new Uint8Array(300).fill(100 + index), pts: dts };
    return new Uint8Array(Buffer.concat([muxer.write(0, picture), muxer.write(1, sound)]));
  });
}

function read(chunks: readonly Uint8Array[], by: Demuxer = all()): Demuxed[] {
  return [...chunks.flatMap((chunk) => by.write(chunk)), ...by.finish()];
}

test("createDemuxer() gives back what createMuxer() was given, however it comes", () => {
  fc.assert(
    fc.property(
      someFrames,
      fc.integer({ min: 0, max: 2 ** 33 - 1 }),
      fc.integer({ min: 1, max: 50 }),
      (frames, start, packets) => {
        const muxer = createMuxer(streams);
        const given = frames.map(({ stream, length, key, ahead }, index) => ({
          stream,
          bytes: Uint8Array.from({ length }, (_, at) => (at * 7 + index) & 0xff),
          dts: (start + index * 3600) % 2 ** 33,
          pts: (start + index * 3600 + (stream === 0 ? ahead : 0)) % 2 ** 33,
          key,
        }));
        const out = new Uint8Array(Buffer.concat(given.map(({ stream, ...frame }) => muxer.write(stream, frame))));
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < out.length; at += packets * packetLength)
          chunks.push(out.subarray(at, at + packets * packetLength));
        const found = unitsOf(read(chunks));
        for (const [stream, pid] of [0x100, 0x101].entries()) {
          const wanted = given.filter((each) => each.stream === stream);
          const units = found.filter((unit) => unit.pid === pid);
          assert.equal(units.length, wanted.length);
          for (const [index, { bytes, pts, dts, key }] of wanted.entries()) {
            const unit = units[index];
            assert.ok(unit && Buffer.compare(unit.bytes, bytes) === 0);
            assert.deepEqual([unit.pts, unit.dts], [pts, dts]);
            if (stream === 0) assert.equal(unit.key, key);
            const after = wanted[index + 1];
            if (unit.next !== undefined) assert.equal(unit.next, after?.dts);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("sound that says its length is given as soon as that is there; a picture with the one after it", () => {
  const by = all();
  const [first = new Uint8Array(), second = new Uint8Array()] = muxed(2);
  assert.deepEqual(
    by.write(first).map((event) => (event.kind === "unit" ? event.pid : event.kind)),
    ["programme", 0x101],
  );
  assert.deepEqual(
    unitsOf(by.write(second)).map(({ pid, next }) => [pid, next]),
    [
      [0x100, 93_600],
      [0x101, undefined],
    ],
  );
});

test("a packet that is lost costs its unit alone; one that comes twice costs nothing", () => {
  const out = new Uint8Array(Buffer.concat(muxed(6)));
  const offsets = Array.from({ length: out.length / packetLength }, (_, index) => index * packetLength);
  const whole = unitsOf(read([out])).length;
  assert.equal(whole, 12);
  for (const lost of offsets) {
    const pid = pidOf(out, lost);
    if (pid !== 0x100 && pid !== 0x101) continue;
    const by = all();
    const kept = offsets.filter((at) => at !== lost).map((at) => out.subarray(at, at + packetLength));
    const left = unitsOf(read(kept, by));
    // The first packet of a unit also belongs to the one before, as far as anybody knows.
    assert.ok(left.length >= whole - 2, `${left.length} units without the packet at ${lost}`);
    // That the last packet of all is missing, nobody knows.
    const isLast = !kept.some((packet) => packet.byteOffset > out.byteOffset + lost && pidOf(packet, 0) === pid);
    if (!isLast) assert.ok(left.length < whole);
    for (const { bytes } of left) assert.ok(bytes.every((byte) => byte === bytes[0]));
    const twice = offsets.flatMap((at) => Array(at === lost ? 2 : 1).fill(out.subarray(at, at + packetLength)));
    assert.equal(unitsOf(read(twice)).length, whole);
  }
});

test("a mark of a gap is told, and ends what is under way", () => {
  const [first = new Uint8Array(), ...rest] = muxed(3);
  const by = all();
  const events = read([first, formatGapMark(0, 3), formatGapMark(0x100, 3), ...rest], by);
  assert.deepEqual(
    events.flatMap((event) => (event.kind === "splice" ? [event.pid] : [])),
    [0, 0x100],
  );
  assert.equal(unitsOf(events).filter(({ pid }) => pid === 0x100).length, 2);
  assert.equal(by.damaged, 1);
});

test("what is scrambled is told once", () => {
  const out = Uint8Array.from(Buffer.concat(muxed(4)));
  for (let at = 0; at < out.length; at += packetLength)
    if (pidOf(out, at) === 0x100) out[at + 3] = (out[at + 3] ?? 0) | 0x80;
  assert.deepEqual(
    read([out]).flatMap((event) => (event.kind === "scrambled" ? [event.pid] : [])),
    [0x100],
  );
});

test("no packets make it throw", () => {
  const [tables = new Uint8Array()] = muxed(1);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: packetLength, maxLength: packetLength })), (packets) => {
      for (const packet of packets) packet.set([0x47, (packet[1] ?? 0) & 0xe1, (packet[2] ?? 0) & 1]);
      for (const event of read([tables, ...packets]))
        if (event.kind === "unit") assert.ok(event.bytes.length <= packets.length * packetLength + tables.length);
    }),
    { numRuns: 200 },
  );
});
