// The media support itself: a count that is always zero would make every test that rests on it worthless.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { countContinuityErrors, makeClip, mediaMissing, probe, readClip } from "./media.ts";

const kinds = [
  ["h264", "h264", "aac"],
  ["mpeg2", "mpeg2video", "mp2"],
  ["hevc", "hevc", "aac"],
] as const;

for (const [kind, video, audio] of kinds)
  test(`makeClip() makes ${video} and ${audio}, whole`, { skip: mediaMissing, timeout: 60_000 }, async () => {
    const bytes = await readClip(kind, { seconds: 2 });
    const { format, streams } = await probe(bytes);
    assert.equal(format, "mpegts");
    assert.deepEqual(
      streams.map(({ codec }) => codec),
      [video, audio],
    );
    assert.equal(streams[0]?.frames, 50);
    assert.equal(countContinuityErrors(bytes), 0);
    assert.equal(await makeClip(kind, { seconds: 2 }), await makeClip(kind, { seconds: 2 }));
  });

test("countContinuityErrors() counts a packet that is gone, one that comes thrice, and bytes that are none", {
  skip: mediaMissing,
  timeout: 60_000,
}, async () => {
  const bytes = await readClip("h264", { seconds: 2 });
  const packet = (index: number) => bytes.slice(index * 188, index * 188 + 188);
  const index =
    [...Array(bytes.length / 188).keys()].find((at) => at > 100 && ((bytes[at * 188 + 3] ?? 0) & 0x30) === 0x10) ?? 0;
  const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  const before = bytes.slice(0, index * 188);
  const after = bytes.slice(index * 188 + 188);
  assert.equal(countContinuityErrors(join(before, after)), 1);
  assert.equal(
    countContinuityErrors(join(before, packet(index), packet(index), after)),
    0,
    "one repetition is allowed",
  );
  assert.equal(countContinuityErrors(join(before, packet(index), packet(index), packet(index), after)), 1);
  assert.equal(countContinuityErrors(join(before, new Uint8Array(188), packet(index), after)), 1);
});
