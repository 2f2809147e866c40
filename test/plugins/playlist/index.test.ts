// The playlist plugin over its own routes: what each address answers, to whom, and when.
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { LineupChannel } from "../../../core/plugin.ts";
import playlist from "../../../plugins/playlist/index.ts";
import { createTestHost, lineupChannel, until } from "../../support/host.ts";
import { testPlugin } from "../../support/plugin.ts";
import { start } from "./start.ts";

const two: readonly LineupChannel[] = [
  lineupChannel({ name: "A", number: "1", url: "/live/a.ts", logo: "/logo/a.png", deliver: "direct" }),
  lineupChannel({ name: "B", number: "2", instance: "two", deliver: "direct" }),
];

test("playlist serves the lineup at all its addresses, with links for the one who asks", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  for (const path of ["/", "/playlist", "/playlist.m3u", "/channels.m3u"]) {
    const response = await get(path);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "audio/x-mpegurl; charset=utf-8");
    const text = await response.text();
    assert.match(text, /^#EXTM3U url-tvg="http:\/\/tv\/guide.xml.gz" x-tvg-url="http:\/\/tv\/guide.xml.gz"\n/);
    assert.match(
      text,
      /tvg-logo="http:\/\/tv\/logo\/a.png".*,A\nhttp:\/\/tv\/live\/a.ts\n.*,B\nhttp:\/\/up.example\/B\n$/,
    );
  }
  assert.match(
    await (await get("/playlist.m3u", { host: "nas:8888" })).text(),
    /^#EXTM3U url-tvg="http:\/\/nas:8888\//,
  );
  host.publicUrl = "https://tv.example/t/secret";
  assert.match(await (await get("/playlist.m3u")).text(), /\nhttps:\/\/tv.example\/t\/secret\/live\/a.ts\n/);
});

test("a browser that opens the headend's address is led to the page, unless there is to be none", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
  const led = await get("/", { headers: browser });
  assert.deepEqual([led.status, led.headers.get("location")], [302, "http://tv/dashboard/"]);
  assert.equal((await get("/playlist.m3u", { headers: browser })).status, 200);
  assert.equal((await get("/", { headers: { accept: "*/*" } })).status, 200);
  const none = await start(t, { page: false });
  none.host.publish(two);
  assert.equal((await none.get("/", { headers: browser })).status, 200);
});

test("playlist answers 503 before the first refresh, and an empty playlist for an empty lineup", async (t) => {
  const { host, get } = await start(t);
  for (const path of ["/playlist.m3u", "/guide.xml", "/guide.xml.gz", "/one/playlist.m3u", "/one/guide.xml"]) {
    assert.equal((await get(path)).status, 503, path);
  }
  host.publish([]);
  assert.match(await (await get("/playlist.m3u")).text(), /^#EXTM3U [^\n]*\n$/);
});

test("playlist serves one instance's channels, and says when there are none", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  const text = await (await get("/two/playlist.m3u")).text();
  assert.match(text, /^#EXTM3U url-tvg="http:\/\/tv\/two\/guide.xml.gz"/);
  assert.match(text, /,B\n/);
  assert.doesNotMatch(text, /,A\n/);
  for (const path of ["/three/playlist.m3u", "/three/guide.xml", "/three/guide.xml.gz"]) {
    const response = await get(path);
    assert.equal(response.status, 404);
    assert.equal(await response.text(), "no instance called three has channels");
  }
});

test("playlist passes an instance's own playlist on with only the header's guide changed", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  const rest = "\r\n#EXTINF:-1 odd=1,B\r\nhttp://up.example/B\u0001\r\n";
  host.answer("http://up/l.m3u", `#EXTM3U name="x" x-tvg-url="http://up/g.xml"${rest}`);
  host.setOriginal("two", await host.fetch.document("http://up/l.m3u"));
  const link = "http://tv/two/guide.xml.gz";
  const response = await get("/two/playlist.m3u");
  assert.equal(await response.text(), `#EXTM3U url-tvg="${link}" name="x" x-tvg-url="${link}"${rest}`);
  // Its encoding is upstream's: nothing is said of it.
  assert.equal(response.headers.get("content-type"), "audio/x-mpegurl");
  host.answer("http://up/l.m3u", `#EXTM3U${rest}`);
  host.setOriginal("two", await host.fetch.document("http://up/l.m3u"));
  assert.equal(await (await get("/two/playlist.m3u")).text(), `#EXTM3U url-tvg="${link}" x-tvg-url="${link}"${rest}`);
  host.setOriginal("two", undefined);
  assert.match(await (await get("/two/playlist.m3u")).text(), /channel-id="two:b"/);
});

