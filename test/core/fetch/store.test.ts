// The document store on a disk that refuses: documents go to the stand-in folder, say so once, and come back.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { findStandIn } from "../../../core/stand-in.ts";
import { createBench, startUpstream, textOf, type Upstream } from "./upstream.ts";

let upstream: Upstream;
let content = "";
before(async () => {
  upstream = await startUpstream((request, response) => {
    const etag = `"${content.length}"`;
    if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(content);
  });
});
after(() => upstream.close());

describe("createDocumentStore()", () => {
  it("keeps documents in the stand-in while its folder cannot be written, and brings the next one home", async () => {
    const bench = await createBench();
    const folder = join(bench.folder, "documents");
    try {
      await writeFile(folder, "a file where the folder should be");
      content = "one";
      const first = await bench.fetch.document(upstream.url);
      const standIn = await findStandIn(folder);
      assert.ok(standIn && first.path.startsWith(standIn));
      assert.equal(await textOf(first), "one");
      assert.equal((await bench.again().lastGood(upstream.url))?.digest, first.digest);
      assert.equal((await bench.fetch.document(upstream.url)).changed, false);
      await bench.fetch.document(`${upstream.url}/other`);
      assert.equal(bench.warnings.length, 1);
      assert.match(
        bench.warnings[0] ?? "",
        /cannot be written: a file stands where a folder is needed.*; new documents go to .*headend-\w+ until it can/,
      );

      const local = join(bench.folder, "local.m3u");
      await writeFile(local, "one");
      const look = async () => (await bench.again().document(local, { local: true })).changed;
      assert.deepEqual([await look(), await look()], [true, false]);

      await writeFile(join(standIn, ".0123.headend-partial"), "left by a killed run");
      await rm(folder);
      await writeFile(local, "three");
      assert.deepEqual([await look(), await look()], [true, false]);
      content = "three";
      const home = await bench.again().document(upstream.url);
      assert.equal(home.path, join(folder, first.path.slice(standIn.length + 1)));
      assert.deepEqual(
        (await readdir(standIn)).filter((name) => name.startsWith(".") || first.path.endsWith(name)),
        [],
      );
    } finally {
      await rm((await findStandIn(folder)) ?? join(bench.folder, "none"), { recursive: true, force: true });
      await bench.close();
    }
  });

  it("goes on elsewhere when the disk fills in the middle of a body, without asking twice", {
    skip: mountReason(),
  }, async () => {
    const bench = await createBench();
    const folder = join(bench.folder, "documents");
    await mkdir(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
    try {
      content = "small";
      const small = await bench.fetch.document(upstream.url);
      assert.ok(small.path.startsWith(folder));
      content = "large ".repeat(200_000);
      const asked = upstream.requests.length;
      const large = await bench.fetch.document(upstream.url);
      assert.equal(upstream.requests.length, asked + 1);
      assert.ok(!large.path.startsWith(folder));
      assert.equal(await textOf(large), content);
      assert.match(bench.warnings.join(), /no space is left on the disk/);
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith(".")),
        [],
      );
      assert.equal((await bench.again().lastGood(upstream.url))?.digest, large.digest);

      execFileSync("mount", ["-o", "remount,ro", folder]);
      content = "fits, but it is read-only";
      assert.equal(await textOf(await bench.fetch.document(upstream.url)), content);
    } finally {
      execFileSync("umount", [folder]);
      await rm((await findStandIn(folder)) ?? join(bench.folder, "none"), { recursive: true, force: true });
      await bench.close();
    }
  });
});

/** Small file systems can be mounted by root on Linux, where the kernel allows it. */
function mountReason(): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "needs root on Linux to mount a small file system";
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return false;
  } catch {
    return "this machine forbids mounts";
  }
}
