// The whole program as a process: on Bun, on Deno and as the executable it must do the same (see HEADEND_COMMAND).
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findSync, packetLength } from "../../core/formats/mpegts.ts";
import manifest from "../../package.json" with { type: "json" };
import { fetchUntil, runHeadend, serving, withFolder } from "./process.ts";

test("headend --version says which it is", () =>
  withFolder(async (folder) => {
    const { code, output } = await runHeadend(["--version"], folder);
    assert.equal(code, 0, output);
    assert.ok(output.includes(manifest.version), output);
  }));

test("headend serves the test card from an empty folder, and ends by SIGTERM with 0 within 5 s", () =>
  withFolder((folder) =>
    serving(folder, async ({ base, end }) => {
      await fetchUntil(200, `${base}/readyz`);
      assert.equal((await fetchUntil(200, `${base}/healthz`)).ok, true);

      const playlist = await (await fetchUntil(200, `${base}/playlist.m3u`)).text();
      assert.match(playlist, /^#EXTM3U/);
      assert.equal(playlist.match(/^#EXTINF/gm)?.length, 2);
      const guide = await (await fetchUntil(200, `${base}/guide.xml`)).text();
      assert.match(guide, /<tv[\s>]/);
      assert.ok((guide.match(/<programme /g)?.length ?? 0) > 48, "the guide has less than a day");
      for (const id of playlist.matchAll(/tvg-id="([^"]*)"/g))
        assert.ok(guide.includes(`channel="${id[1]}"`), `the guide has nothing for ${id[1]}`);

      const entry = playlist.split("\n").find((line) => line.startsWith("http")) ?? "";
      assert.ok(entry.startsWith(base), `${entry} is not an address of ${base}`);
      const { body, headers } = await fetch(entry.trim());
      assert.equal(headers.get("content-type"), "video/mp2t");
      const reader = body?.getReader();
      let bytes = new Uint8Array();
      while (bytes.length < 100 * packetLength) {
        const { value } = (await reader?.read()) ?? {};
        assert.ok(value, "the stream ended");
        bytes = Uint8Array.from([...bytes, ...value]);
      }
      assert.equal(findSync(bytes), 0);

      // A viewer that is still there does not hold it up.
      const before = Date.now();
      const { code, signal, output } = await end("SIGTERM");
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, output);
      assert.ok(Date.now() - before < 5000, "it took longer than 5 s to end");
      await reader?.cancel().catch(() => {});
    }),
  ));

test("HEAD of a channel opens nothing and holds nobody up", () =>
  withFolder((folder) =>
    serving(folder, async ({ base }) => {
      await fetchUntil(200, `${base}/readyz`);
      const answer = await fetch(`${base}/testcard/1.ts`, { method: "HEAD", signal: AbortSignal.timeout(5000) });
      assert.equal(answer.status, 200);
      assert.equal((await fetch(`${base}/healthz`, { signal: AbortSignal.timeout(5000) })).status, 200);
    }),
  ));

test("a second headend on the same data folder refuses, and says why", () =>
  withFolder((folder) =>
    serving(folder, async ({ base }) => {
      const second = await runHeadend(["serve", "--data", folder, "--listen", "127.0.0.1:0"], folder);
      assert.notEqual(second.code, 0);
      assert.match(second.output, /another headend/);
      await fetchUntil(200, `${base}/healthz`);
    }),
  ));

test("after kill -9 the next start serves the last good artefacts", () =>
  withFolder(async (folder) => {
    const before = await serving(folder, async ({ base, end }) => {
      await fetchUntil(200, `${base}/readyz`);
      const ids = idsOf(await (await fetchUntil(200, `${base}/playlist.m3u`)).text());
      await end("SIGKILL");
      return ids;
    });
    await serving(folder, async ({ base }) => {
      const ids = idsOf(await (await fetchUntil(200, `${base}/playlist.m3u`)).text());
      assert.deepEqual(ids, before);
    });
  }));

const provider = `// A provider as its author drops it: our contract and our zod by name, and a file of its own.
import { definePlugin } from "headend/plugin";
import { z } from "zod";
import { suffix } from "./acme-suffix.ts";

export default definePlugin({
  name: "acme",
  api: 1,
  config: z.strictObject({ word: z.string() }),
  setup(_host, config) {
    return {
      async *channels() {
        yield { id: "one", name: config.word + suffix, url: "http://up.example/one.ts" };
      },
    };
  },
});
`;

test("a dropped .ts provider loads, with headend/plugin and zod by name", () =>
  withFolder(async (folder) => {
    await mkdir(join(folder, "plugins"));
    await writeFile(join(folder, "plugins", "acme.ts"), provider);
    await writeFile(join(folder, "plugins", "acme-suffix.ts"), 'export const suffix: string = " dropped";\n');
    const config = join(folder, "headend.yaml");
    await writeFile(config, "instances:\n  acme: { use: ./acme.ts, word: Acme }\n");
    await serving(
      folder,
      async ({ base }) => {
        await fetchUntil(200, `${base}/readyz`);
        const playlist = await (await fetchUntil(200, `${base}/playlist.m3u`)).text();
        assert.match(playlist, /,Acme dropped\r?\n/);
      },
      ["--config", config],
    );
  }));

function idsOf(playlist: string): string[] {
  return [...playlist.matchAll(/tvg-(?:id|chno)="[^"]*"/g)].map(([attribute]) => attribute);
}
