// Fragmented MP4 out of transport streams: real pictures as ffmpeg reads them, and streams that jump, change and lie.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packetLength } from "../../../core/formats/mpegts.ts";
import { formatGapMark } from "../../../core/formats/splice.ts";
import { createFragmenter, type Fragmenter, type FragmenterOptions } from "../../../plugins/hls/fragmenter.ts";
import { livePace, promptPace } from "../../../plugins/hls/pace.ts";
import type { Piece } from "../../../plugins/hls/run.ts";
import { makeClip, mediaMissing, probe, readClip, runTool } from "../../support/media.ts";
import { readFragments, readInit } from "../../support/mp4.ts";
import { concat, makePictures, mapPid, soundPid } from "./pictures.ts";

const live: FragmenterOptions = { mayCut: livePace(2000, 12_000), mostBytes: 16 << 20 };
const parts: FragmenterOptions = { mayCut: promptPace(2000, 12_000), mostBytes: 16 << 20, part: 300 };

function cut(chunks: readonly Uint8Array[], o = live, by: Fragmenter = createFragmenter(o)): Piece[] {
  return [...chunks.flatMap((chunk) => by.write(chunk)), ...by.finish()];
}

/** `map`, and of every segment the lengths of its parts; `!` where it does not continue, `*` where a part is independent. */
function outline(pieces: readonly Piece[]): string {
  return pieces
    .map((piece) => {
      if (piece.kind === "part") return ` ${Math.round(piece.duration)}${piece.independent ? "*" : ""}`;
      return piece.kind === "map" ? "map " : piece.kind === "close" ? "] " : piece.discontinuity ? "![" : "[";
    })
    .join("")
    .trim();
}

const filesOf = (pieces: readonly Piece[]) =>
  concat(pieces.flatMap((piece) => ("bytes" in piece ? [piece.bytes] : [])));
/** Samples of a track, one after another; their times must join within a segment. */
function samplesOf(pieces: readonly Piece[], id: number) {
  return pieces.flatMap((piece) =>
    piece.kind === "part"
      ? readFragments(piece.bytes).flatMap(({ runs }) =>
          runs
            .filter((run) => run.id === id)
            .flatMap(({ start, samples }) => {
              let at = start;
              return samples.map((sample) => {
                const timed = { ...sample, at };
                at += sample.duration;
                return timed;
              });
            }),
        )
      : [],
  );
}
const made = (o: Parameters<typeof makePictures>[0] = {}) => makePictures({ coded: 320, ...o });
const marks = (pids: readonly number[]) => pids.map((pid) => formatGapMark(pid, 7));

test("createFragmenter() cuts where a transport stream is cut, and loses no picture and no sound", () => {
  const pieces = cut(made());
  assert.equal(outline(pieces), "map [ 1000*] [ 2000*] [ 2000*] [ 2000*] [ 2000*] [ 1000*]");
  const pictures = samplesOf(pieces, 1);
  assert.deepEqual(
    pictures.map(({ at }) => at),
    Array.from({ length: 250 }, (_, index) => 900_000 + index * 3600),
  );
  assert.deepEqual(
    pictures.flatMap(({ key }, index) => (key ? [index] : [])),
    Array.from({ length: 10 }, (_, index) => index * 25),
  );
  const sound = samplesOf(pieces, 2);
  assert.equal(sound.length, Math.ceil((250 * 3600) / 1920));
  assert.deepEqual(
    sound.map(({ at }) => at),
    Array.from(sound, (_, index) => 480_000 + index * 1024),
  );
  assert.ok(sound.every(({ bytes }) => bytes.length === 9));
});

test("parts hold whole pictures, as many as fit; the last of a segment what is left", () => {
  const pieces = cut(made({ count: 130 }), parts);
  assert.equal(
    outline(pieces),
    "map [ 320*] [ 320 320 40] [ 320* 320 320 320 320 320 80] [ 320* 320 320 320 320 320 80] [ 200*]",
  );
  assert.deepEqual(
    samplesOf(pieces, 1).map(({ at }) => at),
    Array.from({ length: 130 }, (_, index) => 900_000 + index * 3600),
  );
});

