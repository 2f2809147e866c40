// A session's join() when upstream fails: segments, tokens, playlists, and time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HeadendError } from "../../../../core/errors.ts";
import { countContinuityErrors } from "../../../support/media-packets.ts";
import {
  advanceUntil,
  assertBytes,
  live,
  playlistOf,
  type Reading,
  readJoin,
  rig,
  segmentOf,
  segmentsIn,
  until,
  useRig,
} from "./rig.ts";

useRig();

const size = segmentOf(0).length;
const code = (reading: Reading) => (reading.error instanceof HeadendError ? reading.error.code : reading.error);

describe("join() with an upstream that fails", () => {
  it("tries a segment twice, then leaves it out and says that there is a gap", async () => {
    rig.answers.set("/seg3.ts", (_, response) => response.writeHead(404).end());
    rig.answers.set("/seg5.ts", (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<p>limit</p>"),
    );
    live(1, 6, { ended: true });
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.deepEqual(segmentsIn(reading.bytes), [1, 2, "-", 4, "-", 6]);
    assert.deepEqual(reading.gaps, [2 * size, 3 * size + 188]);
    assert.equal(countContinuityErrors(reading.bytes), 0);
    assert.equal(rig.count("/seg3.ts"), 2);
    assert.equal(reading.error, undefined);
    assert.equal(rig.warnings.length, 2);
  });

  it("gives up when segment after segment cannot be had", async () => {
    live(1, 9, { ended: true });
    for (let sequence = 4; sequence <= 9; sequence++)
      rig.answers.set(`/seg${sequence}.ts`, (_, response) => response.writeHead(403).end());
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.deepEqual(segmentsIn(reading.bytes), [1, 2, 3]);
    assert.equal(code(reading), "fetch.status");
  });

  it("goes on where a segment that broke off did, and marks one that was cut short", async () => {
    let attempts = 0;
    rig.answers.set("/seg2.ts", (_, response) => {
      if (++attempts > 1) return response.end(segmentOf(2));
      response
        .writeHead(200, { "content-length": size })
        .write(segmentOf(2).subarray(0, 3000), () => response.destroy());
    });
    rig.answers.set("/seg4.ts", segmentOf(4).subarray(0, 188 * 10 + 77));
    live(1, 5, { ended: true });
    const reading = readJoin(rig.open());
    await until(() => reading.done);
    assert.deepEqual(segmentsIn(reading.bytes), [1, 2, 3, 4, "-", 5]);
    assertBytes(reading.bytes.subarray(0, 3 * size), new Uint8Array([1, 2, 3].flatMap((n) => [...segmentOf(n)])));
    assert.deepEqual(reading.gaps, [3 * size + 1880]);
    assert.equal(countContinuityErrors(reading.bytes), 0);
  });

  it("fails when a live playlist brings nothing new for three target durations", async () => {
    live(1, 3);
    const reading = readJoin(rig.open());
    await until(() => segmentsIn(reading.bytes).includes(3));
    await rig.clock.advance(2500);
    assert.equal(reading.done, false);
    await advanceUntil(rig.clock, () => reading.done, 3000);
    assert.equal(code(reading), "dial.stalled");
    assert.match(String(reading.error), /no data for 3s/);
  });

  it("says why when the playlist cannot be had any more, and when live ends", async () => {
    live(1, 3);
    const refused = readJoin(rig.open());
    await until(() => segmentsIn(refused.bytes).includes(3));
    rig.answers.set("/main.m3u8", "<html>");
    await advanceUntil(rig.clock, () => refused.done, 6000);
    assert.equal(code(refused), "dial.content");

    live(1, 3);
    const ended = readJoin(rig.open());
    await until(() => segmentsIn(ended.bytes).includes(3));
    live(1, 4, { ended: true });
    await advanceUntil(rig.clock, () => ended.done, 6000);
    assert.deepEqual(segmentsIn(ended.bytes), [1, 2, 3, 4]);
    assert.equal(code(ended), "dial.ended");
  });

  it("fails in ten seconds when nothing comes at all", async () => {
    live(1, 3);
    rig.answers.set("/seg1.ts", () => {});
    const reading = readJoin(rig.open());
    await until(() => rig.count("/seg1.ts") === 1);
    await rig.clock.advance(9_900);
    assert.equal(reading.done, false);
    await advanceUntil(rig.clock, () => reading.done, 1000);
    assert.ok(["dial.timeout", "fetch.timeout"].includes(String(code(reading))), String(reading.error));
  });

  it("leaves out a live segment that falls silent, and gives up when the next one does, too", async () => {
    const silent = (path: string, sequence: number) =>
      rig.answers.set(path, (_, response) => {
        response.writeHead(200, { "content-length": size }).write(segmentOf(sequence).subarray(0, 1880));
      });
    silent("/seg5.ts", 5);
    live(1, 6);
    const reading = readJoin(rig.open());
    await until(() => rig.count("/seg5.ts") === 1);
    live(4, 9);
    silent("/seg8.ts", 8);
    silent("/seg9.ts", 9);
    await advanceUntil(rig.clock, () => segmentsIn(reading.bytes).includes(7), 4000);
    await advanceUntil(rig.clock, () => reading.done, 15_000);
    assert.equal(code(reading), "dial.stalled");
    assert.match(String(reading.error), /no data for 3s/);
    assert.deepEqual(segmentsIn(reading.bytes), [4, "-", 6, 7]);
    assert.equal(countContinuityErrors(reading.bytes), 0);
  });

  it("leaves out the first segment, too, when it falls silent after its first bytes", async () => {
    live(1, 3);
    rig.answers.set("/seg1.ts", (_, response) => {
      response.writeHead(200, { "content-length": size }).write(segmentOf(1).subarray(0, 4000));
    });
    const reading = readJoin(rig.open());
    await until(() => segmentsIn(reading.bytes).includes(1));
    await advanceUntil(rig.clock, () => segmentsIn(reading.bytes).includes(3), 4000);
    assert.deepEqual(segmentsIn(reading.bytes), [1, "-", 2, 3]);
    await reading.stop();
  });

  it("goes on with upstream that counts anew, or jumps ahead, or whose window was left behind", async () => {
    live(100, 104);
    const reading = readJoin(rig.open());
    await until(() => segmentsIn(reading.bytes).includes(104));
    rig.answers.set("/main.m3u8", playlistOf(0, 4));
    for (let sequence = 0; sequence <= 4; sequence++) rig.answers.set(`/seg${sequence}.ts`, segmentOf(sequence));
    await advanceUntil(rig.clock, () => segmentsIn(reading.bytes).includes(4), 5000);
    live(50, 54);
    await advanceUntil(rig.clock, () => segmentsIn(reading.bytes).includes(54), 5000);
    assert.deepEqual(
      segmentsIn(reading.bytes).filter((each) => each !== "-"),
      [102, 103, 104, 2, 3, 4, 52, 53, 54],
    );
    assert.deepEqual(reading.gaps.length, 2);
    assert.equal(countContinuityErrors(reading.bytes), 0);
    await reading.stop();
  });

  it("moves a reader that is too slow for the window to the live edge", async () => {
    live(1, 5);
    const iterator = rig
      .open()
      .join(() => gaps++, new AbortController().signal)
      [Symbol.asyncIterator]();
    let gaps = 0;
    const found: (number | "-")[] = [];
    const read = async (most: number) => {
      for (let taken = 0; taken < most; ) {
        const { value } = await iterator.next();
        taken += value.length;
        for (const each of segmentsIn(value)) if (found.at(-1) !== each) found.push(each);
      }
    };
    await read(size);
    await until(() => rig.count("/seg4.ts") === 1);
    // What is on its way arrives before the clock is moved far.
    for (let turn = 0; turn < 50; turn++) await rig.clock.advance(10);
    rig.answers.clear();
    live(60, 64);
    await rig.clock.advance(60_000);
    await read(4 * size + 188);
    assert.deepEqual(found, [3, 4, "-", 62, 63, 64]);
    assert.equal(gaps, 1);
    await iterator.return?.();
  });

  it("gets fresh addresses when a live token runs out", async () => {
    let token = 1;
    const publish = (from: number, to: number) => {
      for (const path of [...rig.answers.keys()]) if (/^\/t\d/.test(path)) rig.answers.delete(path);
      rig.answers.set("/main.m3u8", `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nt${token}/var.m3u8\n`);
      rig.answers.set(`/t${token}/var.m3u8`, playlistOf(from, to));
      for (let sequence = from; sequence <= to; sequence++)
        rig.answers.set(`/t${token}/seg${sequence}.ts`, segmentOf(sequence));
    };
    publish(1, 5);
    const reading = readJoin(rig.open());
    await until(() => segmentsIn(reading.bytes).includes(5));
    for (let last = 6; last <= 14; last++) {
      if (last === 9) token = 2;
      publish(last - 4, last);
      await advanceUntil(rig.clock, () => segmentsIn(reading.bytes).includes(last), 3000);
    }
    assert.deepEqual(segmentsIn(reading.bytes), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    assert.equal(rig.count("/main.m3u8"), 2);
    await reading.stop();
  });
});
