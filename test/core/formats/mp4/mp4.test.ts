// Fragmented MP4: what is written is read back by a reader that knows nothing of the writer, and by ffprobe.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import {
  aacRates,
  createAdtsReader,
  createPictureReader,
  formatAacEntry,
  formatFragment,
  formatInit,
  parseAdts,
  parseAvcParameters,
  parseHevcParameters,
  unitsOf,
} from "../../../../core/formats/mp4.ts";
import { formatAdts } from "../../../../core/formats/rtp/aac.ts";
import { mediaFolder, mediaMissing, probe, runFfmpeg } from "../../../support/media.ts";
import { readFragments, readInit } from "../../../support/mp4.ts";

const anyBytes = fc.uint8Array({ maxLength: 200 });
/** A stream that begins as a NAL unit of some type does, so that readers go on. */
const nearly = (first: readonly number[]) =>
  fc.tuple(fc.constantFrom(...first), anyBytes).map(([head, rest]) => Uint8Array.of(head, ...rest));

test("formatFragment() is read back: times, lengths, flags and every byte", () => {
  const sample = fc.record({
    bytes: fc.uint8Array({ maxLength: 50 }),
    duration: fc.integer({ min: 1, max: 2 ** 31 }),
    offset: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    key: fc.boolean(),
  });
  const plain = sample.map(({ bytes }) => ({ bytes, duration: 1024, offset: 0, key: true }));
  const run = (id: number) =>
    fc.record({
      id: fc.constant(id),
      start: fc.maxSafeNat(),
      samples: fc.oneof(fc.array(sample, { maxLength: 20 }), fc.array(plain, { maxLength: 20 })),
    });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.tuple(run(1), run(2)), (sequence, runs) => {
      const [read, ...others] = readFragments(formatFragment(sequence, runs));
      assert.equal(others.length, 0);
      assert.equal(read?.sequence, sequence);
      const plainly = (of: typeof runs | NonNullable<typeof read>["runs"]) =>
        of.map((each) => ({ ...each, samples: each.samples.map((one) => ({ ...one, bytes: [...one.bytes] })) }));
      assert.deepEqual(plainly(read.runs), plainly(runs.filter(({ samples }) => samples.length > 0) as typeof runs));
    }),
    { numRuns: 300 },
  );
});

test("formatInit() says what the tracks are", () => {
  const header = parseAdts(Uint8Array.from([0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc]), 0);
  assert.ok(header);
  const bytes = formatInit([{ id: 2, timescale: 48_000, entry: formatAacEntry(header) }]);
  const [track, ...others] = readInit(bytes);
  assert.equal(others.length, 0);
  assert.deepEqual(
    [track?.id, track?.timescale, track?.handler, track?.entry, track?.config.type],
    [2, 48_000, "soun", "mp4a", "esds"],
  );
  // AAC LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.6.2.1).
  assert.ok(Buffer.from(track?.config.body ?? []).includes(Buffer.from([0x05, 0x02, 0x11, 0x90])));
});

test("createAdtsReader() gives every frame once, wherever the stream is cut", () => {
  const config = { objectType: 2, frequency: 3, channels: 2 };
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      (frames, sizes) => {
        const all = new Uint8Array(Buffer.concat(frames.flatMap((frame) => [formatAdts(config, frame.length), frame])));
        const reader = createAdtsReader();
        const found: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < all.length; turn++) {
          const end = Math.min(all.length, at + (sizes[turn % sizes.length] ?? 1));
          for (const { bytes, header, rate } of reader.read(all.slice(at, end))) {
            assert.deepEqual([header.objectType, header.frequency, header.channels], [2, 3, 2]);
            assert.equal(rate, aacRates[3]);
            found.push(bytes);
          }
          at = end;
        }
        assert.deepEqual(found, frames);
      },
    ),
    { numRuns: 200 },
  );
});

