// A session's join(): one transport stream out of segments, live and not, whatever upstream does.
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { describe, it } from "node:test";
import { countContinuityErrors } from "../../../support/media-packets.ts";
import {
  advanceUntil,
  assertBytes,
  live,
  playlistOf,
  type Reading,
  type Rig,
  readJoin,
  rig,
  segmentOf,
  segmentsIn,
  until,
  useRig,
} from "./rig.ts";

useRig();

const size = segmentOf(0).length;
/** Slides the window on, a segment a second, until the number; reads meanwhile. */
const slide = async (reading: Reading, from: number, to: number, shown?: Parameters<typeof playlistOf>[2]) => {
  for (let last = from; last <= to && !reading.done; last++) {
    live(last - 4, last, shown);
    await advanceUntil(rig.clock, () => reading.done || segmentsIn(reading.bytes).includes(last), 2000).catch(() => {});
  }
};

describe("join()", () => {
  it("begins three segments before the live edge at once, and goes on as they come, each fetched once", async () => {
    live(10, 14);
    const reading = readJoin(rig.open());
    await until(() => segmentsIn(reading.bytes).includes(14));
    assert.deepEqual(segmentsIn(reading.bytes), [12, 13, 14]);
    await slide(reading, 15, 20);
    assert.deepEqual(segmentsIn(reading.bytes), [12, 13, 14, 15, 16, 17, 18, 19, 20]);
    assert.equal(countContinuityErrors(reading.bytes), 0);
    assert.deepEqual(reading.gaps, []);
    for (let sequence = 12; sequence <= 20; sequence++) assert.equal(rig.count(`/seg${sequence}.ts`), 1);
    assert.ok(rig.count("/main.m3u8") <= 14, `${rig.count("/main.m3u8")} loads in some seven seconds`);
    await reading.stop();
    assert.equal(rig.clock.sleeping, 0);
  });

  it("gives bytes while the segment comes", async () => {
    live(1, 1);
    rig.answers.set("/seg1.ts", (_, response) => response.write(segmentOf(1).subarray(0, 3000)));
    const reading = readJoin(rig.open());
    await until(() => reading.bytes.length > 0, "the first packets");
    assert.equal(reading.bytes.length % 188, 0);
    await reading.stop();
  });

  it("reads an archive to its end, no further ahead than one segment", async () => {
    live(1, 30, { ended: true });
    const session = rig.open();
    const iterator = session.join(() => {}, new AbortController().signal)[Symbol.asyncIterator]();
    await iterator.next();
    await until(() => rig.requests.length === 3);
    for (let turn = 0; turn < 50; turn++) await rig.clock.advance(100);
    assert.equal(rig.requests.length, 3, rig.requests.join(" "));
    let bytes = 0;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) bytes += next.value.length;
    assert.ok(bytes >= 29 * size);
    assert.equal(rig.requests.length, 31);
  });

  it("takes the best variant that fits, with its audio inside where it cannot be joined from elsewhere", async () => {
    rig.answers.set(
      "/main.m3u8",
      [
        ...["#EXTM3U", '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",DEFAULT=YES,URI="audio.m3u8"'],
        ...['#EXT-X-STREAM-INF:BANDWIDTH=9000,RESOLUTION=8x8,AUDIO="a"', "apart.m3u8"],
        ...['#EXT-X-STREAM-INF:BANDWIDTH=100,CODECS="mp4a.40.2"', "sound.m3u8"],
        ...["#EXT-X-STREAM-INF:BANDWIDTH=3000,RESOLUTION=4x4", "hi.m3u8"],
        ...["#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=2x2", "lo.m3u8", ""],
      ].join("\n"),
    );
    for (const name of ["hi", "lo", "apart", "sound", "audio"])
      rig.answers.set(`/${name}.m3u8`, playlistOf(1, 1, { ended: true }));
    rig.answers.set("/seg1.ts", segmentOf(1));
    const asked = async (setup: Parameters<Rig["open"]>[0]) => {
      rig.requests.length = 0;
      const reading = readJoin(rig.open(setup));
      await until(() => reading.done);
      return rig.requests.filter((path) => path.endsWith("m3u8") && path !== "/main.m3u8");
    };
    assert.deepEqual(await asked({}), ["/hi.m3u8"]);
    assert.deepEqual(await asked({ maxBandwidth: 2000 }), ["/lo.m3u8"]);
    assert.deepEqual(await asked({ maxBandwidth: 10 }), ["/lo.m3u8"]);
    const inputs: number[] = [];
    const remux = (sources: AsyncIterable<Uint8Array>[]) => {
      inputs.push(sources.length);
      return { kind: "ts", chunks: sources[0] ?? [] } as const;
    };
    assert.deepEqual((await asked({ remux: remux as never })).sort(), ["/apart.m3u8", "/audio.m3u8"]);
    assert.deepEqual(inputs, [2]);
  });

  it("takes the next best variant when one cannot be had, and says what is wrong with the best when none can", async () => {
    const lines = ["hi", "mid", "lo"].flatMap((name, at) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${3000 - at * 1000}`,
      `${name}.m3u8`,
    ]);
    rig.answers.set("/main.m3u8", ["#EXTM3U", ...lines, ""].join("\n"));
    rig.answers.set("/mid.m3u8", "<html>not found</html>");
    rig.answers.set("/lo.m3u8", playlistOf(1, 2, { ended: true }));
    rig.answers.set("/seg1.ts", segmentOf(1));
    rig.answers.set("/seg2.ts", segmentOf(2));
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.equal(reading.error, undefined);
    assertBytes(reading.bytes, new Uint8Array([...segmentOf(1), ...segmentOf(2)]));
    rig.answers.delete("/lo.m3u8");
    const failing = readJoin(rig.open());
    await until(() => failing.done);
    assert.match(String(failing.error), /hi\.m3u8/);
  });

  it("decrypts AES-128, with the vector given and with that of the number, padded or not", async () => {
    const secret = new Uint8Array(16).fill(7);
    rig.answers.set("/key", secret);
    const encrypt = (sequence: number, vector: Uint8Array, padding: boolean) => {
      const cipher = createCipheriv("aes-128-cbc", secret, vector).setAutoPadding(padding);
      return new Uint8Array([...cipher.update(segmentOf(sequence)), ...cipher.final()]);
    };
    const counted = (sequence: number) => new Uint8Array(16).fill(0).map((_, at) => (at === 15 ? sequence : 0));
    rig.answers.set("/seg1.ts", encrypt(1, counted(1), true));
    rig.answers.set("/seg2.ts", encrypt(2, new Uint8Array(16).fill(9), false));
    rig.answers.set("/seg3.ts", segmentOf(3));
    const keys = [
      ...['#EXT-X-KEY:METHOD=AES-128,URI="key"', `#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x${"09".repeat(16)}`],
      "#EXT-X-KEY:METHOD=NONE",
    ];
    live(1, 3, { ended: true, before: (sequence) => keys[sequence - 1] });
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.equal(reading.error, undefined);
    assertBytes(reading.bytes, new Uint8Array([...segmentOf(1), ...segmentOf(2), ...segmentOf(3)]));
    assert.equal(rig.count("/key"), 1);
  });

  it("refuses what is protected otherwise, with a sentence", async () => {
    live(1, 1, {
      before: () => '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"',
    });
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.match(String(reading.error), /protected by SAMPLE-AES with a licence/);
    rig.answers.set("/bad", "too short");
    live(1, 4, { ended: true, before: () => '#EXT-X-KEY:METHOD=AES-128,URI="bad"' });
    const short = readJoin(rig.open());
    await until(() => short.done);
    assert.match(String(short.error), /key has 9 bytes/);
  });

  it("marks a discontinuity, and counters that begin anew without one", async () => {
    for (const sequence of [1, 2, 3, 4]) {
      const bytes = segmentOf(sequence, 30);
      for (let at = 0; at < bytes.length; at += 188) bytes[at + 3] = 0x10 | ((at / 188) & 0x0f);
      rig.answers.set(`/seg${sequence}.ts`, bytes);
    }
    live(1, 4, { ended: true, before: (sequence) => (sequence === 3 ? "#EXT-X-DISCONTINUITY" : undefined) });
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.deepEqual(segmentsIn(reading.bytes), [1, "-", 2, "-", 3, "-", 4]);
    assert.equal(countContinuityErrors(reading.bytes), 0);
    assert.deepEqual(reading.gaps, [2 * 30 * 188 + 188], "only the one that upstream calls so");
  });

  it("drops what is no packet, and finds the next", async () => {
    const junk = new Uint8Array(500).fill(1);
    rig.answers.set("/seg1.ts", new Uint8Array([...junk.subarray(0, 100), ...segmentOf(1)]));
    rig.answers.set(
      "/seg2.ts",
      new Uint8Array([...segmentOf(2).subarray(0, 188 * 20), ...junk, ...segmentOf(2).subarray(188 * 20)]),
    );
    live(1, 3, { ended: true });
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assertBytes(reading.bytes, new Uint8Array([1, 2, 3].flatMap((sequence) => [...segmentOf(sequence)])));
  });

  it("closes what it opened when its reader leaves, and shares what it fetched with viewers of the playlists", async () => {
    live(1, 5);
    const session = rig.open();
    await session.playlist("");
    const reading = readJoin(session);
    await until(() => segmentsIn(reading.bytes).includes(5));
    assertBytes((await session.part("main-4.ts"))?.bytes, segmentOf(4));
    assert.equal(rig.count("/seg4.ts"), 1);
    await reading.stop();

    let open = 0;
    rig.answers.set("/seg3.ts", (_, response) => {
      open++;
      response.write(segmentOf(3).subarray(0, 4000));
      response.on("close", () => open--);
    });
    const iterator = rig
      .open()
      .join(() => {}, new AbortController().signal)
      [Symbol.asyncIterator]();
    await iterator.next();
    assert.equal(open, 1);
    await iterator.return?.();
    await until(() => open === 0, "the end of the request");
  });
});
