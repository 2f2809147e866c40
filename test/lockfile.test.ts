// What gets installed: the same everywhere, from whatever registry the user has.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./support/source.ts";

const media: unknown = JSON.parse(readFileSync(join(root, "test/support/media/package.json"), "utf8"));
const lock = readFileSync(join(root, "bun.lock"), "utf8");
const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { dependencies, optionalDependencies, devDependencies } = manifest as Record<string, Record<string, string>>;

test("bun.lock names no host, so that it installs through any registry", () => {
  assert.doesNotMatch(lock, /https?:\/\//, "it was made with another registry: make it with the default one");
});

test("bun.lock holds a checksum for every package", () => {
  const packages = [...lock.matchAll(/^ {4}"[^"]+": \["([^"]+)", .*$/gm)].filter(
    ([, name]) => !name?.includes("@file:"),
  );
  assert.ok(packages.length > 20);
  const without = packages.filter(([line]) => !/"sha512-[A-Za-z0-9+/=]+"\],?$/.test(line)).map(([, name]) => name);
  assert.deepEqual(without, []);
});

test("the packages with ffmpeg are pinned, and installed for tests only", () => {
  const { optionalDependencies: pinned } = media as { optionalDependencies: Record<string, string> };
  for (const [name, version] of Object.entries(pinned)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is not pinned`);
    assert.ok(lock.includes(`"${name}": ["${name}@${version}",`), `${name}@${version} is not in bun.lock`);
    assert.equal(dependencies?.[name] ?? optionalDependencies?.[name], undefined, `${name} is no business of users`);
  }
  assert.equal(devDependencies?.["headend-test-media"], "file:test/support/media");
});

test("package.json pins exact versions, and bun.lock has the same", () => {
  for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
    // A folder of ours, whose own dependencies are pinned below.
    if (name === "headend-test-media") continue;
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is not pinned`);
    assert.ok(lock.includes(`"${name}": ["${name}@${version}",`), `${name}@${version} is not in bun.lock`);
  }
});
