// Channels that only Kodi can play: listed to Kodi, hidden from others, played on a Kodi that the config names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { running as headend, refresh, start, stop, table, text, upstream, useHeadend } from "../../support/whole.ts";
import { iso } from "./add-ons.ts";
import { openStandIn } from "./kodi-stand-in.ts";

useHeadend();

const address = "plugin://plugin.video.one/play/1?a=b";
const vod = "plugin://plugin.video.one/play/vod/7";
const channels = {
  streams: [
    {
      id: "one.example",
      name: "On Kodi",
      preset: 1,
      stream: address,
      kodiprops: { inputstream: "inputstream.adaptive" },
    },
    { id: "two.example", name: "Anywhere", preset: 2, stream: "http://up.example/2.ts" },
  ],
};
const epg = { epg: { "one.example": [{ start: iso(-1), stop: iso(1), title: "Now on Kodi", stream: vod }] } };

async function startWith(more: object): Promise<void> {
  upstream.answers.set("/channels.json", gzipSync(JSON.stringify(channels)));
  upstream.answers.set("/epg.json", gzipSync(JSON.stringify(epg)));
  const sources = [{ name: "One", channels: `${upstream.base}/channels.json`, epg: `${upstream.base}/epg.json` }];
  const instances = {
    kodi: { use: "iptv-manager", sources, ...more },
    hdhr: { use: "hdhomerun", port: 0, discovery: { ssdp: false, hdhomerun: false } },
    testcard: false,
  };
  await start(JSON.stringify({ instances }));
  await refresh();
}

test("plugin:// channels are listed to Kodi as they are, and hidden from everybody else; their guide is there", async () => {
  await startWith({});
  const plain = await text("/playlist.m3u");
  assert.doesNotMatch(plain, /On Kodi|plugin:/);
  assert.match(plain, /Anywhere/);
  const lineup = JSON.parse(await text("/lineup.json")) as { GuideName: string }[];
  assert.deepEqual(
    lineup.map(({ GuideName }) => GuideName),
    ["Anywhere"],
  );
  const forKodi = await text("/playlist.m3u?for=kodi");
  const entry = new RegExp(
    `^#EXTINF:-1 tvg-id="one\\.example"[^\\n]*,On Kodi\\n#KODIPROP:inputstream=inputstream\\.adaptive\\n${address.replace("?", "\\?")}$`,
    "m",
  );
  assert.match(forKodi, entry);
  assert.match(forKodi, /,Anywhere\n#KODIPROP:mimetype=video\/mp2t\nhttp:\/\/tv\.example:8888\/live\//);
  assert.match(await text("/guide.xml"), new RegExp(`catchup-id="${vod}"[\\s\\S]*Now on Kodi`));
  assert.match(await text("/playlist.m3u?for=plex"), /for: expected one of kodi/);
  assert.match(table(), /kodi +2 +1/);
  await stop();
});

test("a plugin:// channel is played on the Kodi of the config, and by no other way", async (t) => {
  const kodi = await openStandIn([]);
  t.after(() => kodi.close());
  await startWith({ kodi: { jsonrpc: kodi.tcp, eventPort: 0 } });
  const [, channel = ""] = /channel-id="([^"]+)"[^\n]*,On Kodi/.exec(await text("/playlist.m3u?for=kodi")) ?? [];
  const post = async (path: string) =>
    headend?.server.fetch(new Request(`http://127.0.0.1:8888${path}`, { method: "POST" }), { address: "127.0.0.1" });
  assert.equal((await post(`/kodi/play/${encodeURIComponent(channel)}`))?.status, 200);
  assert.equal(kodi.seen.at(-1), `Player.Open ${JSON.stringify({ item: { file: address } })}`);
  assert.equal((await post("/kodi/play/nothing"))?.status, 404);
  const live = await text(`/live/${channel}.ts`);
  assert.match(live, /plugin/);
  await stop();
});

test("documents at addresses may be compressed, and are asked for only where they changed", async () => {
  await startWith({});
  const before = await text("/playlist.m3u?for=kodi");
  upstream.requests.length = 0;
  await refresh();
  assert.deepEqual([...upstream.requests].sort(), ["304 /channels.json", "304 /epg.json"]);
  assert.equal(await text("/playlist.m3u?for=kodi"), before);
  await stop();
});
