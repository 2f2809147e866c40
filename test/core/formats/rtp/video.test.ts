// H.264 and H.265 out of RTP: whatever way units are cut, the same access units come out; loss costs what it hits, and no more.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Frame, FrameReader } from "../../../../core/formats/rtp/frame.ts";
import { createH264Reader } from "../../../../core/formats/rtp/h264.ts";
import { createH265Reader } from "../../../../core/formats/rtp/h265.ts";
import { formatRtp } from "../../../../core/formats/rtp.ts";
import { packetise, parsed, splitUnits } from "./packetise.ts";

type Codec = "h264" | "h265";
const readers: Readonly<Record<Codec, (parameters?: readonly Uint8Array[]) => FrameReader>> = {
  h264: createH264Reader,
  h265: createH265Reader,
};

/** A unit with a header of its type, the bit that begins a picture, and filling without start codes. */
function unitOf(codec: Codec, type: number, first: boolean, length: number, filling = 0xaa): Uint8Array {
  const head = codec === "h264" ? [0x60 | type] : [type << 1, 1];
  return Uint8Array.from([...head, (first ? 0x80 : 0) | 0x11, ...Array<number>(length).fill(filling)]);
}
const types = {
  h264: { sets: [7, 8], key: 5, other: 1 },
  h265: { sets: [32, 33, 34], key: 19, other: 1 },
} as const;
const setsOf = (codec: Codec) => types[codec].sets.map((type) => unitOf(codec, type, true, 6, type));
const read = (reader: FrameReader, packets: readonly Uint8Array[]): Frame[] =>
  packets.flatMap((packet) => reader.push(parsed(packet)));
/** Types of the units of a frame. */
const typesOf = (codec: Codec, frame: Frame | undefined) =>
  splitUnits(frame?.bytes ?? new Uint8Array(0)).map(([first = 0]) =>
    codec === "h264" ? first & 0x1f : (first >> 1) & 0x3f,
  );

