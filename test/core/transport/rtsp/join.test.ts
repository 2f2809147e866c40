// joinMedia(): whatever a camera's clocks and packets do, what comes out goes on in time, and can be cut into segments.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packetLength, pidOf, readStamps, startsUnit } from "../../../../core/formats/mpegts.ts";
import { formatRtp } from "../../../../core/formats/rtp.ts";
import { parseSdp, payloadsOf } from "../../../../core/formats/sdp.ts";
import { joinMedia, planMedia } from "../../../../core/transport/rtsp/media.ts";
import { promptPace } from "../../../../plugins/hls/pace.ts";
import { createSegmenter } from "../../../../plugins/hls/segmenter.ts";
import { createTestClock } from "../../../support/clock.ts";

const description = [
  "m=video 0 RTP/AVP 96",
  "a=rtpmap:96 H264/90000",
  "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtoCgPaEAAAAwAQAAAyDxYuS,aM48gA==",
  "m=audio 0 RTP/AVP 97",
  "a=rtpmap:97 mpeg4-generic/48000/2",
  "a=fmtp:97 mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3",
].join("\r\n");
const tracks = parseSdp(description).media.map((medium, index) => {
  return { index, kind: medium.kind, control: "", payloads: payloadsOf(medium), medium };
});
const [pictures, sound] = tracks;
assert.ok(pictures && sound);

function rig(ordered = true) {
  const clock = createTestClock();
  const out: Uint8Array[] = [];
  const plan = planMedia(tracks, { video: "copy", audio: "auto" });
  assert.ok(plan.own);
  const { signal } = new AbortController();
  const join = joinMedia(plan.own, { clock, signal, ordered, deliver: (packets) => void out.push(packets) });
  const sequences = [0, 0];
  const base = { csrcs: [], padding: 0 };
  const send = (index: 0 | 1, payload: Uint8Array, timestamp: number) => {
    const sequence = ((sequences[index] ?? 0) + 1) & 0xffff;
    sequences[index] = sequence;
    const head = { ...base, marker: true, payloadType: 96 + index, ssrc: index + 1, sequence };
    const bytes = formatRtp({ ...head, timestamp: timestamp >>> 0, payload });
    join.push({ track: index === 0 ? pictures : sound, control: false, bytes } as Parameters<typeof join.push>[0]);
  };
  return {
    clock,
    join,
    picture: (timestamp: number, key = false, length = 400) =>
      send(
        0,
        Uint8Array.from({ length }, (_, at) => (at === 0 ? (key ? 0x65 : 0x61) : at === 1 ? 0x88 : 0xaa)),
        timestamp,
      ),
    /** A frame of AAC of 30 bytes. */
    sound: (timestamp: number) => send(1, Uint8Array.of(0, 16, 0, 30 << 3, ...Array<number>(30).fill(0x21)), timestamp),
    /** A sender report of one of the two; the wall clock in milliseconds. */
    report(index: 0 | 1, wall: number, timestamp: number) {
      const bytes = new Uint8Array(28);
      const view = new DataView(bytes.buffer);
      bytes.set([0x80, 200, 0, 6]);
      view.setUint32(4, index + 1);
      view.setUint32(8, wall / 1000);
      view.setUint32(12, ((wall % 1000) / 1000) * 2 ** 32);
      view.setUint32(16, timestamp >>> 0);
      join.push({ track: index === 0 ? pictures : sound, control: true, bytes } as Parameters<typeof join.push>[0]);
    },
    /** Seconds of every frame of a stream. */
    times: (index: 0 | 1) =>
      out.flatMap((packets) => {
        const found: number[] = [];
        for (let at = 0; at < packets.length; at += packetLength) {
          const stamps = pidOf(packets, at) === 0x100 + index && startsUnit(packets, at) && readStamps(packets, at);
          if (stamps) found.push((stamps.dts ?? stamps.pts) / 90_000);
        }
        return found;
      }),
    out,
  };
}

/** The largest and the least step. */
const steps = (times: readonly number[]) => {
  const all = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return { least: Math.min(...all), most: Math.max(...all), span: (times.at(-1) ?? 0) - (times[0] ?? 0) };
};

