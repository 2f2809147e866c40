// Timeshift on a disk that fills up: it makes do with the blocks it has, and leaves room to others.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { openRecording, withFolder } from "./recording.ts";
import { capacity, rate } from "./rig.ts";

const mountable = process.platform === "linux" && process.getuid?.() === 0;
const run = (...words: string[]) => spawnSync(words[0] ?? "", words.slice(1)).status === 0;

/** A small file system. */
async function withDisk(work: (disk: string) => Promise<void>, skip: (why: string) => void): Promise<void> {
  await withFolder(async (folder) => {
    const disk = join(folder, "disk");
    await mkdir(disk);
    if (!run("mount", "-t", "tmpfs", "-o", "size=1m", "headend-test", disk)) return skip("this user cannot mount");
    try {
      await withFolder(() => work(disk));
    } finally {
      run("umount", "-l", disk);
    }
  });
}

/** Writes until nothing more goes in. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, new Uint8Array(4096));
  } catch {
    closeSync(file);
  }
}

const isRun = (numbers: readonly number[]) =>
  numbers.every((number, place) => place === 0 || number === (numbers[place - 1] ?? 0) + 1);

test("timeshift leaves a part of the disk to others, and writes over what it has", { skip: !mountable }, (t) =>
  withDisk(
    async (disk) => {
      const recording = await openRecording(disk);
      await recording.seconds(600);
      await recording.writer.close();
      const { bavail, bsize } = await statfs(disk);
      assert.ok(bavail * bsize >= 2 ** 20 / 20 - 2 * capacity, `${bavail * bsize} bytes are free`);
      assert.deepEqual(recording.said, []);
      const numbers = await recording.play();
      assert.ok(isRun(numbers) && numbers.at(-1) === 600 * rate - 1);
      assert.ok(numbers.length > 100 * rate && numbers.length < 500 * rate, `${numbers.length / rate} seconds`);
    },
    (why) => t.skip(why),
  ),
);

test("a disk that others fill costs a gap at most, and is told of once", { skip: !mountable }, (t) =>
  withDisk(
    async (disk) => {
      const recording = await openRecording(disk);
      await recording.seconds(30);
      fill(join(disk, "others"));
      await recording.seconds(60);
      assert.ok(recording.said.filter((each) => /no space is left/.test(each)).length <= 1, recording.said.join("\n"));
      const numbers = await recording.play();
      assert.equal(numbers.at(-1), 90 * rate - 1);
      await rm(join(disk, "others"));
      await recording.clock.advance(600_000);
      await recording.seconds(60);
      await recording.writer.close();
      assert.ok(recording.store.blocks.length > 12, `${recording.store.blocks.length} blocks`);
      await recording.reopen();
      assert.equal((await recording.play()).at(-1), 150 * rate - 1);
    },
    (why) => t.skip(why),
  ),
);

test("a disk that is full from the beginning is tried again until it is not", { skip: !mountable }, (t) =>
  withDisk(
    async (disk) => {
      const recording = await openRecording(disk);
      fill(join(disk, "others"));
      await recording.seconds(40);
      assert.equal(recording.said.filter((each) => /no space is left/.test(each)).length, 1);
      assert.deepEqual(await recording.play(), []);
      await rm(join(disk, "others"));
      await recording.seconds(15);
      await recording.writer.close();
      assert.ok(recording.said.some((each) => /goes on/.test(each)));
      assert.equal((await recording.play()).at(-1), 55 * rate - 1);
    },
    (why) => t.skip(why),
  ),
);
