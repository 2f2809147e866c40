// createLoader(): built in, files and packages; every way in which one can be no plugin.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { z } from "zod";
import { HeadendError } from "../../core/errors.ts";
import { createLoader } from "../../core/loader.ts";
import { definePlugin } from "../../core/plugin.ts";
import { importFile } from "../../core/runtime/modules.ts";
import { createTestClock } from "../support/clock.ts";

const builtins = ["m3u", "xmltv", "playlist"].map((name) =>
  definePlugin({ name, api: 1, config: z.strictObject({}), setup: () => ({}) }),
);

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "headend-loader-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<string> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  return full;
}

/** A plugin as text, without any import: what loads must not depend on how the test was started. */
const source = (name: string, more = "") =>
  `interface Named { name: string }\nconst named: Named = { name: "${name}" };\n` +
  `export default { ...named, api: 1, config: { safeParse: (data) => ({ success: true, data }) }, setup() { return {}; }${more} };\n`;

function open(clock = createTestClock()) {
  return createLoader({
    builtins,
    dataFolder: join(root, "data"),
    configFolder: join(root, "config"),
    importFile,
    clock,
  });
}

async function refusal(use: string, loader = open()): Promise<string> {
  try {
    await loader.load(use);
  } catch (error) {
    assert.ok(error instanceof HeadendError);
    return `${error.code}: ${error.message.replaceAll(root, "")}`;
  }
  return assert.fail(`${use} was loaded`);
}

