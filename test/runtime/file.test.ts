// Files as bodies: exact parts, one version, nothing left open.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { openFile } from "../../core/runtime/file.ts";

const content = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 31) & 255);

describe("openFile()", () => {
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-file-"));
    path = join(folder, "file");
    await writeFile(path, content);
  });
  after(() => rm(folder, { recursive: true }));

  const openCount = async () => {
    const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
    return (await Promise.all(links)).filter((link) => link.startsWith(path)).length;
  };

  test("gives any part, and closes the file after it", async () => {
    for (const [start, end] of [
      [0, 1_000_000],
      [0, 0],
      [5, 6],
      [262_143, 524_289],
      [999_999, 1_000_000],
      [100, 262_244],
      [100, 262_245],
    ] as const) {
      const file = await openFile(path);
      assert.equal(file.size, content.length);
      assert.deepEqual(
        await new Response(await file.body(start, end)).bytes(),
        content.slice(start, end),
        `${start}-${end}`,
      );
    }
    if (process.platform === "linux") assert.equal(await openCount(), 0);
  });

  test("goes on with the version it opened when the file is replaced", async () => {
    const file = await openFile(path);
    await writeFile(`${path}.new`, "other");
    await rename(`${path}.new`, path);
    assert.deepEqual(await new Response(await file.body(0, file.size)).bytes(), content);
    await writeFile(path, content);
  });

  test("closes the file when the reader gives up", { skip: process.platform !== "linux" }, async () => {
    for (const reads of [0, 1]) {
      const file = await openFile(path);
      const body = await file.body(0, file.size);
      assert.ok(body instanceof ReadableStream);
      const reader = body.getReader();
      for (let i = 0; i < reads; i++) await reader.read();
      assert.equal(await openCount(), 1);
      await reader.cancel();
      assert.equal(await openCount(), 0);
    }
  });

  test("fails, rather than ends early, when the file was cut", async () => {
    for (const size of [500_000, 1000]) {
      await writeFile(path, content);
      const file = await openFile(path);
      await truncate(path, size - 1);
      await assert.rejects(async () => new Response(await file.body(0, size)).bytes());
    }
    if (process.platform === "linux") assert.equal(await openCount(), 0);
  });

  test("throws what the system says", async () => {
    await assert.rejects(openFile(join(folder, "none")), { code: "ENOENT" });
  });
});
