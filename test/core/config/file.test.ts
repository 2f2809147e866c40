// replaceText(): what somebody else writes meanwhile is never lost.
import assert from "node:assert/strict";
import { appendFileSync, closeSync, openSync, writeSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../../core/clock.ts";
import { replaceText } from "../../../core/config/file.ts";

test("replaceText() keeps what is added at any moment while it works", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headend-file-"));
  const file = join(folder, "headend.yaml");
  try {
    for (let turns = 1; turns < 600; turns += 2) {
      await writeFile(file, "a: 1\n");
      let done = false;
      const replacing = replaceText(file, "a: 1\n", "a: 2\n").finally(() => {
        done = true;
      });
      for (let turn = 0; turn < turns && !done; turn++) await new Promise((resolve) => setImmediate(resolve));
      const early = !done;
      appendFileSync(file, "# mine\n");
      const replaced = await replacing;
      const text = await readFile(file, "utf8");
      assert.match(text, /# mine/, `after ${turns} turns`);
      if (!replaced) assert.equal(text, "a: 1\n# mine\n");
      if (!early) break;
    }
    assert.deepEqual(await readdir(folder), ["headend.yaml"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("replaceText() keeps what an editor writes that empties the file first", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headend-file-"));
  const file = join(folder, "headend.yaml");
  try {
    for (let turns = 1; turns < 60; turns++) {
      await writeFile(file, "a: 1\n");
      let done = false;
      const replacing = replaceText(file, "a: 1\n", "a: 2\n").finally(() => {
        done = true;
      });
      for (let turn = 0; turn < turns && !done; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (done) break;
      const editor = openSync(file, "w");
      await systemClock.sleep(20);
      writeSync(editor, "a: 1\n# mine\n");
      closeSync(editor);
      await replacing;
      assert.match(await readFile(file, "utf8"), /# mine/, `after ${turns} turns`);
    }
    assert.deepEqual(await readdir(folder), ["headend.yaml"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
