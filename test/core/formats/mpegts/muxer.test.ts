// The muxer: what our own reader finds in it, and what ffprobe says of real pictures and sound that went through it.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import { createProgrammeReader, programmeFlags } from "../../../../core/formats/keyframe.ts";
import { createMuxer } from "../../../../core/formats/mpegts/muxer.ts";
import { packetLength, payloadAt, pidOf, readPcr, readStamps, startsUnit } from "../../../../core/formats/mpegts.ts";
import { createH264Reader } from "../../../../core/formats/rtp/h264.ts";
import { convertClip, countContinuityErrors, makeClip, mediaMissing, probe } from "../../../support/media.ts";
import { packetise, parsed, splitUnits } from "../rtp/packetise.ts";
import { someFrames } from "./frames.ts";

const streams = [
  { type: 0x1b, kind: "video" },
  { type: 0x0f, kind: "audio" },
] as const;

test("createMuxer() gives back every byte and every time, with tables in front and no counter missed", () => {
  fc.assert(
    fc.property(someFrames, fc.integer({ min: 0, max: 2 ** 33 - 1 }), (frames, start) => {
      const muxer = createMuxer(streams);
      const given = frames.map(({ stream, length, key, ahead }, index) => ({
        stream,
        bytes: Uint8Array.from({ length }, (_, at) => (at * 7 + index) & 0xff),
        dts: start + index * 3600,
        pts: start + index * 3600 + (stream === 0 ? ahead : 0),
        key,
      }));
      const out = new Uint8Array(Buffer.concat(given.map(({ stream, ...frame }) => muxer.write(stream, frame))));
      assert.equal(countContinuityErrors(out), 0);
      const reader = createProgrammeReader();
      const found: { pid: number; parts: Uint8Array[]; pts: number; dts: number; key: boolean }[] = [];
      for (let at = 0; at < out.length; at += packetLength) {
        const flags = reader.read(out, at);
        if (at < 2 * packetLength) assert.ok((flags & (programmeFlags.pat | programmeFlags.pmt)) !== 0);
        const pid = pidOf(out, at);
        if (pid < 0x100 || pid > 0x101) continue;
        const payload = payloadAt(out, at) ?? 0;
        const open = found.findLast((each) => each.pid === pid);
        if (!startsUnit(out, at)) {
          open?.parts.push(out.subarray(payload, at + packetLength));
          continue;
        }
        const { pts = -1, dts = pts } = readStamps(out, at) ?? {};
        const header = 9 + (out[payload + 8] ?? 0);
        const key = (out[at + 3] ?? 0) & 0x20 && (out[at + 4] ?? 0) > 0 ? ((out[at + 5] ?? 0) & 0x40) !== 0 : false;
        found.push({ pid, parts: [out.subarray(payload + header, at + packetLength)], pts, dts, key });
        const clock = readPcr(out, at);
        if (pid !== 0x100) assert.equal(clock, undefined);
        else assert.equal(clock, ((dts - 18_000 + 2 ** 33) % 2 ** 33) * 300);
      }
      assert.equal(found.length, given.length);
      for (const [index, { pid, parts, pts, dts, key }] of found.entries()) {
        const wanted = given[index];
        assert.equal(pid, 0x100 + (wanted?.stream ?? 0));
        assert.equal(Buffer.compare(Buffer.concat(parts), wanted?.bytes ?? new Uint8Array(0)), 0);
        assert.equal(pts, (wanted?.pts ?? 0) % 2 ** 33);
        assert.equal(dts, (wanted?.dts ?? 0) % 2 ** 33);
        assert.equal(key, wanted?.key);
      }
      assert.equal(reader.programme?.pcrPid, 0x100);
      assert.deepEqual(
        reader.programme?.streams.map(({ pid, type, kind }) => ({ pid, type, kind })),
        streams.map((stream, index) => ({ pid: 0x100 + index, ...stream })),
      );
    }),
    { numRuns: 60 },
  );
});

test("createMuxer() repeats its tables four times a second, and before every key frame", () => {
  const muxer = createMuxer([{ type: 0x1b, kind: "video" }]);
  const bytes = new Uint8Array(100);
  const tabled = Array.from({ length: 25 }, (_, index) => {
    const dts = index * 3600;
    return muxer.write(0, { bytes, pts: dts, key: index === 10 }).length > packetLength;
  });
  assert.deepEqual(
    tabled.flatMap((yes, index) => (yes ? [index] : [])),
    [0, 7, 10, 17, 24],
  );
});

test("createMuxer() makes a stream that ffprobe decodes whole, of pictures that came by RTP", {
  skip: mediaMissing,
  timeout: 60_000,
}, async () => {
  const path = await convertClip(await makeClip("h264", { seconds: 3 }), "muxer.h264", ["-an", "-f", "h264"]);
  const units = splitUnits(new Uint8Array(await readFile(path)));
  // One slice a picture: what is none belongs to the one after it.
  const access: Uint8Array[][] = [[]];
  for (const unit of units) {
    access.at(-1)?.push(unit);
    if (((unit[0] ?? 0) & 0x1f) <= 5) access.push([]);
  }
  const pictures = access.filter((each) => each.length > 0);
  const reader = createH264Reader();
  const muxer = createMuxer([{ type: 0x1b, kind: "video" }]);
  const frames = packetise(pictures, { codec: "h264", aggregate: true }).flatMap((packet) =>
    reader.push(parsed(packet)),
  );
  const out = new Uint8Array(
    Buffer.concat(frames.map(({ bytes, timestamp, key }) => muxer.write(0, { bytes, key, pts: 90_000 + timestamp }))),
  );
  const { format, streams, complaints } = await probe(out, { args: ["-v", "warning"] });
  assert.equal(format, "mpegts");
  assert.deepEqual(streams, [{ type: "video", codec: "h264", frames: 75 }]);
  assert.deepEqual(complaints, []);
  assert.equal(frames.filter(({ key }) => key).length, 3);
});
