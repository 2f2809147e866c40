// The whole headend in one process against a real upstream: what players see.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Assembly, readWanted, wantedOf } from "../../core/assembly.ts";
import { until } from "../support/host.ts";
import {
  config,
  files,
  folder,
  get,
  guide,
  playlist,
  refresh,
  running,
  start,
  stop,
  text,
  upstream,
  useHeadend,
} from "../support/whole.ts";

describe("a headend", () => {
  useHeadend();

  it("answers 503 with Retry-After before the first refresh has completed", async () => {
    await start(config(upstream.base));
    for (const path of ["/playlist.m3u", "/playlist", "/guide.xml", "/guide.xml.gz", "/epg", "/one/playlist.m3u"]) {
      const answer = await get(path);
      assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "30"], path);
    }
    assert.equal((await get("/healthz")).status, 503);
    assert.equal((await get("/readyz")).status, 503);
  });

  it("serves a playlist and a guide that bind, ids rewritten, the first source owning a channel", async () => {
    await start(config(upstream.base));
    await refresh();
    const list = await text("/playlist.m3u");
    assert.match(list, /^#EXTM3U .*url-tvg="http:\/\/tv\.example:8888\/guide\.xml\.gz"/);
    assert.match(list, /tvg-id="Italia 1"[\s\S]*http:\/\/tv\.example:8888\/live\/one:italia-1\/mpegts/);
    const xml = await text("/guide.xml");
    assert.match(xml, /channel="Italia 1"><title>first</);
    assert.match(xml, /channel="Rai 1"><title>second</);
    assert.equal(xml.match(/<programme /g)?.length, 2);
    assert.equal((await get("/healthz")).status, 200);
    assert.equal((await get("/readyz")).status, 200);
  });

  it("passes an instance's own playlist on byte for byte, but for the guide's address", async () => {
    await start(config(upstream.base).replace("use: m3u", "use: m3u, deliver: direct"));
    await refresh();
    const [header, ...lines] = (await text("/one/playlist.m3u")).split("\n");
    assert.deepEqual(lines, playlist.split("\n").slice(1));
    assert.match(header ?? "", / url-tvg="http:\/\/tv\.example:8888\/one\/guide\.xml\.gz"/);
    assert.match(header ?? "", / refresh="3600"/);
  });

  it("asks once and writes nothing when nothing has changed", async () => {
    await start(config(upstream.base));
    await refresh();
    await text("/playlist.m3u");
    const before = await files();
    upstream.requests.length = 0;
    await refresh();
    assert.deepEqual(upstream.requests.sort(), ["304 /a.xml", "304 /b.xml", "304 /list.m3u"]);
    assert.deepEqual(await files(), before);
  });

  it("says that a playlist or guide is still the same only as long as it is", async () => {
    await start(config(upstream.base));
    await refresh();
    for (const path of [
      "/playlist.m3u",
      "/one/playlist.m3u",
      "/guide.xml",
      "/guide.xml.gz",
      "/playlist.m3u?output=m3u8",
    ]) {
      const etag = (await get(path)).headers.get("etag") ?? "";
      for (let time = 0; time < 3; time++) {
        const again = await get(path, { "if-none-match": etag });
        assert.deepEqual([again.status, again.headers.get("etag")], [304, etag], path);
      }
      upstream.answers.set("/list.m3u", playlist.replaceAll("Rai 1", `Rai ${path.length}`));
      upstream.answers.set("/a.xml", guide(path, "Italia 1"));
      await refresh();
      await until(async () => (await get(path, { "if-none-match": etag })).status === 200, `${path} is another`);
    }
  });

  it("serves the last good playlist and guide after a restart, before any upstream answers", async () => {
    await start(config(upstream.base));
    await refresh();
    const before = [await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")];
    await stop();
    upstream.answers.clear();
    await start(config(upstream.base));
    assert.deepEqual([await text("/playlist.m3u"), await text("/one/playlist.m3u"), await text("/guide.xml")], before);
    assert.equal((await get("/healthz")).status, 200);
    await refresh();
    assert.equal(await text("/playlist.m3u"), before[0]);
  });

  it("restarts only the instances whose config has changed", async () => {
    const two = `${config(upstream.base)}  two: { use: xmltv, guides: ["${upstream.base}/b.xml"] }\n`;
    await start(two);
    await refresh();
    const { supervisor } = running as Assembly;
    const [one, other] = [supervisor.instances.get("one"), supervisor.instances.get("two")];
    await writeFile(join(folder, "headend.yaml"), two.replace("use: xmltv", "use: xmltv, refresh: 1h"));
    const read = await readWanted({
      flags: { config: join(folder, "headend.yaml"), data: join(folder, "data") },
      env: {},
      cwd: folder,
      builtins: [],
      worker: new URL("file:///"),
    });
    await supervisor.apply(wantedOf(read));
    assert.equal(supervisor.instances.get("one"), one);
    assert.notEqual(supervisor.instances.get("two"), other);
    assert.match(await text("/playlist.m3u"), /Italia 1/);
  });

  it("forgets what was cached when it is told to refresh clean, but no identity", async () => {
    await start(config(upstream.base));
    await refresh();
    const before = await text("/playlist.m3u");
    upstream.requests.length = 0;
    await (running as Assembly).supervisor.refresh("one", true);
    assert.deepEqual(upstream.requests.sort(), ["200 /a.xml", "200 /b.xml", "200 /list.m3u"]);
    assert.equal(await text("/playlist.m3u"), before);
  });

  it("works from the ten environment variables alone", async () => {
    await start("", {
      PZ8_RELAY_TARGET_URL: `${upstream.base}/list.m3u`,
      PZ8_RELAY_USERNAME: "ana",
      PZ8_RELAY_PASSWORD: "secret",
      PZ8_RELAY_PUBLIC_URL: "https://relay.example",
      PZ8_RELAY_EPG_URLS: `${upstream.base}/a.xml,${upstream.base}/b.xml`,
      PZ8_RELAY_EPG_REFRESH: "12h",
    });
    await refresh();
    assert.equal((await get("/playlist")).status, 401);
    assert.equal((await get("/healthz")).status, 200);
    const authorization = `Basic ${btoa("ana:secret")}`;
    for (const path of ["/playlist", "/"]) {
      const answer = await get(path, { authorization });
      assert.equal(answer.headers.get("content-type"), "application/vnd.apple.mpegurl");
      const [header, ...lines] = (await answer.text()).split("\n");
      assert.match(header ?? "", /url-tvg="https:\/\/relay\.example\/epg"/);
      assert.deepEqual(lines, playlist.split("\n").slice(1));
    }
    const epg = await get("/epg", { authorization, "accept-encoding": "gzip" });
    assert.deepEqual(
      [epg.headers.get("content-type"), epg.headers.get("content-encoding")],
      ["application/xml", "gzip"],
    );
    assert.match(await text("/epg", { authorization }), /channel="Italia 1"><title>first/);
  });

  it("carries a path token through every link of the playlist", async () => {
    await start(`${config(upstream.base)}  cards: { use: testcard }\naccess: { tokens: { tv: "0123456789abcdef" } }\n`);
    await refresh();
    assert.equal((await get("/playlist.m3u")).status, 401);
    assert.equal((await get("/t/wrong-token-here/playlist.m3u")).status, 403);
    const list = await text("/t/0123456789abcdef/playlist.m3u");
    assert.match(list, /url-tvg="http:\/\/tv\.example:8888\/t\/0123456789abcdef\/guide\.xml\.gz"/);
    assert.match(list, /^http:\/\/tv\.example:8888\/t\/0123456789abcdef\/live\/cards:1\/mpegts/m);
    assert.equal((await get("/t/0123456789abcdef/guide.xml.gz")).status, 200);
  });
});
