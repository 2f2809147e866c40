// judgeFirstPackets(): what a player could begin with, and what it could not.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { judgeFirstPackets } from "../../../core/formats/first-packets.ts";

const clip = readFileSync(join(import.meta.dirname, "../../../providers/testcard/testcard-1.mpegts"));
const packet = (pid: number) =>
  Buffer.concat([Buffer.from([0x47, pid >> 8, pid & 0xff, 0x10]), Buffer.alloc(184, 0xff)]);
const many = (count: number, pid: number) => Buffer.concat(Array.from({ length: count }, () => packet(pid)));

test("judgeFirstPackets() reads the kinds of streams from PAT and PMT", () => {
  assert.deepEqual(judgeFirstPackets(clip.subarray(0, 64 * 188), false), { video: true, audio: true });
});

test("judgeFirstPackets() waits for more until it is clear", () => {
  assert.equal(judgeFirstPackets(new Uint8Array(0), false), undefined);
  assert.equal(judgeFirstPackets(packet(256), false), undefined);
  assert.equal(judgeFirstPackets(many(63, 256), false), undefined);
});

test("judgeFirstPackets() says what is wrong", () => {
  const fault = (bytes: Uint8Array, ended = true) => {
    const found = judgeFirstPackets(bytes, ended);
    return found && "fault" in found ? found.fault : assert.fail(JSON.stringify(found));
  };
  assert.match(fault(new Uint8Array(0)), /not a byte/);
  assert.match(fault(Buffer.from("<html>nothing</html>".repeat(100))), /no transport stream/);
  assert.match(fault(Buffer.concat([Buffer.from("12345"), clip.subarray(0, 18_800)]), false), /after 5 bytes/);
  assert.match(fault(many(64, 256), false), /no table of programmes \(PAT\) came within the first 64 packets/);
  const pat = clip.findIndex(
    (byte, at) => at % 188 === 0 && byte === 0x47 && ((clip[at + 1] ?? 0) & 0x1f) === 0 && clip[at + 2] === 0,
  );
  assert.match(fault(Buffer.concat([clip.subarray(pat, pat + 188), many(63, 256)]), false), /no programme map/);
});

test("judgeFirstPackets() takes any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (bytes, ended) => {
      const found = judgeFirstPackets(bytes, ended);
      assert.ok(found !== undefined || !ended);
    }),
  );
});
