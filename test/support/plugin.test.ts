// The conformance suite itself: a plugin that breaks the contract must fail it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const skip = process.versions.bun ? false : "it runs `bun test`";

const breaches = `// Written by plugin.test.ts, which removes it again.
import { z } from "zod";
import { definePlugin } from "../../core/plugin.ts";
import { testPlugin } from "../../test/support/plugin.ts";

testPlugin(
  definePlugin({
    name: "breaches",
    api: 1,
    config: z.object({ token: z.string() }),
    setup(host, config) {
      let asked = 0;
      host.log.info("asking with " + config.token);
      void host.clock.sleep(1000).catch(() => {});
      return {
        async *channels() {
          yield { name: "Channel " + ++asked, id: "one" };
          yield { name: "two\\nlines", id: "one" };
        },
        guide: () => [{} as never],
        routes: (app) => app.get("/*", () => "everything"),
        jobs: { never: { every: 0, run: async () => {} } },
        health: () => ({ state: "fine", sentence: "" }) as never,
      };
    },
  }),
  { config: { token: "s3cret" }, secrets: ["s3cret"], invalid: [{ token: "valid" }] },
);
`;

test("testPlugin() finds every breach", { skip }, async () => {
  // Below node_modules, so that it finds our packages and nothing finds it.
  const folder = await mkdtemp(join(import.meta.dirname, "../../node_modules/.breaches-"));
  try {
    await writeFile(join(folder, "breaches.test.ts"), breaches);
    const { stderr, status } = spawnSync(process.execPath, ["test", join(folder, "breaches.test.ts")], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    assert.notEqual(status, 0);
    const named = (word: string) =>
      [...stderr.matchAll(new RegExp(`^\\(${word}\\) plugin breaches > (.*?)(?: \\[.*)?$`, "gm"))].map(
        ([, name]) => name,
      );
    assert.deepEqual(
      new Set(named("pass")),
      new Set([
        "has a name for `use:` and speaks contract version 1",
        "config accepts the example",
        "config can be described as JSON Schema",
        "channels() ends when its signal aborts",
        "setup() works twice at once: instances share nothing",
      ]),
    );
    assert.equal(new Set(named("fail")).size, 8);
  } finally {
    await rm(folder, { recursive: true });
  }
});
