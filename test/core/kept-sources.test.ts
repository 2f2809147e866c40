// Which files a guide is made of: those that are named no more do not stay for ever.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createKeptSources } from "../../core/kept-sources.ts";
import { until } from "../support/host.ts";

const log = { debug() {}, info() {}, warn: assert.fail, error: assert.fail };

test("keep() removes documents of addresses that neither this refresh nor the one before named", async () => {
  const data = await mkdtemp(join(tmpdir(), "kept-"));
  try {
    const folder = join(data, "instances", "one", "documents");
    await mkdir(folder, { recursive: true });
    const own = join(data, "own.xml");
    await writeFile(own, "mine");
    const kept = createKeptSources(data, log);
    await kept.load("one");
    const refresh = async (...names: string[]) => {
      for (const name of names) for (const end of ["", ".json"]) await writeFile(join(folder, name + end), name);
      const paths = [...names.map((name) => join(folder, name)), ...(names.includes("a") ? [own] : [])];
      await kept.keep(
        "one",
        paths.map((path) => ({ name: path, instance: "one", path, digest: "d" })),
      );
    };
    const here = async () => (await readdir(folder)).filter((name) => !name.endsWith(".json")).sort();
    await writeFile(join(folder, "playlist"), "is not of the guide");
    await refresh("a", "same");
    await refresh("b", "same");
    assert.deepEqual(await here(), ["a", "b", "playlist", "same"]);
    await refresh("c", "same");
    await until(async () => (await here()).join() === "b,c,playlist,same", "the others are gone");
    await refresh("d", "b", "same");
    await until(async () => (await here()).join() === "b,c,d,playlist,same", "the others are gone");
    await refresh("d", "b", "same");
    await until(async () => (await here()).join() === "b,d,playlist,same", "the others are gone");
    const described = async () => (await readdir(folder)).filter((name) => name.endsWith(".json")).length;
    await until(async () => (await described()) === 3, "what described them is gone");
    assert.ok((await readdir(data)).includes("own.xml"));
  } finally {
    await rm(data, { recursive: true });
  }
});