test("createAdtsReader() counts from the first frame that begins with the bytes", () => {
  const config = { objectType: 2, frequency: 3, channels: 2 };
  const frame = new Uint8Array([...formatAdts(config, 20), ...new Uint8Array(20)]);
  const reader = createAdtsReader();
  assert.deepEqual(reader.read(frame.subarray(0, 15)), []);
  const next = new Uint8Array(Buffer.concat([frame.subarray(15), frame, frame]));
  assert.deepEqual(
    reader.read(next).map(({ block }) => block),
    [-1, 0, 1],
  );
});

test("unitsOf() finds what lies between start codes", () => {
  const unit = fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 20 })
    .map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.array(fc.tuple(unit, fc.boolean(), fc.nat({ max: 3 }))), (parts) => {
      const stream = parts.flatMap(([bytes, long, zeros]) => [
        ...(long ? [0] : []),
        0,
        0,
        1,
        ...bytes,
        ...new Uint8Array(zeros),
      ]);
      assert.deepEqual(
        unitsOf(Uint8Array.from(stream)).map((each) => [...each]),
        parts.map(([bytes]) => [...bytes]),
      );
    }),
  );
});

test("no bytes make the readers of parameters, pictures and sound throw", () => {
  fc.assert(
    fc.property(
      nearly([0x67, 0x27]),
      nearly([0x42]),
      anyBytes,
      fc.constantFrom(0x1b, 0x24, 0x02),
      (avc, hevc, bytes, type) => {
        for (const found of [parseAvcParameters(avc), parseHevcParameters(hevc)])
          if (found) assert.ok(found.width > 0 && found.width <= 16_384 && found.height > 0 && found.height <= 16_384);
        const reader = createPictureReader(type);
        for (const unit of [avc, hevc, bytes]) reader.read(Uint8Array.of(0, 0, 1, ...unit, 0, 0, 1, ...bytes), true);
        for (const { bytes: frame } of createAdtsReader().read(bytes)) assert.ok(frame.length > 0);
      },
    ),
    { numRuns: 2000 },
  );
});

const shapes = [
  ["libx264", "yuv420p", "1918x1078", "h264", 0x1b],
  ["libx264", "yuv422p10le", "322x182", "h264", 0x1b],
  ["libx264", "yuv444p", "320x180", "h264", 0x1b],
  ["libx264 -flags +ilme+ildct -x264-params interlaced=1", "yuv420p", "720x576", "h264", 0x1b],
  ["libx265 -x265-params log-level=none", "yuv420p", "322x182", "hevc", 0x24],
  ["libx265 -x265-params log-level=none", "yuv422p10le", "640x360", "hevc", 0x24],
] as const;
for (const [codec, pixels, size, format, type] of shapes)
  test(`the header of ${format} of ${size} in ${pixels} is what ffprobe says`, { skip: mediaMissing }, async () => {
    const name = `${format}-${size}-${pixels}.${format}`;
    const input = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=25`, "-frames:v", "2"];
    await runFfmpeg([...input, "-c:v", ...codec.split(" "), "-pix_fmt", pixels, "-f", format, name]);
    const units = unitsOf(new Uint8Array(await readFile(`${mediaFolder()}/${name}`)));
    const reader = createPictureReader(type);
    const isPicture = (unit: Uint8Array) =>
      type === 0x1b ? ((unit[0] ?? 0) & 0x1f) <= 5 : (((unit[0] ?? 0) >> 1) & 0x3f) < 32;
    const first = units.slice(0, units.findIndex(isPicture) + 1);
    const sample = reader.read(Uint8Array.from(first.flatMap((unit) => [0, 0, 0, 1, ...unit])), true);
    const { entry } = reader;
    assert.ok(sample && entry);
    assert.deepEqual(`${entry.width}x${entry.height}`, size);
    const run = { id: 1, start: 0, samples: [{ bytes: sample, duration: 3600, offset: 0, key: true }] };
    const init = formatInit([{ id: 1, timescale: 90_000, entry: entry.entry, size: entry }]);
    const { streams, complaints } = await probe(new Uint8Array(Buffer.concat([init, formatFragment(1, [run])])));
    assert.deepEqual(complaints, []);
    assert.equal(streams[0]?.frames, 1);
  });
