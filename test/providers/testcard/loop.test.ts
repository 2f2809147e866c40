// The endless clip: nothing shows that it began anew, for hours, and decoders agree.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  counterOf,
  packetLength,
  payloadAt,
  pidOf,
  readPcr,
  readStamps,
  stampWrap,
} from "../../../core/formats/mpegts.ts";
import { createLoop } from "../../../providers/testcard/loop.ts";

const clips = ["1", "2"].map((id) =>
  readFileSync(join(import.meta.dirname, `../../../providers/testcard/testcard-${id}.mpegts`)),
);
const round = 8000;
/** Rounds until the 33 bits of a time stamp are used up: a little over 26 hours. */
const wrapRound = Math.floor(stampWrap / (round * 90));
const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

/** The bytes of a stretch of stream time. */
function record(clip: Uint8Array, from: number, to: number): Uint8Array {
  const loop = createLoop(clip, round);
  let perRound = 1;
  while (loop.batch(perRound).at < round) perRound++;
  const chunks: Uint8Array[] = [];
  for (let index = Math.floor(from / round) * perRound; loop.batch(index).at < to; index++)
    if (loop.batch(index).at >= from) chunks.push(loop.batch(index).bytes);
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

for (const [index, clip] of clips.entries()) {
  for (const [name, first] of [
    ["at its beginning", 0],
    ["after 26 hours, when stamps wrap", wrapRound - 1],
  ] as const) {
    test(`clip ${index + 1} runs on over its seam ${name}`, () => {
      const bytes = record(clip, first * round, (first + 3) * round);
      const counters = new Map<number, number>();
      const stamps = new Map<number, number[]>();
      const clocks: number[] = [];
      for (let at = 0; at < bytes.length; at += packetLength) {
        const pid = pidOf(bytes, at);
        const before = counters.get(pid);
        const step = payloadAt(bytes, at) === undefined ? 0 : 1;
        if (before !== undefined) assert.equal(counterOf(bytes, at), (before + step) & 15, `counter of PID ${pid}`);
        counters.set(pid, counterOf(bytes, at));
        const pts = readStamps(bytes, at)?.pts;
        if (pts !== undefined) stamps.set(pid, [...(stamps.get(pid) ?? []), pts]);
        const pcr = readPcr(bytes, at);
        if (pcr !== undefined) clocks.push(pcr / 300);
      }
      const steps = (list: readonly number[]) =>
        list.slice(1).map((value, at) => (value - (list[at] ?? 0) + stampWrap) % stampWrap);
      // Every picture 40 ms after the one before it: 600 in three rounds.
      assert.deepEqual(new Set(steps(stamps.get(0x100) ?? [])), new Set([3600]));
      assert.equal(stamps.get(0x100)?.length, 600);
      // Sound comes several frames to a packet, each of 1920 ticks.
      assert.ok(steps(stamps.get(0x101) ?? []).every((each) => each > 0 && each % 1920 === 0 && each <= 90_000));
      assert.ok(
        steps(clocks).every((each) => each > 0 && each <= 9000),
        "clock references come every 100 ms and never go back",
      );
    });
  }
}

test("batch() keeps the clip as it was, whatever kind of buffer it is", () => {
  const clip = Buffer.from(clips[0] ?? []);
  const loop = createLoop(clip, round);
  const early = loop.batch(3);
  for (let index = 0; index < 500; index++) loop.batch(index);
  assert.deepEqual(loop.batch(3), early);
  assert.ok(clip.equals(clips[0] ?? Buffer.alloc(0)));
});

test("clips are a few hundred KB of whole packets, batches at most 64 KiB", () => {
  assert.ok(clips.reduce((sum, { length }) => sum + length, 0) < 400_000);
  for (const clip of clips) {
    assert.equal(clip.length % packetLength, 0);
    const loop = createLoop(clip, round);
    for (let index = 0; index < 200; index++) assert.ok(loop.batch(index).bytes.length <= 65_536);
  }
});

const skip = hasFfmpeg ? false : "no ffmpeg here";

test("ffmpeg decodes 25 s without an error or a jump", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "headend-testcard-"));
  try {
    const path = join(folder, "25s.ts");
    writeFileSync(path, record(clips[0] ?? Buffer.alloc(0), 0, 25_000));
    const decoded = spawnSync("ffmpeg", ["-v", "warning", "-xerror", "-i", path, "-f", "null", "-"], {
      encoding: "utf8",
    });
    assert.equal(decoded.stderr, "");
    assert.equal(decoded.status, 0);
    const entries = ["-v", "warning", "-show_entries", "packet=stream_index,dts", "-of", "csv=p=0", path];
    const probed = spawnSync("ffprobe", entries, { encoding: "utf8" });
    assert.equal(probed.stderr, "");
    const last = new Map<string, number>();
    for (const line of probed.stdout.trim().split("\n")) {
      const [stream = "", dts = ""] = line.split(",");
      if (!dts) continue;
      assert.ok(Number(dts) > (last.get(stream) ?? -1), `stream ${stream}: ${dts} after ${last.get(stream)}`);
      last.set(stream, Number(dts));
    }
    assert.equal(last.size, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