test("parameter sets are in the header, and not in samples", () => {
  const pieces = cut(made({ count: 30 }));
  const [map] = pieces.flatMap((piece) => (piece.kind === "map" ? [piece.bytes] : []));
  const [track] = readInit(map ?? new Uint8Array());
  assert.equal(track?.config.type, "avcC");
  assert.deepEqual([track?.width, track?.height], [320, 180]);
  const types = samplesOf(pieces, 1).map(({ bytes }) => (bytes[4] ?? 0) & 0x1f);
  assert.deepEqual(new Set(types), new Set([5, 1]));
});

test("other parameters begin a new segment with a header of their own, and a discontinuity", () => {
  const chunks = [...made({ count: 60 }), ...makePictures({ coded: 640, count: 50, pts: 900_000 + 60 * 3600 })];
  const pieces = cut(chunks);
  // The counters jump where the two meet: nobody knows whether the last picture before is whole.
  assert.equal(outline(pieces), "map [ 1000*] [ 1360*] map ![ 2000*]");
  const widths = pieces.flatMap((piece) => (piece.kind === "map" ? [readInit(piece.bytes)[0]?.width] : []));
  assert.deepEqual(widths, [320, 640]);
});

test("sound of another make waits for the next key picture, and pictures go on", () => {
  const change = made({ count: 100 }).map((chunk, index) => {
    if (index < 40) return chunk;
    const copy = Uint8Array.from(chunk);
    // Every header of AAC: 48 kHz becomes 32 kHz.
    for (let at = 0; at + 4 < copy.length; at++)
      if (copy[at] === 0xff && copy[at + 1] === 0xf1 && copy[at + 2] === 0x4c) copy[at + 2] = 0x54;
    return copy;
  });
  const pieces = cut(change);
  assert.equal(outline(pieces), "map [ 1000*] [ 1000*] map ![ 2000*]");
  assert.equal(samplesOf(pieces, 1).length, 100);
  const rates = pieces.flatMap((piece) => (piece.kind === "map" ? [readInit(piece.bytes)[1]?.timescale] : []));
  assert.deepEqual(rates, [48_000, 32_000]);
});

test("a splice that the hub marked, and a jump that nobody did, are discontinuities that begin with a key picture", () => {
  const after = made({ count: 60, pts: 50_000_000 });
  for (const between of [marks([0, mapPid, 0x101]), []]) {
    // The first pictures need one that is gone.
    const pieces = cut([...made({ count: 60 }), ...between, ...after.slice(5)]);
    assert.equal(outline(pieces), "map [ 1000*] [ 1360*] map ![ 1400*]");
    assert.ok(samplesOf(pieces, 1).every(({ at }) => at < 900_000 + 60 * 3600 || at >= 50_000_000));
  }
});

test("marks of other PIDs that come after the first picture do not end it again", () => {
  const [first = new Uint8Array(), ...rest] = made({ count: 50, pts: 5_000_000 });
  const pieces = cut([...made({ count: 25 }), ...marks([0, 0x101]), first, ...marks([mapPid, soundPid]), ...rest]);
  assert.equal(outline(pieces), "map [ 960*] map ![ 2000*]");
});

test("time stamps may wrap", () => {
  const pieces = cut(made({ pts: 2 ** 33 - 300_000, count: 100 }));
  assert.equal(outline(pieces), "map [ 1000*] [ 2000*] [ 1000*]");
  assert.deepEqual(
    samplesOf(pieces, 1).map(({ at }) => at),
    Array.from({ length: 100 }, (_, index) => 2 ** 33 - 300_000 + index * 3600),
  );
  const [sound] = samplesOf(pieces, 2);
  assert.ok(Math.abs((sound?.at ?? 0) / 48_000 - (2 ** 33 - 300_000) / 90_000) < 0.05);
});

test("sound that is announced and never comes is waited for, but not long", () => {
  assert.equal(outline(cut(made({ count: 100, silent: true }))), "map [ 1000*] [ 2000*] [ 1000*]");
  const [map] = cut(made({ count: 60, silent: true }), parts);
  assert.deepEqual(map?.kind === "map" && readInit(map.bytes).map(({ entry }) => entry), ["avc1"]);
});