test("playlist can show one instance alone, its header untouched, under other types", async (t) => {
  const { host, get } = await start(t, {
    instance: "two",
    guideLink: false,
    playlistType: "application/vnd.apple.mpegurl",
    guideType: "text/xml",
  });
  host.publish(two);
  host.answer("http://up/l.m3u", "#EXTM3U up\n#EXTINF:-1,B\nhttp://up.example/B\n");
  host.setOriginal("two", await host.fetch.document("http://up/l.m3u"));
  const response = await get("/playlist");
  assert.equal(response.headers.get("content-type"), "application/vnd.apple.mpegurl");
  assert.equal(await response.text(), "#EXTM3U up\n#EXTINF:-1,B\nhttp://up.example/B\n");
  await host.setGuide("<tv>two</tv>", { instance: "two" });
  assert.equal((await get("/epg")).headers.get("content-type"), "text/xml");
});

test("playlist links a single instance to the guide of the config", async (t) => {
  const { host, get } = await start(t, { instance: "two", guideLink: "/epg" });
  host.publish(two);
  for (const path of ["/playlist.m3u", "/two/playlist.m3u"]) {
    assert.match(await (await get(path)).text(), /^#EXTM3U url-tvg="http:\/\/tv\/epg" x-tvg-url="http:\/\/tv\/epg"\n/);
  }
});

test("playlist serves the guide inflated, compressed, and as a gzip file", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  await host.setGuide("<tv>all</tv>");
  await host.setGuide("<tv>two</tv>", { instance: "two" });
  await host.setGuide("<tv>plex</tv>", { style: "plex" });
  for (const [path, xml] of [
    ["/guide.xml", "<tv>all</tv>"],
    ["/epg", "<tv>all</tv>"],
    ["/two/guide.xml", "<tv>two</tv>"],
    ["/guide.xml?style=plex", "<tv>plex</tv>"],
  ] as const) {
    const plain = await get(path);
    assert.equal(plain.headers.get("content-type"), "application/xml");
    assert.equal(plain.headers.get("content-encoding"), null);
    assert.equal(await plain.text(), xml);
    const packed = await get(path, { headers: { "accept-encoding": "gzip" } });
    assert.equal(packed.headers.get("content-encoding"), "gzip");
    assert.equal(gunzipSync(await packed.arrayBuffer()).toString(), xml);
  }
  for (const [path, xml] of [
    ["/guide.xml.gz", "<tv>all</tv>"],
    ["/two/guide.xml.gz", "<tv>two</tv>"],
  ] as const) {
    const file = await get(path, { headers: { "accept-encoding": "gzip" } });
    assert.equal(file.headers.get("content-type"), "application/gzip");
    assert.equal(file.headers.get("content-encoding"), null);
    assert.equal(gunzipSync(await file.arrayBuffer()).toString(), xml);
  }
});

test("playlist refuses a style of guide that it does not know, and names those it does", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  const response = await get("/guide.xml?style=emby");
  assert.equal(response.status, 400);
  assert.match(await response.text(), /plex, kodi, jellyfin/);
});

test("playlist answers HEAD and conditional requests with no body", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  await host.setGuide("<tv/>");
  for (const path of ["/", "/playlist.m3u", "/one/playlist.m3u", "/guide.xml", "/guide.xml.gz", "/epg"]) {
    const head = await get(path, { method: "HEAD" });
    assert.equal(head.status, 200, path);
    assert.equal(await head.text(), "");
    const etag = (await get(path)).headers.get("etag") ?? "";
    assert.equal(head.headers.get("etag"), etag);
    assert.equal((await get(path, { headers: { "if-none-match": etag } })).status, 304);
  }
});

test("playlist follows the lineup, and writes nothing when nothing changed", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  await get("/playlist.m3u");
  const etag = (await get("/playlist.m3u")).headers.get("etag");
  const written = new Set<string>();
  const { write } = host.cache;
  host.cache.write = (key, content) => {
    written.add(key);
    return write(key, content);
  };
  host.publish(two.map((channel) => ({ ...channel })));
  for (let turn = 0; turn < 50; turn++) await setImmediate();
  assert.equal((await get("/playlist.m3u")).headers.get("etag"), etag);
  assert.equal(written.size, 0);
  host.publish(two.map((channel) => ({ ...channel, logo: "/new.png" })));
  await until(async () => (await (await get("/playlist.m3u")).text()).includes("/new.png"), "the new lineup is served");
  assert.notEqual((await get("/playlist.m3u")).headers.get("etag"), etag);
  assert.ok(written.has("lineup.m3u"));
});

