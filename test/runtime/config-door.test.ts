// A plugin of the user's changes the config file of a real process: comments stay, and so do everybody's streams.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createFeed } from "../support/feed.ts";
import { until } from "../support/host.ts";
import { openUpstream } from "../support/upstream.ts";
import { command, fetchUntil, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

/** Channels from its config, which it changes by a route, and takes as it runs. */
const plugin = `
import { definePlugin } from "headend/plugin";
import { z } from "zod";
export default definePlugin({
  name: "shelf",
  api: 1,
  config: z.strictObject({ items: z.record(z.string(), z.url()) }),
  setup(host, config) {
    let { items } = config;
    return {
      mayBeEmpty: true,
      async *channels() {
        yield Object.entries(items).map(([id, url]) => ({ id, name: id, url }));
      },
      reconfigure(next) {
        items = next.items;
        return true;
      },
      routes: (app) =>
        app.get("/items", () => host.config.read()).put("/items/:item", async ({ params, request }) => {
          const text = await request.text();
          await host.config.change([{ path: ["items", params.item], value: text || undefined }]);
          return Response.json(host.lineup.channels(host.name).map(({ ownId }) => ownId));
        }),
    };
  },
});
`;

test("a change that a plugin makes is in force at once, and cuts no stream", { timeout }, () =>
  withFolder(async (folder) => {
    const clip = await readFile(join(import.meta.dirname, "../../providers/testcard/testcard-1.mpegts"));
    const feed = createFeed(clip, { seconds: 30 });
    const upstream = await openUpstream({ "/door": feed.answer });
    await mkdir(join(folder, "plugins"));
    await writeFile(join(folder, "plugins/shelf.ts"), plugin);
    const file = join(folder, "headend.yaml");
    const text = `# mine\ninstances:\n  one:\n    use: ./shelf.ts\n    items: # all of them\n      door: ${upstream.base}/door # in front\n  two: { use: ./shelf.ts, items: {} } # untouched\n`;
    await writeFile(file, text);
    try {
      await serving(
        folder,
        async ({ base, output }) => {
          await fetchUntil(200, `${base}/readyz`);
          const put = async (item: string, body: string) => {
            const answer = await fetch(`${base}/one/items/${item}`, { method: "PUT", body });
            return { status: answer.status, body: await answer.text() };
          };
          const watching = await fetchUntil(200, `${base}/live/one:door.ts`);
          const reader = watching.body?.getReader();
          let received = 0;
          const reading = (async () => {
            for (;;) {
              const next = await reader?.read();
              if (!next || next.done) return "ended";
              received += next.value.length;
            }
          })();
          reading.catch(() => {});
          const flows = async () => {
            const before = received;
            for (const last = Date.now() + 15_000; received === before; await sleep(20))
              assert.ok(Date.now() < last, `nothing came any more:\n${output()}`);
          };
          await flows();

          assert.deepEqual(await put("yard", `${upstream.base}/yard`), { status: 200, body: '["door","yard"]' });
          await flows();
          assert.equal(
            await readFile(file, "utf8"),
            text.replace("# in front\n", `# in front\n      yard: ${upstream.base}/yard\n`),
          );
          assert.match(output(), /"reconfigured":"one"/);

          const refused = await put("attic", "no address");
          assert.equal(refused.status, 400);
          assert.match(refused.body, /headend\.yaml:\d+:\d+ instances\.one\.items\.attic: /);
          const secret = await put("attic", `http://\${HOME}.example/`);
          assert.match(secret.body, /instances\.one\.items\.attic: .*by hand only/);
          assert.deepEqual(await put("yard", ""), { status: 200, body: '["door"]' });
          assert.equal(await readFile(file, "utf8"), text);
          await flows();
          assert.equal(feed.came, 1, "the upstream was opened again");

          // What was written here is not taken for somebody else's change.
          const reads = () => output().split("config read again").length - 1;
          await until(() => reads() === 2, "both changes are told of");
          await sleep(600);
          assert.equal(reads(), 2);
          await reader?.cancel();
        },
        ["--config", file],
      );
    } finally {
      await upstream.close();
    }
  }),
);

const mounts = spawnSync("unshare", ["--mount", "true"]).status === 0;

test("a file that is mounted by itself, as containers have it, is written over", { timeout, skip: !mounts }, () =>
  withFolder(async (folder) => {
    const [outside, inside] = [join(folder, "outside.yaml"), join(folder, "headend.yaml")];
    await mkdir(join(folder, "plugins"));
    await writeFile(join(folder, "plugins/shelf.ts"), plugin);
    await writeFile(outside, "instances:\n  one: { use: ./shelf.ts, items: {} } # mine\n");
    await writeFile(inside, "");
    const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const serve = ["serve", "--data", folder, "--config", inside, "--listen", "127.0.0.1:0"];
    const words = ["--mount", "sh", "-c", script, "sh", outside, inside, ...command, ...serve];
    const child = spawn("unshare", words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    try {
      const base = await new Promise<string>((resolve, reject) => {
        let output = "";
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding("utf8").on("data", (text: string) => {
            output += text;
            const found = /listening on (http:\/\/[^\s"]+)/.exec(output)?.[1];
            if (found) resolve(found);
          });
        child.on("close", () => reject(new Error(output)));
      });
      await fetchUntil(200, `${base}/one/items`);
      const answer = await fetch(`${base}/one/items/door`, { method: "PUT", body: "http://up.example/door" });
      assert.deepEqual([answer.status, await answer.text()], [200, '["door"]']);
      const written =
        "instances:\n  one: # mine\n    use: ./shelf.ts\n    items:\n      door: http://up.example/door\n";
      assert.equal(await readFile(outside, "utf8"), written);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  }),
);
