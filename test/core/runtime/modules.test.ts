// Dropped files: they get our modules by name, a changed one is read anew, and a broken one says where.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as zod from "zod";
import * as contract from "../../../core/plugin.ts";
import { importFile, provideModules } from "../../../core/runtime/modules.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headend modules #"));
  provideModules({ "headend/plugin": contract, zod });
});
after(() => rm(folder, { recursive: true }));

async function drop(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const defaultOf = (module: unknown) => (module as { default: unknown }).default;

test("importFile() gives a dropped file our own contract and our own zod", async () => {
  const path = await drop(
    "acme.ts",
    `import { definePlugin, HeadendError } from "headend/plugin";
     import * as whole from "zod";
     import byDefault, { z } from "zod";
     export default [definePlugin, HeadendError, z.string().constructor, whole.ZodType, byDefault.ZodType] as unknown[];`,
  );
  assert.deepEqual(defaultOf(await importFile(path, 1)), [
    contract.definePlugin,
    contract.HeadendError,
    zod.z.string().constructor,
    zod.ZodType,
    zod.ZodType,
  ]);
});

test("importFile() gives a file as it is now when its version is another", async () => {
  const path = await drop("changing.ts", "export default 1 as number;");
  assert.equal(defaultOf(await importFile(path, "a")), 1);
  await drop("changing.ts", "export default 2 as number;");
  assert.equal(defaultOf(await importFile(path, "b")), 2);
  assert.equal(defaultOf(await importFile(path, "a")), 1);
});

test("importFile() lets a file import its neighbours and the built-in modules", async () => {
  await drop("neighbour.ts", 'export enum Colour { Red = "red" }');
  const path = await drop(
    "main.ts",
    'import { join } from "node:path"; import { Colour } from "./neighbour.ts"; export default join("a", Colour.Red);',
  );
  assert.equal(defaultOf(await importFile(path, 1)), join("a", "red"));
});

test("importFile() says where a file is broken, what throws, and what is missing", async () => {
  await assert.rejects(
    importFile(await drop("broken.ts", "\nexport default {{{"), 1),
    /broken\.ts(.|\n)*:2:|broken\.ts:2:/,
  );
  await assert.rejects(importFile(await drop("throws.ts", 'throw new Error("on purpose")'), 1), /on purpose/);
  await assert.rejects(importFile(join(folder, "nowhere.ts"), 1), /nowhere\.ts/);
  await assert.rejects(importFile(await drop("lacks.ts", 'import "headend-lacks-this"'), 1), /headend-lacks-this/);
});