test("playlist serves what an earlier run wrote while its channels are there, and not when they are gone", async (t) => {
  const first = await start(t);
  first.host.publish(two);
  const text = await (await first.get("/playlist.m3u")).text();
  const before = await stat(first.host.cache.path("lineup.m3u"), { bigint: true });
  first.host.stop();
  const second = await start(t, {}, first.host.folder);
  assert.deepEqual(await readdir(second.host.cache.path("variants")).catch(() => []), []);
  assert.equal((await second.get("/playlist.m3u")).status, 503);
  second.host.publish(two);
  assert.equal(await (await second.get("/playlist.m3u")).text(), text);
  assert.equal((await stat(second.host.cache.path("lineup.m3u"), { bigint: true })).mtimeNs, before.mtimeNs);
});

test("playlist is written again when it is not known what the file at hand was made from", async (t) => {
  const first = await start(t);
  first.host.publish(two);
  await first.get("/playlist.m3u");
  const path = first.host.cache.path("lineup.m3u");
  first.host.stop();
  // As after a kill between the playlist and the note of its source.
  await first.host.cache.write("lineup.m3u", "#EXTM3U\n");
  const second = await start(t, {}, first.host.folder);
  second.host.publish(two);
  await second.host.clock.advance(1000);
  await until(async () => (await readFile(path, "utf8")).includes(",B\n"), "the playlist is whole again");
});

test("playlist stops when what it writes is written", async (t) => {
  const host = await createTestHost("playlist");
  t.after(() => host.close());
  const given = await playlist.setup(host, playlist.config.parse({}));
  host.publish(two);
  await host.clock.advance(1000);
  host.stop();
  await given.stop?.();
  assert.match(await readFile(host.cache.path("lineup.m3u"), "utf8"), /,B\n/);
});

test("playlist keeps few files whatever Host is sent, and serves all of them", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  for (let index = 0; index < 100; index++) {
    const response = await get("/playlist.m3u", { host: `h${index}` });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "audio/x-mpegurl; charset=utf-8");
    assert.ok((await response.text()).includes(`\nhttp://h${index}/live/a.ts\n`));
  }
  const count = async () => (await readdir(host.cache.path("variants"))).length;
  assert.equal(await count(), 32);
  await host.clock.advance(60_000);
  await get("/playlist.m3u", { host: "late" });
  await until(async () => (await count()) === 32, "the oldest file makes room");
  assert.ok((await get("/playlist.m3u", { host: "late" })).headers.get("etag"));
  assert.equal((await get("/playlist.m3u", { host: "h99", method: "HEAD" })).headers.get("etag") !== null, true);
  host.publish([lineupChannel({ name: "C" })]);
  await until(async () => (await (await get("/playlist.m3u")).text()).includes(",C\n"), "the new lineup is served");
  await until(async () => (await count()) === 1, "the files of the old lineup are gone");
});

test("playlist goes on without files when the disk refuses", async (t) => {
  const { host, get } = await start(t);
  host.publish(two);
  await get("/playlist.m3u");
  const { write } = host.cache;
  t.after(() => Object.assign(host.cache, { write }));
  Object.assign(host.cache, { write: () => Promise.reject(new Error("disk full")) });
  const text = await (await get("/playlist.m3u", { host: "other" })).text();
  assert.match(text, /http:\/\/other\/live\/a.ts/);
  host.publish([lineupChannel({ name: "C" })]);
  await host.clock.advance(1000);
  await until(() => host.logged.some((line) => line.level === "error"), "the failure is logged");
  assert.match(await (await get("/playlist.m3u")).text(), /,A\n/);
  assert.equal(host.logged.filter(({ level }) => level === "error").length, 1, "it is not tried at every request");
});

testPlugin(playlist, {
  config: {},
  invalid: [
    { catchup: "vod" },
    { output: "mp4" },
    { guideLink: "guide.xml" },
    { playlistType: "m3u" },
    { instance: "" },
  ],
  prepare: (host) => host.publish(two),
});
