// What is kept on disk: bounded, whole again after whatever happened to it, and in order whatever the clock says.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { appendFile, cp, mkdir, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { packetLength } from "../../../core/formats/mpegts.ts";
import { isSpot, locate, oldest } from "../../../core/timeshift/locate.ts";
import { createSpace } from "../../../core/timeshift/space.ts";
import { openRecording, playFrom, type Recording, withFolder } from "./recording.ts";
import { capacity, numbersOf, rate, seen } from "./rig.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, place) => from + place);

/** Ten seconds in three blocks, closed. */
async function recorded(root: string): Promise<Recording> {
  const recording = await openRecording(root);
  await recording.seconds(10);
  await recording.writer.close();
  return recording;
}

/** A copy of a channel's folder with something done to it, opened. */
async function spoilt(root: string, name: string, from: Recording, spoil: (folder: string) => Promise<unknown>) {
  const folder = join(root, name);
  await cp(from.folder, folder, { recursive: true });
  await spoil(folder);
  return await openRecording(root, { folder, clock: from.clock });
}

describe("openStore()", () => {
  test("finds everything again", () =>
    withFolder(async (root) => {
      const recording = await recorded(root);
      const before = recording.store.blocks.map((block) => ({ ...block }));
      await recording.reopen();
      assert.deepEqual(recording.store.blocks, before);
      assert.equal(before.length, 3);
      assert.deepEqual(await recording.play(), range(0, 10 * rate));
      assert.deepEqual(await recording.play(recording.start + 4500, recording.start + 6000), range(4 * rate, 6 * rate));
    }));

  test("goes on after an index that was torn at any byte, and loses no more than its last line", () =>
    withFolder(async (root) => {
      const recording = await recorded(root);
      const index = await readFile(join(recording.folder, "2.index"));
      for (let cut = 0; cut <= index.length; cut += 7) {
        const torn = await spoilt(root, `cut-${cut}`, recording, (folder) => truncate(join(folder, "2.index"), cut));
        const whole = index.subarray(0, cut).toString().split("\n").length - 1;
        const kept = await torn.play();
        assert.deepEqual(kept, range(0, (8 + Math.max(0, whole - 1)) * rate), `cut at ${cut}`);
        await torn.seconds(3);
        await torn.writer.close();
        await torn.reopen();
        const contents = await torn.contents();
        assert.deepEqual(numbersOf(contents), [...kept, ...range(0, 3 * rate)]);
        assert.ok(contents.includes("mark"));
        await rm(torn.folder, { recursive: true });
      }
    }));

  test("makes do with a block whose file is cut short, and without one that is gone", () =>
    withFolder(async (root) => {
      const recording = await recorded(root);
      const short = await spoilt(root, "short", recording, (folder) =>
        truncate(join(folder, "1.ts"), 2 * (rate + 2) * packetLength + 100),
      );
      assert.deepEqual(await short.play(), [...range(0, 6 * rate), ...range(8 * rate, 10 * rate)]);
      for (const name of ["1.ts", "1.index"]) {
        const missing = await spoilt(root, name, recording, (folder) => rm(join(folder, name)));
        assert.deepEqual(readdirSync(missing.folder).sort(), ["0.index", "0.ts", "2.index", "2.ts"]);
        assert.deepEqual(await missing.play(), [...range(0, 4 * rate), ...range(8 * rate, 10 * rate)]);
      }
    }));

  test("takes any bytes for an index, and what it then says of blocks can be read", () =>
    withFolder(async (root) => {
      const recording = await recorded(root);
      let serial = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom("0.index", "1.index", "2.index"),
          fc.nat(600),
          fc.oneof(
            fc.uint8Array({ maxLength: 40 }),
            fc.json().map((text) => new TextEncoder().encode(`\n${text}\n`)),
          ),
          async (name, at, bytes) => {
            const hurt = await spoilt(root, `hurt-${serial++}`, recording, async (folder) => {
              const file = await open(join(folder, name), "r+");
              await file.write(bytes, 0, bytes.length, at);
              await file.close();
            });
            for (const { points, times, size } of hurt.store.blocks) {
              assert.ok(size <= capacity && size % packetLength === 0);
              assert.ok(points.every((point, place) => point < size && point >= (points[place - 1] ?? 0)));
              assert.equal(points.length, times.length);
            }
            await hurt.play();
            await rm(hurt.folder, { recursive: true, force: true });
          },
        ),
        { numRuns: 60, seed: 20_261_121 },
      );
    }));

  test("leaves files alone that are not its own", () =>
    withFolder(async (root) => {
      const recording = await recorded(root);
      await writeFile(join(recording.folder, "notes.txt"), "mine");
      await recording.reopen();
      assert.equal(await readFile(join(recording.folder, "notes.txt"), "utf8"), "mine");
    }));
});

