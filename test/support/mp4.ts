// A strict reader of fragmented MP4 for tests: walks the boxes (ISO/IEC 14496-12), and throws where one is not as it must be.
// It shares nothing with the writer of `core/formats/mp4`.
import assert from "node:assert/strict";

export interface Box {
  readonly type: string;
  /** Without its header. */
  readonly body: Uint8Array;
  /** Where it begins, in what was given. */
  readonly at: number;
}

/** Boxes one after another, to the last byte (§4.2). */
export function readBoxes(bytes: Uint8Array): Box[] {
  const boxes: Box[] = [];
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    assert.ok(at + 8 <= bytes.length, "a box is cut short");
    const size = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    assert.match(type, /^[a-zA-Z0-9 ]{4}$/);
    assert.ok(size >= 8 && at + size <= bytes.length, `${type} of ${size} bytes in ${bytes.length - at}`);
    boxes.push({ type, body: bytes.subarray(at + 8, at + size), at });
    at += size;
  }
  return boxes;
}

/** The one box at a path. */
export function boxAt(bytes: Uint8Array, ...path: readonly string[]): Box {
  const [type = "", ...rest] = path;
  const found = readBoxes(bytes).filter((box) => box.type === type);
  const [box] = found;
  assert.equal(found.length, 1, `${found.length} boxes ${type}`);
  assert.ok(box);
  return rest.length === 0 ? box : boxAt(box.body, ...rest);
}

export interface ReadTrack {
  readonly id: number;
  readonly timescale: number;
  readonly handler: string;
  /** The type of its sample entry, and the boxes in that. */
  readonly entry: string;
  readonly config: Box;
  readonly width: number;
  readonly height: number;
}

/** The tracks of an initialisation segment. */
export function readInit(bytes: Uint8Array): ReadTrack[] {
  assert.deepEqual(
    readBoxes(bytes).map(({ type }) => type),
    ["ftyp", "moov"],
  );
  const movie = boxAt(bytes, "moov").body;
  const extended = readBoxes(boxAt(movie, "mvex").body).map(({ body }) => viewOf(body).getUint32(4));
  const tracks = readBoxes(movie).filter(({ type }) => type === "trak");
  const read = tracks.map(({ body }) => {
    const header = viewOf(boxAt(body, "tkhd").body);
    const handler = String.fromCharCode(...boxAt(body, "mdia", "hdlr").body.subarray(8, 12));
    const table = boxAt(body, "mdia", "minf", "stbl").body;
    const sizes = viewOf(boxAt(table, "stsz").body);
    assert.deepEqual([sizes.getUint32(4), sizes.getUint32(8)], [0, 0], "samples in the header");
    const description = boxAt(table, "stsd").body;
    assert.equal(viewOf(description).getUint32(4), 1);
    const [entry] = readBoxes(description.subarray(8));
    assert.ok(entry);
    const [config] = readBoxes(entry.body.subarray(handler === "vide" ? 78 : 28));
    assert.ok(config);
    return {
      id: header.getUint32(12),
      timescale: viewOf(boxAt(body, "mdia", "mdhd").body).getUint32(12),
      ...{ handler, entry: entry.type, config },
      width: header.getUint32(76) / 0x10000,
      height: header.getUint32(80) / 0x10000,
    };
  });
  assert.deepEqual(
    extended,
    read.map(({ id }) => id),
  );
  return read;
}

export interface ReadSample {
  readonly duration: number;
  readonly offset: number;
  readonly key: boolean;
  readonly bytes: Uint8Array;
}

export interface ReadRun {
  readonly id: number;
  readonly start: number;
  readonly samples: readonly ReadSample[];
}

export interface ReadFragment {
  readonly sequence: number;
  readonly runs: readonly ReadRun[];
}

/** Fragments one after another; all of an `mdat` belongs to samples, and no byte to two. */
export function readFragments(bytes: Uint8Array): ReadFragment[] {
  const boxes = readBoxes(bytes);
  assert.equal(boxes.length % 2, 0);
  return boxes
    .filter((_, index) => index % 2 === 0)
    .map((movie, index) => {
      const data = boxes[index * 2 + 1];
      assert.deepEqual([movie.type, data?.type], ["moof", "mdat"]);
      let next = (data?.at ?? 0) + 8 - movie.at;
      const runs = readBoxes(movie.body)
        .filter(({ type }) => type === "traf")
        .map(({ body }) => {
          const { run, end } = readRun(body, bytes.subarray(movie.at), next);
          next = end;
          return run;
        });
      assert.equal(next, (data?.at ?? 0) + 8 + (data?.body.length ?? 0) - movie.at, "bytes of no sample");
      return { sequence: viewOf(boxAt(movie.body, "mfhd").body).getUint32(4), runs };
    });
}

/** §8.8.7, §8.8.8, §8.8.12. */
function readRun(body: Uint8Array, file: Uint8Array, from: number): { run: ReadRun; end: number } {
  const header = cursor(boxAt(body, "tfhd").body);
  const flags = header();
  assert.equal(flags & ~0x28, 0x020000, "other flags of tfhd");
  const id = header();
  const duration = (flags & 8) !== 0 ? header() : undefined;
  const sampleFlags = (flags & 0x20) !== 0 ? header() : undefined;
  const time = cursor(boxAt(body, "tfdt").body);
  assert.equal(time(), 0x01000000);
  const start = time() * 2 ** 32 + time();
  const run = cursor(boxAt(body, "trun").body);
  const said = run();
  assert.equal(said >>> 24, 1);
  assert.equal(said & 0xffffff & ~0xd00, 0x201);
  const count = run();
  let at = run();
  assert.equal(at, from, "the data of a run is not where the one before ends");
  const samples = Array.from({ length: count }, () => {
    const lasts = (said & 0x100) !== 0 ? run() : duration;
    const size = run();
    const flagged = (said & 0x400) !== 0 ? run() : sampleFlags;
    const offset = (said & 0x800) !== 0 ? run() | 0 : 0;
    assert.ok(lasts !== undefined && lasts > 0 && flagged !== undefined);
    assert.equal((flagged & 0x10000) !== 0, ((flagged >>> 24) & 3) === 1, "a key picture that depends on others");
    const sample = { duration: lasts, offset, key: (flagged & 0x10000) === 0, bytes: file.subarray(at, at + size) };
    assert.equal(sample.bytes.length, size);
    at += size;
    return sample;
  });
  assert.equal(run(), -1, "more in trun than samples");
  return { run: { id, start, samples }, end: at };
}

/** Words in order; −1 behind the last. */
function cursor(bytes: Uint8Array): () => number {
  const view = viewOf(bytes);
  let at = 0;
  return () => {
    if (at + 4 > bytes.length) return -1;
    at += 4;
    return view.getUint32(at - 4);
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
