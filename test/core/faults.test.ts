// The whole headend against an upstream, a plugin or a config that is broken: what players see must not change.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  config,
  folder,
  get,
  guide,
  playlist,
  refresh,
  start,
  stop,
  table,
  text,
  upstream,
  useHeadend,
} from "../support/whole.ts";

describe("a headend", () => {
  useHeadend();

  const broken: Record<string, (response: import("node:http").ServerResponse) => void> = {
    "404": (r) => r.writeHead(404).end(),
    "500": (r) => r.writeHead(500).end("oops"),
    "a web page with status 200": (r) => r.end("<!DOCTYPE html><html><body>Your account has expired</body></html>"),
    "an empty body": (r) => r.end(),
    "a playlist without channels": (r) => r.end("#EXTM3U\n"),
    "half a body": (r) => {
      r.writeHead(200, { "content-length": "100000" });
      r.write(playlist.slice(0, 90), () => r.destroy());
    },
    "a reset": (r) => r.destroy(),
    "endless redirects": (r) => r.writeHead(302, { location: "/list.m3u" }).end(),
  };
  for (const [what, answer] of Object.entries(broken)) {
    it(`keeps everything when upstream gives ${what}, and recovers`, async () => {
      await start(config(upstream.base));
      await refresh();
      const before = [await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")];
      for (const path of ["/list.m3u", "/a.xml", "/b.xml"]) upstream.answers.set(path, answer);
      await refresh();
      assert.deepEqual(
        [await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")],
        before,
      );
      assert.match(table(), / degraded\n[\s\S]*^one: /m);
      upstream.answers.set("/list.m3u", playlist.replaceAll("Rai 1", "Rai Uno"));
      upstream.answers.set("/a.xml", guide("third", "Italia 1.it"));
      upstream.answers.set("/b.xml", guide("third", "rai uno"));
      await refresh();
      assert.match(await text("/playlist.m3u"), /Rai Uno/);
      assert.match(await text("/guide.xml"), /channel="Rai Uno"><title>third/);
    });
  }

  it("shows no channel of an instance that the config no longer names, even while the new one fails", async () => {
    await start("");
    await refresh();
    assert.match(await text("/playlist.m3u"), /Test card 1/);
    await stop();
    await start(`instances: { one: { use: m3u, playlist: "${upstream.base}/gone.m3u" } }\n`);
    await refresh();
    assert.equal((await get("/playlist.m3u")).status, 503);
    assert.equal((await get("/healthz")).status, 503);
    assert.match(await text("/healthz"), /one has not refreshed yet/);
  });

  it("names an instance whose config is wrong, and serves the others", async () => {
    await start(
      `${config(upstream.base)}  two: { use: m3u, playlist: "${upstream.base}/list.m3u", exclude: [{ grp: x }] }\n`,
    );
    await refresh();
    assert.equal((await get("/playlist.m3u")).status, 200);
    assert.match(await text("/healthz"), /two is invalid: .*exclude\[0\]/);
    assert.match(table(), /^two .* invalid\n[\s\S]*^two: .*exclude\[0\]/m);
    assert.equal((await get("/two/anything")).status, 503);
  });

  it("takes a password with any signs in an address, when it comes from the environment", async () => {
    let seen = "";
    upstream.answers.set("/list.m3u", (response) => {
      seen = response.req.headers.authorization ?? "";
      response.end(playlist);
    });
    const password = "p@ss/w#rd:%1";
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the config that fills it in.
    const address = upstream.base.replace("://", "://ana:${SECRET}@");
    await start(`instances: { one: { use: m3u, playlist: "${address}/list.m3u" } }\n`, { SECRET: password });
    await refresh();
    assert.equal(seen, `Basic ${btoa(`ana:${password}`)}`);
  });

  it("goes on with the other guides when a single source fails", async () => {
    upstream.answers.delete("/a.xml");
    await start(config(upstream.base));
    await refresh();
    assert.match(await text("/guide.xml"), /channel="Italia 1"><title>second/);
    assert.match(table(), /a\.xml.*404/);
  });

  it("refreshes the guide for the last good channels when the playlist fails", async () => {
    await start(config(upstream.base));
    await refresh();
    upstream.answers.delete("/list.m3u");
    upstream.answers.set("/a.xml", guide("newer", "Italia 1.it"));
    await refresh();
    assert.match(await text("/guide.xml"), /channel="Italia 1"><title>newer/);
  });

  it("keeps one instance's failure from the others", async () => {
    await mkdir(join(folder, "data", "plugins"), { recursive: true });
    const plugin = (name: string, setup: string) =>
      writeFile(
        join(folder, "data", "plugins", `${name}.ts`),
        `export default { name: "${name}", api: 1, config: { parse: (x) => x, safeParse: (data) => ({ success: true, data }) }, setup: ${setup} };`,
      );
    await plugin("throws", `() => { throw new Error("no luck") }`);
    await plugin("breaks", `() => ({ async *channels() { yield { name: "A" }; throw new Error("lost it") } })`);
    await start(
      `${config(upstream.base)}  bad: { use: ./throws.ts }\n  worse: { use: ./breaks.ts }\n  gone: { use: ./missing.ts }\n`,
    );
    await refresh();
    assert.match(await text("/playlist.m3u"), /Italia 1/);
    assert.match(table(), /^bad .* invalid\n[\s\S]*^bad: no luck/m);
    assert.match(table(), /^worse .* degraded\n[\s\S]*^worse: lost it/m);
    assert.match(table(), /^gone .* invalid\n[\s\S]*^gone: .*no file is at/m);
    const answer = await get("/bad/anything");
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /no luck/);
  });
});