test("when pictures stop, sound goes on by itself, and pictures come back", () => {
  const pictures = made({ count: 400 });
  const gone = pictures.map((chunk, index) => {
    if (index < 60 || index > 300) return chunk;
    // Only sound is left, and what tables there are.
    const kept: number[] = [];
    for (let at = 0; at < chunk.length; at += packetLength)
      if (((((chunk[at + 1] ?? 0) & 0x1f) << 8) | (chunk[at + 2] ?? 0)) !== 0x101)
        kept.push(...chunk.subarray(at, at + packetLength));
    return Uint8Array.from(kept);
  });
  const pieces = cut(gone, parts);
  const total = pieces.reduce((sum, piece) => sum + (piece.kind === "part" ? piece.duration : 0), 0);
  assert.ok(total > 14_000 && total < 17_000, `${total} ms`);
  assert.ok(samplesOf(pieces, 1).at(-1)?.at ?? 0 > 900_000 + 300 * 3600);
});

test("what cannot be MP4 says why, and gives nothing", () => {
  for (const [chunks, reason] of [
    [made({ types: [0x02, 0x0f] }), "its pictures are neither H.264 nor H.265"],
    [made({ types: [0x1b, 0x81] }), "its sound is not AAC in ADTS"],
    [made({ scrambled: true }), "it is scrambled"],
    [makePictures(), "what its H.264 is coded with cannot be read"],
  ] as const) {
    const by = createFragmenter(live);
    assert.deepEqual(cut(chunks, live, by), []);
    assert.equal(by.unfit, reason);
  }
});

test("it does not matter how packets come", () => {
  const all = concat(made({ count: 130 }));
  const expected = cut([all], parts);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
      const chunks: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const end = Math.min(all.length, at + (sizes[turn % sizes.length] ?? 1) * packetLength);
        chunks.push(all.subarray(at, end));
        at = end;
      }
      assert.deepEqual(cut(chunks, parts), expected);
    }),
    { numRuns: 10 },
  );
});

test("hostile packets make it neither throw nor write what cannot be read", () => {
  const hostile = fc.array(
    fc.record({
      place: fc.nat({ max: 79 }),
      pid: fc.constantFrom(0, mapPid, 0x101, soundPid),
      head: fc.uint8Array({ minLength: 2, maxLength: 2 }),
      body: fc.uint8Array({ maxLength: 60 }),
    }),
    { maxLength: 12 },
  );
  const chunks = made({ count: 80 });
  fc.assert(
    fc.property(hostile, fc.boolean(), (packets, inParts) => {
      const mixed = chunks.map((chunk, index) => {
        const more = packets
          .filter(({ place }) => place === index)
          .map(({ pid, head, body }) => {
            const bytes = new Uint8Array(packetLength);
            bytes.set([0x47, ((head[0] ?? 0) & 0xe0) | (pid >> 8), pid & 0xff, head[1] ?? 0, ...body]);
            return bytes;
          });
        return concat([...more, chunk]);
      });
      let open = false;
      let mapped = 0;
      for (const piece of cut(mixed, inParts ? parts : live)) {
        if (piece.kind === "map") mapped = readInit(piece.bytes).length;
        else if (piece.kind === "open") {
          assert.ok(!open && mapped > 0);
          open = true;
        } else if (piece.kind === "close") open = false;
        else {
          assert.ok(open && piece.duration > 0 && Number.isFinite(piece.duration));
          assert.equal(readFragments(piece.bytes).length, 1);
        }
      }
    }),
    { numRuns: 150 },
  );
});

for (const [kind, o] of [
  ["h264", live],
  ["h264", parts],
  ["hevc", live],
  ["hevc", parts],
] as const)
  test(`ffmpeg decodes ${kind} ${o.part ? "in parts" : "in segments"} without a word`, {
    skip: mediaMissing,
  }, async () => {
    const clip = await readClip(kind, { seconds: 6, gop: 50 });
    const file = filesOf(cut([clip], o));
    const { streams, complaints } = await probe(file);
    assert.deepEqual(complaints, []);
    const before = await probe(await makeClip(kind, { seconds: 6, gop: 50 }));
    const frames = (of: typeof streams, type: string) => of.find((stream) => stream.type === type)?.frames ?? 0;
    assert.equal(frames(streams, "video"), frames(before.streams, "video"));
    assert.ok(Math.abs(frames(streams, "audio") - frames(before.streams, "audio")) <= 2);
    const played = await runTool("ffmpeg", ["-nostdin", "-v", "warning", "-i", "pipe:0", "-f", "null", "-"], {
      input: file,
    });
    assert.deepEqual([played.code, played.stderr], [0, ""]);
  });
