// Segments: cut at key frames, tables in front, counters legal, lengths true, whatever the stream does.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isKeyframe } from "../../../core/formats/access-unit.ts";
import { packetLength, parsePat, parsePmt, pidOf, readPcr, readStamps } from "../../../core/formats/mpegts.ts";
import { formatGapMark } from "../../../core/formats/splice.ts";
import { livePace, pastPace, planPast } from "../../../plugins/hls/pace.ts";
import { createSegmenter, type Segment, type SegmenterOptions } from "../../../plugins/hls/segmenter.ts";
import { countContinuityErrors } from "../../support/media-packets.ts";
import { concat, makePictures, mapPid, soundPid } from "./pictures.ts";

const live = { mayCut: livePace(2000, 12_000), mostBytes: 16 << 20 };

function cut(chunks: readonly Uint8Array[], options: SegmenterOptions = live): Segment[] {
  const segmenter = createSegmenter(options);
  const segments = chunks.flatMap((chunk) => segmenter.write(chunk));
  const last = segmenter.finish();
  return last ? [...segments, last] : segments;
}

const durations = (segments: readonly Segment[]) => segments.map(({ duration }) => Math.round(duration));

/** PIDs of a segment's packets; and those of a PID. */
const pidsOf = ({ bytes }: Segment) =>
  Array.from({ length: bytes.length / packetLength }, (_, index) => pidOf(bytes, index * packetLength));

const marks = (pids: readonly number[], counters = 7) => pids.map((pid) => formatGapMark(pid, counters));

test("createSegmenter() cuts at key frames, the first segment as soon as it can", () => {
  const segments = cut(makePictures());
  assert.deepEqual(durations(segments), [1000, 2000, 2000, 2000, 2000, 1000]);
  for (const segment of segments) {
    const { bytes } = segment;
    assert.ok(segment.independent && !segment.discontinuity);
    assert.deepEqual([...(parsePat(bytes, 0) ?? [])], [[1, mapPid]]);
    assert.equal(parsePmt(bytes, packetLength)?.pcrPid, 0x101);
    const first = pidsOf(segment).indexOf(0x101);
    assert.ok(isKeyframe(bytes, first * packetLength, 0x1b));
  }
  assert.equal(countContinuityErrors(concat(segments.map(({ bytes }) => bytes))), 0);
});

test("segments are the stream's packets, none lost, none twice, but for tables", () => {
  const chunks = makePictures({ count: 130 });
  const strip = (bytes: Uint8Array) =>
    Array.from({ length: bytes.length / packetLength }, (_, index) => index * packetLength)
      .filter((at) => pidOf(bytes, at) !== 0 && pidOf(bytes, at) !== mapPid)
      .map((at) => bytes.slice(at, at + packetLength).join());
  assert.deepEqual(strip(concat(cut(chunks).map(({ bytes }) => bytes))), strip(concat(chunks)));
});

test("it does not matter how the packets come, and they are not changed", () => {
  const all = concat(makePictures({ count: 200 }));
  const before = Uint8Array.from(all);
  const expected = cut([all]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
      const chunks: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const end = Math.min(all.length, at + (sizes[turn % sizes.length] ?? 1) * packetLength);
        chunks.push(all.subarray(at, end));
        at = end;
      }
      assert.deepEqual(cut(chunks), expected);
    }),
    { numRuns: 20 },
  );
  assert.deepEqual(all, before);
});

test("time stamps may wrap", () => {
  assert.deepEqual(durations(cut(makePictures({ pts: 2 ** 33 - 300_000 }))), [1000, 2000, 2000, 2000, 2000, 1000]);
});

test("without key frames time decides, and says that such a segment does not stand alone", () => {
  const segments = cut(makePictures({ gop: 0, count: 750 }));
  assert.deepEqual(durations(segments), [4000, 12_000, 12_000, 2000]);
  assert.deepEqual(
    segments.map(({ independent }) => independent),
    [true, false, false, false],
  );
});

test("a segment does not outgrow its bytes, with key frames or without", () => {
  const segments = cut(makePictures({ gop: 0, size: 20, count: 500 }), { ...live, mostBytes: 300_000 });
  assert.ok(segments.length > 5);
  for (const { bytes } of segments) assert.ok(bytes.length < 310_000);
});

test("a stream whose pictures stop goes on by its clock", () => {
  const pictures = makePictures({ count: 50 });
  const radio = makePictures({ radio: true, count: 1000, pts: 900_000 + 50 * 3600 }).map((chunk) => {
    // The clock goes on where it was said to be, in packets without a picture.
    const kept = chunk.slice(-packetLength);
    kept.set([0x47, 0x01, 0x01, 0x20 | ((kept[3] ?? 0) % 16)]);
    return kept;
  });
  const segments = cut([...pictures, ...radio]);
  const total = segments.reduce((sum, { duration }) => sum + duration, 0);
  assert.ok(Math.abs(total - 42_000) < 4000, `${total} ms`);
  assert.ok(segments.length > 3);
});

test("sound alone is cut by its own time", () => {
  const segments = cut(makePictures({ radio: true }));
  assert.deepEqual(durations(segments), [520, 1920, 1920, 1920, 1920, 1800]);
  assert.ok(segments.every(({ independent }) => independent));
});

test("what is scrambled is cut by the indicators and the clock", () => {
  const chunks = makePictures({ scrambled: true });
  const total = durations(cut(chunks)).reduce((sum, each) => sum + each, 0);
  assert.ok(total > 9800 && total <= 10_000, `${total} ms`);
});