for (const codec of ["h264", "h265"] as const) {
  const { sets, key, other } = types[codec];
  const delimiter = codec === "h264" ? 9 : 35;

  test(`${codec}: access units come out as they went in, however they are cut and put together`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 4 }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.integer({ min: 100, max: 1400 }),
        fc.boolean(),
        fc.nat({ max: 0xffff }),
        (pictures, size, aggregate, sequence) => {
          const access = pictures.map((slices) =>
            slices.map((length, index) => unitOf(codec, other, index === 0, length)),
          );
          const frames = read(readers[codec](), packetise(access, { codec, size, aggregate, sequence }));
          assert.equal(frames.length, access.length);
          for (const [index, { bytes, timestamp, key }] of frames.entries()) {
            assert.deepEqual(splitUnits(bytes).slice(1), access[index]);
            assert.equal(timestamp, index * 3600);
            assert.equal(key, false);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test(`${codec}: a key frame without parameters gets those that were sent last, or described`, () => {
    const picture = [unitOf(codec, key, true, 50)];
    const [none] = read(readers[codec](), packetise([picture], { codec }));
    assert.equal(none?.key, false);
    const [described] = read(readers[codec](setsOf(codec)), packetise([picture], { codec }));
    assert.equal(described?.key, true);
    assert.deepEqual(typesOf(codec, described), [delimiter, ...sets, key]);
    const sent = read(
      readers[codec](),
      packetise([[...setsOf(codec), ...picture], [unitOf(codec, other, true, 9)], picture], { codec }),
    );
    assert.deepEqual(
      sent.map((frame) => [frame.key, typesOf(codec, frame)]),
      [
        [true, [delimiter, ...sets, key]],
        [false, [delimiter, other]],
        [true, [delimiter, ...sets, key]],
      ],
    );
  });

  test(`${codec}: parameters with a time stamp of their own belong to the picture after them`, () => {
    const frames = read(readers[codec](), packetise([setsOf(codec), [unitOf(codec, key, true, 30)]], { codec }));
    assert.deepEqual(
      frames.map((frame) => typesOf(codec, frame)),
      [[delimiter, ...sets, key]],
    );
  });

  test(`${codec}: without markers the next time stamp ends an access unit; markers on every packet end none`, () => {
    const access = [1, 2, 3].map(() => [unitOf(codec, other, true, 3000), unitOf(codec, other, false, 3000)]);
    const packets = packetise(access, { codec }).map(parsed);
    const bare = packets.map((packet) => formatRtp({ ...packet, marker: false }));
    assert.deepEqual(
      read(readers[codec](), bare).map(({ bytes }) => splitUnits(bytes).slice(1)),
      access.slice(0, 2),
    );
    const all = packets.map((packet) => formatRtp({ ...packet, marker: true }));
    const frames = read(readers[codec](), all);
    assert.deepEqual(splitUnits(frames.at(-1)?.bytes ?? new Uint8Array(0)).slice(1), access[1]);
  });

  test(`${codec}: what is lost costs only the access units that it is of`, () => {
    const access = Array.from({ length: 12 }, (_, index) =>
      index % 4 === 0
        ? [...setsOf(codec), unitOf(codec, key, true, 4000)]
        : [unitOf(codec, other, true, 2500), unitOf(codec, other, false, 2500)],
    );
    const packets = packetise(access, { codec });
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: packets.length - 1 }), { maxLength: 6 }), (lost) => {
        const reader = readers[codec]();
        const frames = read(
          reader,
          packets.filter((_, index) => !lost.includes(index)),
        );
        const hit = new Set(lost.map((index) => parsed(packets[index] ?? new Uint8Array(0)).timestamp));
        const whole = new Map(access.map((units, index) => [index * 3600, units]));
        for (const frame of frames) {
          const slices = (units: readonly Uint8Array[]) =>
            units.filter((unit) => !sets.some((t) => t === typeOf(unit)));
          const typeOf = (unit: Uint8Array) =>
            codec === "h264" ? (unit[0] ?? 0) & 0x1f : ((unit[0] ?? 0) >> 1) & 0x3f;
          // Nothing comes out that is not whole, but for parameters.
          assert.deepEqual(slices(splitUnits(frame.bytes).slice(1)), slices(whole.get(frame.timestamp) ?? []));
        }
        const kept = new Set(frames.map(({ timestamp }) => timestamp));
        // A loss may be of the end of the access unit before, which nobody knows.
        for (const timestamp of whole.keys())
          if (!hit.has(timestamp)) assert.ok(kept.has(timestamp), `${timestamp} with ${lost.join()} lost`);
      }),
      { numRuns: 200 },
    );
  });

  test(`${codec}: no bytes make it throw, or keep more than it was given`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 3 }), fc.boolean(), fc.nat({ max: 2 }))),
        (packets) => {
          const reader = readers[codec]();
          let given = 0;
          let taken = 0;
          for (const [index, [payload, step, marker, timestamp]] of packets.entries()) {
            given += payload.length;
            const base = { payloadType: 96, ssrc: 1, csrcs: [], padding: 0 };
            for (const { bytes } of reader.push({ ...base, payload, marker, timestamp, sequence: index + step }))
              taken += bytes.length;
          }
          // Parameters are repeated; each access unit has its delimiter.
          assert.ok(taken <= (given + 16) * (packets.length + 1) * 4);
        },
      ),
    );
  });
}

test("h264: a picture of slices of type I with its parameters is one to begin with", () => {
  // first_mb_in_slice 0, slice_type 7: "1" and "0001000".
  const intra = Uint8Array.of(0x61, 0x88, 0xaa, 0xbb);
  const frames = read(createH264Reader(), packetise([[...setsOf("h264"), intra], [intra]], { codec: "h264" }));
  assert.deepEqual(
    frames.map(({ key }) => key),
    [true, false],
  );
});

test("h264: parameters of another picture size take the place of those before", () => {
  const [sps = new Uint8Array(0), pps = new Uint8Array(0)] = setsOf("h264");
  const other = Uint8Array.from(sps, (byte, index) => (index > 6 ? 0x55 : byte));
  const key = unitOf("h264", 5, true, 20);
  const frames = read(createH264Reader([sps, pps]), packetise([[other, pps, key], [key]], { codec: "h264" }));
  for (const { bytes } of frames) assert.deepEqual(splitUnits(bytes)[1], other);
});