describe("load() of createLoader()", () => {
  it("gives a built-in by its name", async () => {
    assert.equal(await open().load("xmltv"), builtins[1]);
  });

  it("finds a file in the data folder first, then beside the config", async () => {
    await put("data/plugins/acme.ts", source("data"));
    await put("config/acme.ts", source("config"));
    await put("config/sub/other.ts", source("other"));
    const loader = open();
    assert.equal((await loader.load("./acme.ts")).name, "data");
    assert.equal((await loader.load("./sub/other.ts")).name, "other");
    assert.equal((await loader.load(join(root, "config/acme.ts"))).name, "config");
  });

  it("gives the same plugin while its file stays, and a new one when it changed", async () => {
    const path = await put("data/plugins/acme.ts", source("one"));
    const loader = open();
    const [first, second] = await Promise.all([loader.load("./acme.ts"), loader.load("./acme.ts")]);
    assert.equal(first, second);
    await writeFile(path, source("two"));
    await utimes(path, 1, 1);
    assert.equal((await loader.load("./acme.ts")).name, "two");
    await writeFile(path, "export default 1 +;");
    assert.match(await refusal("./acme.ts", loader), /^plugin\.load/);
    await writeFile(path, source("three"));
    await utimes(path, 2, 2);
    assert.equal((await loader.load("./acme.ts")).name, "three");
  });

  it("finds packages of the data folder, of the config's folder and of all above", async () => {
    // JavaScript: Deno takes no types off below node_modules.
    const script = (name: string) => source(name).replace(/.*\n.*\n/, `const named = { name: "${name}" };\n`);
    await put("data/node_modules/headend-plugin-a/package.json", '{"type":"module","main":"./a.js"}');
    await put("data/node_modules/headend-plugin-a/a.js", script("a"));
    await put("node_modules/@acme/b/package.json", '{"exports":{".":{"types":"./b.d.ts","import":"./b.mjs"}}}');
    await put("node_modules/@acme/b/b.mjs", script("b"));
    await put("config/node_modules/old/package.json", '{"main":"old.cjs"}');
    await put("config/node_modules/old/old.cjs", script("old").replace("export default", "module.exports ="));
    const loader = open();
    assert.equal((await loader.load("headend-plugin-a")).name, "a");
    assert.equal((await loader.load("@acme/b")).name, "b");
    assert.equal((await loader.load("old")).name, "old");
  });

  it("imports nothing but what is named", async () => {
    await put("data/plugins/bomb.ts", "globalThis.exploded = true;\n");
    await put("data/plugins/acme.ts", source("acme"));
    await open().load("./acme.ts");
    assert.equal("exploded" in globalThis, false);
  });

  it("says what was meant", async () => {
    assert.equal(await refusal("m3y"), "plugin.unknown: no plugin is called m3y; did you mean m3u?");
    const all = "; built in are m3u, playlist, xmltv; a package must be installed first";
    assert.equal(await refusal("headend-plugin-none"), `plugin.unknown: no plugin is called headend-plugin-none${all}`);
    assert.equal(await refusal("Not A Name"), `plugin.unknown: no plugin is called Not A Name${all}`);
    assert.equal(await refusal("acme.ts"), "plugin.unknown: no plugin is called acme.ts; a file is written ./acme.ts");
    assert.equal(
      await refusal("./none.ts"),
      "plugin.load: ./none.ts could not be loaded: no file is at /data/plugins/none.ts or /config/none.ts",
    );
    await put("data/node_modules/bad/package.json", "{");
    assert.equal(
      await refusal("bad"),
      "plugin.load: bad could not be loaded: /data/node_modules/bad: its package.json is not JSON",
    );
  });

  const shapes: readonly [text: string, sentence: string][] = [
    ["export const a = 1;", "it has no default export"],
    ["export default () => {};", "its default export is a function, not the result of definePlugin({ … })"],
    ["export default 'x';", "its default export is a string, not a plugin"],
    ["export default null;", "its default export is null, not a plugin"],
    ["export default [];", "it has no api: write api: 1"],
    ["export default { api: '1' };", "its api is a string, not the number 1"],
    ["export default { api: 1 };", "it has no name"],
    ["export default { api: 1, name: 'a' };", "it has no function setup(host, config)"],
    [
      "export default { api: 1, name: 'a', setup() {} };",
      "it has no config: write config: z.strictObject({}) when it needs no keys",
    ],
    ["export default { api: 1, name: 'a', setup() {}, config: {} };", "its config is not a zod schema"],
    ["export default { api: 1, get name() { throw 1; } };", "it has no name"],
  ];
  for (const [text, sentence] of shapes) {
    it(`refuses ${text}`, async () => {
      await put("data/plugins/shape.ts", text);
      assert.equal(await refusal("./shape.ts"), `plugin.shape: ./shape.ts is not a Headend plugin: ${sentence}`);
    });
  }

  it("refuses another contract version", async () => {
    await put("data/plugins/new.ts", source("new", ", api: 2"));
    assert.equal(
      await refusal("./new.ts"),
      "plugin.api: ./new.ts is written for contract version 2; this headend speaks version 1",
    );
  });

  it("contains what throws, what cannot be parsed and what is not there", async () => {
    await put("data/plugins/throws.ts", "throw new TypeError('no luck');");
    await put("data/plugins/nothing.ts", "throw undefined;");
    await put("data/plugins/syntax.ts", "export default {\n  api: 1,,\n};\n");
    await put("data/plugins/missing.ts", "import x from './nowhere.ts';\nexport default x;\n");
    assert.equal(
      await refusal("./throws.ts"),
      "plugin.load: ./throws.ts could not be loaded: /data/plugins/throws.ts: no luck",
    );
    assert.match(await refusal("./nothing.ts"), /^plugin\.load: .*nothing\.ts: undefined$/);
    assert.match(await refusal("./syntax.ts"), /^plugin\.load: .*syntax\.ts.*2/s);
    assert.match(await refusal("./missing.ts"), /^plugin\.load: .*nowhere\.ts/s);
  });

  it("gives up on a file that never ends loading", async () => {
    await put("data/plugins/endless.ts", "await new Promise(() => setInterval(() => {}, 1e9).unref?.());\n");
    const clock = createTestClock();
    const waiting = refusal("./endless.ts", open(clock));
    while (clock.sleeping === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    await clock.advance(30_000);
    assert.match(await waiting, /^plugin\.load: .*endless\.ts: it was not loaded within 30s$/);
    assert.equal(clock.sleeping, 0);
  });
});