describe("a recording", () => {
  test("writes over its oldest block when it has all that it may have, in the same files", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root, { blocks: 3 });
      await recording.seconds(11);
      const files = async () =>
        Promise.all(
          ["0.ts", "1.ts", "2.ts"].map(async (name) => {
            const { size, ino } = await stat(join(recording.folder, name));
            return [size, ino];
          }),
        );
      await recording.writer.close();
      const inodes = (await files()).map(([, ino]) => ino);
      for (let round = 0; round < 7; round++) {
        await recording.seconds(5);
        const numbers = await recording.play();
        assert.equal((numbers[0] ?? 0) % rate, 0);
        assert.deepEqual(numbers, range(numbers[0] ?? 0, (numbers[0] ?? 0) + numbers.length));
        assert.ok(numbers.length >= 8 * rate - rate, `${numbers.length}`);
      }
      await recording.writer.close();
      const after = await files();
      assert.deepEqual(
        after.map(([, ino]) => ino),
        inodes,
      );
      assert.ok(after.every(([size]) => (size ?? 0) <= capacity));
      assert.equal(readdirSync(recording.folder).length, 6);
      const before = await recording.play();
      await recording.reopen();
      assert.deepEqual(await recording.play(), before);
    }));

  test("does not grow for what is older than is kept", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root, { span: 10_000 });
      await recording.seconds(60);
      // Ten seconds, the block that is written, and one that is partly older.
      assert.ok(recording.store.blocks.length <= 5, `${recording.store.blocks.length} blocks`);
      assert.ok((await recording.play()).length >= 10 * rate);
    }));

  test("takes the oldest block of another channel when all together have too many", () =>
    withFolder(async (root) => {
      const space = createSpace(root, () => 6 * capacity);
      const one = await openRecording(root, { space, folder: join(root, "one") });
      await one.seconds(16);
      await one.writer.close();
      const two = await openRecording(root, { space, folder: join(root, "two"), clock: one.clock });
      await two.seconds(16);
      assert.ok(space.bytes <= 6 * capacity, `${space.bytes / capacity} blocks`);
      assert.deepEqual([one.store.blocks.length, two.store.blocks.length], [2, 4]);
      assert.deepEqual(await two.play(), range(0, 16 * rate));
      assert.equal((await one.play())[0], 8 * rate);
      assert.equal(readdirSync(one.folder).length, 4);
    }));

  test("keeps the order in which things came when the clock is set back, and the later of two recordings counts", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root);
      const { clock, start } = recording;
      await recording.seconds(6);
      clock.jump(-4000);
      // From here on it is second 2 again.
      await recording.seconds(6);
      await recording.writer.close();
      for (const again of [false, true]) {
        if (again) await recording.reopen();
        assert.deepEqual(await recording.play(start + 1500), range(rate, 12 * rate));
        assert.deepEqual(await recording.play(start + 3500), range(7 * rate, 12 * rate));
        assert.deepEqual(await recording.play(), range(0, 12 * rate));
      }
    }));

  test("does not mind a clock that goes back a little", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root);
      for (let step = 0; step < 8; step++) {
        await recording.seconds(1);
        recording.clock.jump(-300);
      }
      await recording.writer.close();
      const times = recording.store.blocks.flatMap((block) => block.times);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
      assert.ok(recording.store.blocks.every(({ breaks }) => breaks.every(({ splice }) => splice)));
    }));

  test("is passed over where its file is taken away, and goes on in others", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root);
      await recording.seconds(6);
      await rm(join(recording.folder, "0.ts"));
      const contents = await recording.contents();
      assert.deepEqual(numbersOf(contents), range(4 * rate, 6 * rate));
      await recording.writer.close();
      await rm(join(recording.folder, "1.ts"));
      await recording.seconds(3);
      await recording.writer.close();
      assert.deepEqual((await recording.play()).at(-1), 9 * rate - 1);
    }));

  test("has a gap while the disk refuses, says so once, and goes on with a picture", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root);
      await mkdir(join(recording.folder, "0.ts"));
      await recording.seconds(15);
      assert.equal(recording.said.length, 1);
      assert.match(recording.said[0] ?? "", /^a: its timeshift has a gap: /);
      await rm(join(recording.folder, "0.ts"), { recursive: true });
      await recording.seconds(15);
      assert.equal(recording.said.length, 2);
      assert.match(recording.said[1] ?? "", /goes on/);
      await recording.writer.close();
      const contents = await recording.contents();
      assert.deepEqual(contents.slice(0, 2), ["PAT", "PMT"]);
      const numbers = numbersOf(contents);
      assert.equal((numbers[0] ?? 1) % rate, 0);
      assert.deepEqual(numbers, range(numbers[0] ?? 0, 30 * rate));
    }));

  test("moves a reader that paused for too long to the oldest there is, and marks that", () =>
    withFolder(async (root) => {
      const recording = await openRecording(root, { blocks: 3 });
      await recording.seconds(8);
      const spot = oldest(recording.store.blocks);
      assert.ok(spot);
      const parts: Uint8Array[] = [];
      const playing = playFrom(recording.store, spot);
      // Tables, then a first piece.
      for (let part = 0; part < 2; part++) parts.push((await playing.next()).value as Uint8Array);
      await recording.seconds(30);
      for await (const part of playing) parts.push(part);
      const numbers = numbersOf(seen(new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer())));
      const jump = numbers.findIndex((number, place) => place > 0 && number !== (numbers[place - 1] ?? 0) + 1);
      assert.ok(jump > 0 && (numbers[jump] ?? 1) % rate === 0);
      assert.ok((numbers.at(-1) ?? 0) >= 36 * rate);
    }));
});

test("locate() finds nothing in nothing", () => {
  assert.deepEqual(locate([], 0), {});
  assert.equal(isSpot(locate([], 0)), false);
});

test("a line that was half written when a kill came is written over", () =>
  withFolder(async (root) => {
    const recording = await recorded(root);
    await appendFile(join(recording.folder, "2.index"), '{"end":99,"at":17');
    await recording.reopen();
    await recording.seconds(1);
    await recording.writer.close();
    await recording.reopen();
    assert.equal((await recording.play()).length, 11 * rate);
  }));
