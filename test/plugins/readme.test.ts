// The READMEs of the two folders cannot lie: tables come from the schemas, the matrix names every provider, the example runs.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { Elysia } from "elysia";
import type { Plugin } from "../../core/plugin.ts";
import { providers } from "../../providers/index.ts";
import { createTestHost, lineupChannel } from "../support/host.ts";
import { compareReadme, readmes, unpadded } from "../support/readme.ts";

test("the tables of keys are those of the schemas", async () => {
  for (const { path, plugins } of readmes) {
    const { written, generated } = await compareReadme(path, plugins);
    assert.equal(unpadded(written), unpadded(generated), `${path} is behind: run bun test/support/readme.ts`);
  }
});

test("every key of a built-in says what it means", () => {
  for (const { plugins } of readmes) {
    for (const { name, config } of plugins) {
      const { shape } = config as unknown as { shape: Record<string, { description?: string }> };
      for (const [key, schema] of Object.entries(shape)) assert.ok(schema.description, `${name}: ${key}`);
    }
  }
});

test("the matrix has a row for every provider", async () => {
  const text = unpadded(await readFile(readmes[0]?.path ?? "", "utf8"));
  const rows = [...text.matchAll(/^\|`([\w-]+)`\|(?:[^|]+\|){5}$/gm)].map((row) => row[1]);
  assert.deepEqual(
    rows,
    providers.map((provider) => provider.name),
  );
});

test("the example of a plugin runs as it stands", async (t) => {
  const readme = await readFile(readmes[1]?.path ?? "", "utf8");
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const folder = await mkdtemp(join(tmpdir(), "headend-readme-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "acme.ts");
  const contract = pathToFileURL(join(import.meta.dirname, "../../core/plugin.ts")).href;
  // The loader gives a dropped file these two; here they are named by address.
  await writeFile(file, code.replace("headend/plugin", contract).replace('"zod"', `"${import.meta.resolve("zod")}"`));
  const { default: acme } = (await import(pathToFileURL(file).href)) as { default: Plugin };
  const host = await createTestHost("acme");
  t.after(() => host.close());
  const list = "https://acme.example/channels.json";
  host.answer(list, JSON.stringify([{ name: "One", stream: "http://up/1.ts" }]));
  const given = await acme.setup(host, acme.config.parse({ list }));
  const channels = [];
  for await (const channel of given.channels?.(host.signal) ?? []) channels.push(channel);
  assert.deepEqual(channels, [{ name: "One", url: "http://up/1.ts", groups: ["Acme"] }]);
  host.publish([lineupChannel({ name: "One", instance: "acme" })]);
  const app = given.routes?.(new Elysia());
  assert.equal(await (await app?.fetch(new Request("http://host.example/count")))?.text(), "1 channels\n");
});
