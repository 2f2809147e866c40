// findPackage() and findEntry(): what a package.json may say, and what it may not.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { findEntry, findPackage, isPackageName } from "../../core/package.ts";

let root = "";
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "headend-package-")));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

const files = { "a.ts": "", "lib/b.js": "", "index.js": "" };

describe("isPackageName()", () => {
  it("tells package names from everything else", () => {
    for (const name of ["a", "headend-plugin-x", "@acme/x.y"]) assert.ok(isPackageName(name), name);
    for (const name of ["", "A", "../a", "./a", "a/b", "@a", "@a/b/c", ".a", "a b", "a".repeat(300)]) {
      assert.ok(!isPackageName(name), name);
    }
  });
});

describe("findEntry()", () => {
  const good: readonly [manifest: object, entry: string][] = [
    [{}, "index.js"],
    [{ main: "./a.ts" }, "a.ts"],
    [{ main: "a" }, "a.ts"],
    [{ main: "./lib/b" }, "lib/b.js"],
    [{ main: "none.js" }, "index.js"],
    [{ main: "index.js", module: "./a.ts" }, "a.ts"],
    [{ main: "index.js", exports: "./a.ts" }, "a.ts"],
    [{ exports: { ".": "./a.ts", "./other": "./index.js" } }, "a.ts"],
    [{ exports: { require: "./index.js", import: "./a.ts" } }, "a.ts"],
    [{ exports: { ".": { browser: "./index.js", node: { import: "./a.ts" }, default: "./lib/b.js" } } }, "a.ts"],
    [{ exports: [{ other: "./index.js" }, "./a.ts"] }, "a.ts"],
  ];
  for (const [manifest, entry] of good) {
    it(`reads ${JSON.stringify(manifest)}`, async () => {
      await put({ ...files, "package.json": JSON.stringify(manifest) });
      assert.equal(relative(root, await findEntry(root)), entry);
    });
  }

  const none = "its package.json names no file that is there (exports, module, main)";
  const bad: readonly [text: string, sentence: string][] = [
    ["{", "its package.json is not JSON"],
    ["1", "its package.json is not an object"],
    ['{"exports":"./none.js"}', none],
    ['{"exports":{"require":"./index.js"}}', none],
    ['{"exports":{"./other":"./index.js"}}', none],
    ['{"exports":"./lib"}', none],
    ['{"exports":"../outside.js"}', "its package.json names a file outside the package"],
    ['{"main":"../outside.js"}', "its package.json names a file outside the package"],
  ];
  for (const [text, sentence] of bad) {
    it(`refuses ${text}`, async () => {
      await put({ "outside.js": "", "p/index.js": "", "p/lib/b.js": "", "p/package.json": text });
      await assert.rejects(findEntry(join(root, "p")), { message: sentence });
    });
  }
});

describe("findPackage()", () => {
  it("looks in each folder and above it, and follows links", async () => {
    await put({ "store/x/package.json": "{}", "store/x/index.js": "", "a/node_modules/y/package.json": "{}" });
    await mkdir(join(root, "node_modules"));
    await symlink(join(root, "store/x"), join(root, "node_modules/x"));
    const folders = [join(root, "none"), join(root, "a/b/c")];
    assert.equal(await findPackage("y", folders), join(root, "a/node_modules/y"));
    const linked = await findPackage("x", folders);
    assert.equal(linked, join(root, "node_modules/x"));
    assert.equal(await findEntry(linked ?? ""), join(root, "store/x/index.js"));
    assert.equal(await findPackage("z", folders), undefined);
  });
});
