// The cache: whole files or none, tags that tell two contents apart, keys that stay inside, nothing left behind.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { artefactOf, createCache, removeLeftovers, replaceFile } from "../../core/cache.ts";
import { openReplacement } from "../../core/replacement.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend-test-cache-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function* failing(): AsyncIterable<string> {
  yield "half";
  throw new Error("upstream broke");
}

describe("createCache()", () => {
  it("gives back what was written, as text and as an artefact", async () => {
    const cache = createCache(join(folder, "own"));
    assert.equal(await cache.read("a/b.json"), undefined);
    assert.equal(await cache.artefact("a/b.json"), undefined);
    const written = await cache.write("a/b.json", "añb");
    assert.equal(await cache.read("a/b.json"), "añb");
    assert.deepEqual(await cache.artefact("a/b.json"), written);
    assert.equal(written.path, cache.path("a/b.json"));
    assert.equal(written.bytes, 4);
    assert.match(written.etag, /^"[\w-]+"$/);
    assert.equal(written.modified % 1000, 0);
    await cache.delete("a/b.json");
    await cache.delete("a/b.json");
    assert.equal(await cache.read("a/b.json"), undefined);
  });

  it("lets nobody else read its files", async () => {
    const cache = createCache(join(folder, "private"));
    const { path } = await cache.write("secret.txt", "x");
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, "private"))).mode & 0o777, 0o700);
  });

  it("refuses every key that could leave its folder", () => {
    const cache = createCache("/somewhere/else");
    for (const key of [
      "",
      "/",
      "..",
      "../x",
      "a/../b",
      "a//b",
      "/etc/passwd",
      "a\\b",
      "a\0",
      ".hidden",
      "a/.b",
      "é",
      "a b",
      "x".repeat(201),
    ]) {
      assert.throws(() => cache.path(key), TypeError, key);
    }
    fc.assert(
      fc.property(fc.string(), (key) => {
        try {
          assert.ok(cache.path(key).startsWith("/somewhere/else/"));
          assert.ok(!cache.path(key).split("/").includes(".."));
        } catch (error) {
          assert.ok(error instanceof TypeError);
        }
      }),
    );
  });
});

describe("replaceFile()", () => {
  it("takes text, bytes and streams of both", async () => {
    const path = join(folder, "kinds");
    async function* mixed() {
      yield "one ";
      yield new TextEncoder().encode("two");
    }
    for (const [content, expected] of [
      ["", ""],
      ["text", "text"],
      [new Uint8Array([104, 105]), "hi"],
      [mixed(), "one two"],
    ] as const) {
      const artefact = await replaceFile(path, content);
      assert.equal(await readFile(path, "utf8"), expected);
      assert.deepEqual(await artefactOf(path), artefact);
    }
  });

  it("gives two contents of one length two entity tags, however quickly one follows the other", async () => {
    const tags = new Set<string>();
    for (let round = 0; round < 50; round++)
      tags.add((await replaceFile(join(folder, "quick"), String(10 + round))).etag);
    assert.equal(tags.size, 50);
  });

  it("keeps what was there, and leaves nothing beside it, when the content fails or is aborted", async () => {
    const place = join(folder, "kept");
    const path = join(place, "file");
    const first = await replaceFile(path, "whole");
    await assert.rejects(replaceFile(path, failing()), /upstream broke/);
    const signal = AbortSignal.abort(new Error("stop"));
    await assert.rejects(replaceFile(path, "new", { signal }), /stop/);
    assert.deepEqual(await artefactOf(path), first);
    assert.deepEqual(await readdir(place), ["file"]);
  });

  it("shows readers the old content or the new one, never a part", async () => {
    const path = join(folder, "shared");
    const contents = ["a".repeat(300_000), "b".repeat(200_000)];
    await replaceFile(path, contents[0] ?? "");
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 20; round++) await replaceFile(path, contents[round % 2] ?? "");
      writing = false;
    })();
    while (writing) assert.ok(contents.includes(await readFile(path, "utf8")));
    await writer;
  });

  it("says in plain words why the disk refused", async () => {
    await writeFile(join(folder, "blocker"), "");
    await assert.rejects(replaceFile(join(folder, "blocker", "x"), "y"), {
      code: "cache.write",
      message: /a file stands where a folder is needed; what was there stays/,
    });
    await mkdir(join(folder, "taken", "inside"), { recursive: true });
    await assert.rejects(replaceFile(join(folder, "taken"), "y"), { code: "cache.write" });
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith(".")),
      [],
    );
  });

  it("names a full disk and a read-only one", { skip: mountReason() }, async () => {
    const mount = join(folder, "tiny");
    await mkdir(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mount]);
    try {
      const path = join(mount, "file");
      const first = await replaceFile(path, "small");
      const full = { code: "cache.write", message: /no space is left on the disk/ };
      await assert.rejects(replaceFile(path, new Uint8Array(1 << 20)), full);
      assert.deepEqual(await readdir(mount), ["file"]);
      execFileSync("mount", ["-o", "remount,ro", mount]);
      await assert.rejects(replaceFile(path, "x"), { code: "cache.write", message: /the file system is read-only/ });
      assert.deepEqual(await artefactOf(path), first);
    } finally {
      execFileSync("umount", [mount]);
    }
  });
});

describe("openReplacement()", () => {
  it("goes on at another place with what was written", async () => {
    const [from, to] = [join(folder, "move-a"), join(folder, "move-b")];
    const first = await openReplacement(join(from, "file"));
    await first.write("x".repeat(600_000));
    const second = await first.moveTo(join(to, "file"));
    await second.write("end");
    await second.commit();
    assert.equal(await readFile(join(to, "file"), "utf8"), `${"x".repeat(600_000)}end`);
    assert.deepEqual(await readdir(from), []);
    assert.deepEqual(await readdir(to), ["file"]);
  });
});

describe("removeLeftovers()", () => {
  it("deletes what a killed run left, in all folders below, and nothing else", async () => {
    const place = join(folder, "left");
    await replaceFile(join(place, "deep", "er", "file"), "good");
    const unfinished = await openReplacement(join(place, "deep", "er", "file"));
    const outside = await openReplacement(join(folder, "outside", "file"));
    await unfinished.write("half");
    await symlink(join(folder, "outside"), join(place, "link"));
    await writeFile(join(place, ".other"), "");
    await removeLeftovers(place);
    await removeLeftovers(join(place, "nowhere"));
    assert.deepEqual(await readdir(join(place, "deep", "er")), ["file"]);
    assert.ok((await readdir(place)).includes(".other"));
    assert.equal((await readdir(join(folder, "outside"))).length, 1);
    await unfinished.discard();
    await outside.discard();
  });
});

/** Small file systems can be mounted by root on Linux, where the kernel allows it. */
function mountReason(): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "needs root on Linux to mount a small file system";
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", tmpdir()], { stdio: "ignore" });
    return false;
  } catch {
    return "this machine forbids mounts";
  }
}