test("a splice that the hub marked begins a new segment with the next key frame, and has its marks", () => {
  const before = makePictures({ count: 60 });
  const after = makePictures({ count: 110, pts: 5_000_000, counter: 9 });
  // Not from its beginning: four pictures that nothing can decode, as after a gap.
  const segments = cut([...before, ...marks([0, mapPid, 0x101]), ...after.slice(21)]);
  assert.deepEqual(durations(segments), [1000, 1400, 2000, 1400]);
  assert.deepEqual(
    segments.map(({ discontinuity }) => discontinuity),
    [false, false, true, false],
  );
  const spliced = segments[2];
  assert.ok(spliced?.independent);
  assert.equal(
    readStamps(spliced.bytes, pidsOf(spliced).lastIndexOf(soundPid) * packetLength)?.pts,
    5_000_000 + 74 * 3600,
  );
  assert.equal(countContinuityErrors(concat(segments.map(({ bytes }) => bytes))), 0);
});

test("a mark for the clock that comes after the picture begins nothing again", () => {
  const after = makePictures({ count: 75, pts: 5_000_000 });
  const [first = new Uint8Array(0), ...rest] = after;
  const segments = cut([...makePictures({ count: 25 }), ...marks([0]), first, ...marks([0x101]), ...rest]);
  assert.deepEqual(
    segments.map(({ discontinuity, duration }) => [discontinuity, Math.round(duration)]),
    [
      [false, 1000],
      [true, 2000],
      [false, 1000],
    ],
  );
});

test("a jump of time that nobody announced is a discontinuity; one that was announced and is none, is none", () => {
  const jumped = cut([...makePictures({ count: 50 }), ...makePictures({ count: 50, pts: 50_000_000 })]);
  assert.deepEqual(
    jumped.map(({ discontinuity, duration }) => [discontinuity, Math.round(duration)]),
    [
      [false, 1000],
      [false, 1000],
      [true, 2000],
    ],
  );
  const flagged = makePictures({ count: 50 }).map((chunk) => {
    const copy = Uint8Array.from(chunk);
    for (let at = 0; at < copy.length; at += packetLength)
      if (readPcr(copy, at) !== undefined) copy[at + 5] = (copy[at + 5] ?? 0) | 0x80;
    return copy;
  });
  assert.deepEqual(
    cut(flagged).map(({ discontinuity }) => discontinuity),
    [false, false],
  );
});

test("other streams in the programme begin a new segment with a discontinuity", () => {
  const segments = cut([...makePictures({ count: 50 }), ...makePictures({ count: 50, pts: 1_080_000, pid: 0x111 })]);
  assert.deepEqual(
    segments.map(({ discontinuity }) => discontinuity),
    [false, false, true],
  );
  assert.equal(parsePmt(segments[2]?.bytes ?? new Uint8Array(0), packetLength)?.pcrPid, 0x111);
});

test("with a start, stamps and clock go on from there, over jumps too", () => {
  const plan = planPast(0, 10_000);
  const options = { mayCut: pastPace(plan, 0), mostBytes: 16 << 20, start: 900_000 };
  const jumps = [...makePictures({ count: 110, pts: 7 }), ...makePictures({ count: 140, pts: 2 ** 33 - 9_000_000 })];
  const segments = cut(jumps, options);
  assert.deepEqual(
    segments.map(({ duration }) => Math.round(duration / 1000)),
    [2, 2, 2, 4],
  );
  const bytes = concat(segments.map((segment) => segment.bytes));
  const expected = Array.from({ length: 250 }, (_, index) => 900_000 + index * 3600);
  const stampsOf = (wanted: number) =>
    Array.from({ length: bytes.length / packetLength }, (_, index) => index * packetLength)
      .filter((at) => pidOf(bytes, at) === wanted)
      .flatMap((at) => readStamps(bytes, at)?.pts ?? []);
  assert.deepEqual(stampsOf(0x101), expected);
  assert.deepEqual(stampsOf(soundPid), expected);
});

test("with a start, a gap that the hub marked ends it, and what came before it is left", () => {
  const segmenter = createSegmenter({ mayCut: pastPace(planPast(0, 10_000), 0), mostBytes: 16 << 20, start: 0 });
  const chunks = makePictures({ count: 60 });
  const made = chunks.flatMap((chunk) => segmenter.write(chunk));
  assert.equal(segmenter.gapped, false);
  for (const mark of marks([0, mapPid, 0x101])) made.push(...segmenter.write(mark));
  assert.equal(segmenter.gapped, true);
  assert.deepEqual(made.concat(segmenter.write(chunks[0] ?? new Uint8Array())).length, 1);
  assert.equal(segmenter.finish()?.duration, 400);
  assert.equal(segmenter.finish(), undefined);
});

test("no packets make it throw, and every segment is whole", () => {
  const pids = fc.constantFrom(0, mapPid, 0x101, soundPid);
  const hostile = fc.array(
    fc.record({
      pid: pids,
      head: fc.uint8Array({ minLength: 2, maxLength: 2 }),
      body: fc.uint8Array({ maxLength: 40 }),
    }),
  );
  fc.assert(
    fc.property(hostile, (parts) => {
      const [first = new Uint8Array(0), ...rest] = makePictures({ count: 60 });
      const packets = parts.map(({ pid, head, body }) => {
        const bytes = new Uint8Array(packetLength);
        bytes.set([0x47, ((head[0] ?? 0) & 0xe0) | (pid >> 8), pid & 0xff, head[1] ?? 0, ...body]);
        return bytes;
      });
      for (const { bytes, duration } of cut([first, ...packets, ...rest])) {
        assert.equal(bytes.length % packetLength, 0);
        assert.ok(duration >= 0 && Number.isFinite(duration));
      }
    }),
    { numRuns: 300 },
  );
});
