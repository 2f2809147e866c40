// The plugin as a plugin, and its addresses, whichever way a request came.
import assert from "node:assert/strict";
import { test } from "node:test";
import hls from "../../../plugins/hls/index.ts";
import { moveNames, prefixOf } from "../../../plugins/hls/links.ts";
import { testPlugin } from "../../support/plugin.ts";

testPlugin(hls, {
  config: { window: 4 },
  invalid: [{ window: 2 }, { segment: "0" }, { segment: "2" }, { memory: "1KB" }, { idle: "-1s" }, { port: 1 }],
});

test("prefixOf() leads from every address of a channel to what lies below it", () => {
  const below = "http://tv.example/live/one%3Anews/m3u8/a.ts";
  for (const path of [
    "/live/one:news.m3u8",
    "/live/one%3Anews.m3u8?utc=1",
    "/live/one:news/index.m3u8",
    "/live/one:news/video-1-2.m3u8",
    "/live/one:news/m3u8/past/1-2-a/index.m3u8",
    "/timeshift/xc/xc/60/2026-01-01:10-00/one:news.m3u8",
  ]) {
    const address = `http://tv.example${path}`;
    const prefix = prefixOf(new Request(address), "one:news", "http://tv.example");
    assert.equal(new URL(`${prefix}a.ts`, address).href, below, path);
  }
});

test("an access token stays in the addresses that players make of it", () => {
  // The server takes the token away before a plugin sees the request; the player still has it.
  const prefix = prefixOf(new Request("http://tv.example/live/one:news.m3u8"), "one:news", "");
  assert.equal(
    new URL(`${prefix}a.ts`, "https://proxy.example/tv/t/geheim/live/one:news.m3u8").href,
    "https://proxy.example/tv/t/geheim/live/one%3Anews/m3u8/a.ts",
  );
});

test("moveNames() moves our names and leaves what is elsewhere", async () => {
  const text =
    '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="k1.key"\n#EXTINF:2,\nmain-7.ts\n#EXTINF:2,\nhttp://cdn.example/x.ts\n';
  assert.equal(
    await moveNames(text, "hls/"),
    '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="hls/k1.key"\n#EXTINF:2,\nhls/main-7.ts\n#EXTINF:2,\nhttp://cdn.example/x.ts\n',
  );
});