test("joinMedia() goes on in time where a camera's time stamps jump, stand still or run back", async () => {
  const jumps = [0, 2 ** 31, -900_000 * 90, 90_000 * 3600, -90_000 * 3, 12];
  const { clock, picture, times } = rig();
  let timestamp = 4_000_000_000;
  for (let count = 0; count < 600; count++) {
    if (count % 100 === 99) timestamp += jumps[(count / 100) | 0] ?? 0;
    picture(timestamp, count % 50 === 0);
    // For two seconds its clock stands.
    if (count < 300 || count >= 350) timestamp += 3600;
    await clock.advance(40);
  }
  const { least, most, span } = steps(times(0));
  assert.ok(least > 0, `a step of ${least} s`);
  assert.ok(most < 0.6, `a step of ${most} s`);
  assert.ok(Math.abs(span - 600 * 0.04) < 1.5, `${span} s`);
});

test("joinMedia() never goes back, whatever the time stamps are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(2 ** 32 - 1), fc.nat(3000)), { minLength: 2, maxLength: 60 }),
      async (all) => {
        const { clock, picture, times } = rig();
        for (const [timestamp, pause] of all) {
          picture(timestamp);
          await clock.advance(pause);
        }
        assert.ok(steps(times(0)).least > 0);
      },
    ),
    { numRuns: 60 },
  );
});

test("joinMedia() moves sound to its pictures by sender reports, and believes no single report that makes no sense", async () => {
  const { clock, picture, sound, report, times } = rig();
  const wall = 3_900_000_000_000;
  let [video, audio] = [0, 77_777];
  let wrong = 0;
  /** Sound was taken half a second before it comes. */
  const late = 500;
  for (let ms = 0; ms < 60_000; ms += 40) {
    picture(video, ms % 2000 === 0);
    for (; (audio - 77_777) / 48 < ms + 40; audio += 1024) sound(audio);
    if (ms % 5000 === 0 && ms > 0) {
      // Every other report is from another century.
      const nonsense = (ms / 5000) % 2 === 0 ? [3000, -4000, 86_400_000 * 400, -1e12][wrong++ % 4] : 0;
      report(0, wall + ms + (nonsense ?? 0), video);
      report(1, wall + ms - late, audio);
    }
    video += 3600;
    await clock.advance(40);
  }
  const [seen, heard] = [times(0), times(1)];
  const apart = (heard.at(-1) ?? 0) - (seen.at(-1) ?? 0);
  assert.ok(Math.abs(apart + late / 1000) < 0.1, `sound is ${apart} s after its pictures`);
  assert.ok(steps(seen).least > 0);
  // It was moved once, and stayed there.
  const jumps = heard.slice(1).filter((time, index) => Math.abs(time - (heard[index] ?? 0) - 1024 / 48_000) > 0.01);
  assert.equal(jumps.length, 1);
});

test("joinMedia() and segments of a camera without key frames for a minute are of even length, and none is missing", async () => {
  const { clock, picture, out } = rig();
  const segmenter = createSegmenter({ mayCut: promptPace(1000, 6000), mostBytes: 2 ** 24 });
  const durations: number[] = [];
  const independent: boolean[] = [];
  for (let count = 0; count <= 25 * 61; count++) {
    picture(count * 3600, count === 0 || count === 25 * 60);
    await clock.advance(40);
    for (const packets of out.splice(0))
      for (const segment of segmenter.write(packets)) {
        durations.push(segment.duration);
        independent.push(segment.independent);
      }
  }
  assert.ok((durations[0] ?? 0) <= 320, `the first segment is ${durations[0]} ms`);
  assert.ok(Math.max(...durations) <= 6000);
  assert.ok(Math.min(...durations.slice(1, -1)) >= 960);
  const sum = durations.reduce((all, each) => all + each, 0);
  assert.ok(sum >= 60_000, `${sum} ms`);
  assert.equal(independent[0], true);
  assert.equal(independent.filter((each) => !each).length, independent.length - 1);
});
