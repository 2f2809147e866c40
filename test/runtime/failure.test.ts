// The hostile world: plugins, upstreams and disks that fail must take down nothing but themselves.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openUpstream } from "../support/upstream.ts";
import { fetchUntil, launch, type Running, runHeadend, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

const playlist = (name: string) => `#EXTM3U\n#EXTINF:-1 tvg-id="a",${name}\nhttp://cdn.example/${name}.ts\n`;
const guide = (title: string) =>
  `<tv><channel id="a"><display-name>A</display-name></channel><programme start="20990101000000 +0000" stop="20990101010000 +0000" channel="a"><title>${title}</title></programme></tv>`;
const config = (base: string, more = "") =>
  `guide: { days: all }\ninstances:\n  good: { use: m3u, playlist: "${base}/list", guides: ["${base}/guide"] }\n${more}`;

interface Status {
  readonly instances: readonly { name: string; state: string; sentence: string; channels: number }[];
}

async function sentences({ base }: Running): Promise<Record<string, string>> {
  const { instances } = (await (await fetch(`${base}/api/status`)).json()) as Status;
  return Object.fromEntries(instances.map(({ name, state, sentence }) => [name, `${state}: ${sentence}`]));
}

async function served({ base }: Running): Promise<string[]> {
  const paths = ["/playlist.m3u", "/guide.xml"];
  return Promise.all(paths.map(async (path) => (await fetchUntil(200, base + path)).text()));
}

const plugins: Readonly<Record<string, string>> = {
  hangs: "() => new Promise(() => {})",
  silent: "() => ({ async *channels() { await new Promise(() => {}); } })",
  routes: '() => ({ routes() { throw new Error("no routes today"); } })',
  health: '() => ({ health() { throw new Error("not well"); } })',
  stops: '() => ({ stop() { throw new Error("stop threw"); } })',
  strays:
    '() => { setTimeout(() => { throw new Error("a stray"); }); Promise.reject(new Error("rejected")); return {}; }',
  nothing: "() => undefined",
  garbage: "() => ({ async *channels() { yield 7; } })",
  nameless: '() => ({ async *channels() { yield { title: "no name" }; } })',
  guideless: "() => ({ guide: () => 7 })",
};

test("a plugin that fails in any way leaves the others alone", { timeout }, () =>
  withFolder(async (folder) => {
    const upstream = await openUpstream({ "/list": playlist("A"), "/guide": guide("first") });
    await mkdir(join(folder, "plugins"));
    for (const [name, setup] of Object.entries(plugins)) {
      const plugin = `export default { name: "${name}", api: 1, config: { safeParse: (data) => ({ success: true, data }) }, setup: ${setup} };`;
      await writeFile(join(folder, "plugins", `${name}.ts`), plugin);
    }
    const more = Object.keys(plugins).map((name) => `  ${name}: { use: ./${name}.ts }\n`);
    await writeFile(join(folder, "headend.yaml"), config(upstream.base, more.join("")));
    try {
      await serving(
        folder,
        async (headend) => {
          // Whoever comes early is asked to come again, and never told that nothing is there.
          const early = await fetch(`${headend.base}/playlist.m3u`);
          assert.ok([200, 503].includes(early.status), `${early.status}`);
          const list = await (await fetchUntil(200, `${headend.base}/good/playlist.m3u`)).text();
          assert.match(list, /\/live\/good:a\/mpegts/);
          await fetchUntil(503, `${headend.base}/nothing/x`);
          const waiting = await fetch(`${headend.base}/hangs/x`);
          assert.equal(waiting.status, 503);
          assert.match(await waiting.text(), /hangs is still starting/);
          const state = await sentences(headend);
          assert.match(state.good ?? "", /^ok/);
          assert.equal(state.routes, "invalid: no routes today");
          assert.equal(
            state.nothing,
            "invalid: setup() gave undefined; expected an object with what the plugin contributes",
          );
          assert.equal(state.health, "degraded: health() failed: not well");
          assert.equal(state.garbage, "degraded: channels() gave a number; expected channels");
          assert.match(state.nameless ?? "", /^degraded: .*a channel whose name is undefined/);
          assert.equal(state.guideless, "degraded: guide() gave a number; expected a list of sources");
          assert.match(headend.output(), /uncaught exception: a stray/);
          assert.match(headend.output(), /unhandled rejection: rejected/);
          const begun = Date.now();
          const { code, output } = await headend.end("SIGTERM");
          assert.equal(code, 0, output);
          assert.ok(Date.now() - begun < 5000, "a setup that hangs held up the end");
        },
        ["--config", join(folder, "headend.yaml")],
      );
    } finally {
      await upstream.close();
    }
  }),
);

test("an upstream that is out to harm is refused in one sentence, in flat memory", { timeout }, () =>
  withFolder(async (folder) => {
    const zeros = gzipSync(Buffer.alloc(1 << 27), { level: 9 });
    const upstream = await openUpstream({
      "/list": playlist("A"),
      "/guide": guide("first"),
      "/zeros": zeros,
      "/nested": gzipSync(zeros),
      "/html": "<!doctype html><html><body>expired</body></html>",
      "/loop": (response) => response.writeHead(302, { location: "/loop" }).end(),
      "/coded": (response) =>
        response.writeHead(200, { "content-encoding": "gzip", "content-length": zeros.length }).end(zeros),
      "/line": async (response) => {
        response.write("#EXTM3U\n#EXTINF:-1,");
        const piece = Buffer.alloc(1 << 20, 97);
        for (let n = 0; n < 96; n++)
          if (!response.write(piece)) await new Promise((resume) => response.once("drain", resume));
        response.end();
      },
    });
    const paths = ["zeros", "nested", "html", "loop", "coded", "line"];
    const more = paths.flatMap((path) => [
      `  list-${path}: { use: m3u, playlist: "${upstream.base}/${path}" }\n`,
      `  guide-${path}: { use: xmltv, guides: ["${upstream.base}/${path}"] }\n`,
    ]);
    await writeFile(join(folder, "headend.yaml"), config(upstream.base, more.join("")));
    try {
      await serving(
        folder,
        async (headend) => {
          await fetchUntil(200, `${headend.base}/readyz`);
          assert.match((await served(headend)).join(), /,A\n[\s\S]*<title>first</);
          const { good, ...all } = await sentences(headend);
          const state = Object.fromEntries(Object.entries(all).filter(([name]) => /^(?:list|guide)-/.test(name)));
          assert.match(good ?? "", /^ok/);
          const expected: Readonly<Record<string, RegExp>> = {
            zeros: /\/zeros: expands more than 200 times|no <tv> element/,
            nested: /not a playlist|not an XMLTV guide/,
            html: /web page|HTML/i,
            loop: /more than 10 redirects/,
            coded: /expands more than 250 times|not a playlist|not an XMLTV guide/,
            line: /not a playlist|not an XMLTV guide/,
          };
          assert.equal(Object.keys(state).length, 2 * paths.length);
          for (const [name, sentence] of Object.entries(state)) {
            assert.match(sentence, /^degraded: /, name);
            assert.match(sentence, expected[name.replace(/^\w+-/, "")] ?? /^$/, name);
          }
          const peak = /VmHWM:\s+(\d+)/.exec(
            await readFile(`/proc/${headend.pid}/status`, "utf8").catch(() => ""),
          )?.[1];
          // What they send is 700 MiB once it is decoded.
          assert.ok(Number(peak ?? 0) < 600 * 1024, `peak memory ${peak} KiB`);
        },
        ["--config", join(folder, "headend.yaml")],
      );
    } finally {
      await upstream.close();
    }
  }),
);

test(
  "headend refresh exits with 3 when a source fails and 0 when it works again; check prints every problem",
  { timeout },
  () =>
    withFolder(async (folder) => {
      const upstream = await openUpstream({ "/list": playlist("A") });
      const args = ["--data", join(folder, "data"), "--config", join(folder, "headend.yaml")];
      try {
        await writeFile(join(folder, "headend.yaml"), config(upstream.base));
        const failed = await runHeadend(["refresh", ...args], folder);
        assert.equal(failed.code, 3, failed.output);
        assert.match(failed.output, /good +1 .* degraded\n[\s\S]*^good: .*\/guide: answered 404/m);
        upstream.answers.set("/guide", guide("first"));
        const worked = await runHeadend(["refresh", ...args], folder);
        assert.equal(worked.code, 0, worked.output);
        await writeFile(
          join(folder, "headend.yaml"),
          "listen: nowhere:99999\ninstances:\n  one: { use: m3u, playlst: x }\n  two: { use: m4u }\n  three: { use: ./gone.ts, refresh: soon }\n",
        );
        const checked = await runHeadend(["check", ...args], folder);
        assert.equal(checked.code, 2);
        const lines = checked.output.trim().split("\n");
        for (const problem of [/:1:\d*:? listen/, /:3:.*playlst.*playlist/, /:4:.*m4u.*m3u/, /:5:.*refresh/])
          assert.ok(
            lines.some((line) => problem.test(line)),
            `${problem} is not in\n${checked.output}`,
          );
      } finally {
        await upstream.close();
      }
    }),
);

test(
  "SIGTERM during a refresh ends within 5 s: 0 of a server, 143 of the command that was cut short",
  { timeout },
  () =>
    withFolder(async (folder) => {
      // Begins an answer and never ends it.
      const server = createServer((_, response) => void response.writeHead(200).write("#EXTM3U\n"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const asked = () => new Promise((resolve) => server.once("request", resolve));
      const { port } = server.address() as AddressInfo;
      const args = ["--config", join(folder, "headend.yaml")];
      await writeFile(join(folder, "headend.yaml"), config(`http://127.0.0.1:${port}`));
      try {
        const request = asked();
        const { child, ended } = launch(["refresh", "--data", folder, ...args], folder);
        await request;
        const begun = Date.now();
        process.kill(child.pid ?? 0, "SIGTERM");
        const { code, output } = await ended;
        assert.equal(code, 143, output);
        assert.ok(Date.now() - begun < 5000);
        await serving(
          folder,
          async ({ end }) => {
            await asked();
            const begun = Date.now();
            const { code, output } = await end("SIGTERM");
            assert.equal(code, 0, output);
            assert.ok(Date.now() - begun < 5000);
          },
          args,
        );
      } finally {
        server.close();
        server.closeAllConnections();
      }
    }),
);
