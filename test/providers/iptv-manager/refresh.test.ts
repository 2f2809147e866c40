// What IPTV Manager's own integration tests assert, of a whole headend and simulated add-ons over real sockets.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parsePlaylist } from "../../../core/formats/m3u.ts";
import { parseProgramme } from "../../../core/formats/xmltv/index.ts";
import { folder, get, refresh, start, stop, table, text, upstream, useHeadend } from "../../support/whole.ts";
import { addon, example, three, two } from "./add-ons.ts";

useHeadend();

const names = ["Example IPTV Addon", "Example Two", "Example Three"] as const;

/** The three add-ons, each half by the way that it is given. */
async function startAll(way = "reply", seconds = 0): Promise<void> {
  const documents = {
    "one-channels": example.channels,
    "one-epg": example.epg,
    "two-channels": two,
    "three-channels": three.channels,
    "three-epg": three.epg,
  };
  for (const [name, document] of Object.entries(documents))
    await writeFile(join(folder, `${name}.json`), JSON.stringify(document));
  const half = (name: string) => ({
    command: ["python3", addon, way, join(folder, `${name}.json`), "{port}", String(seconds)],
  });
  const sources = [
    { name: names[0], channels: half("one-channels"), epg: half("one-epg") },
    { name: names[1], channels: half("two-channels") },
    { name: names[2], channels: half("three-channels"), epg: half("three-epg") },
  ];
  const instances = {
    addons: { use: "iptv-manager", sources },
    hdhr: { use: "hdhomerun", port: 0, discovery: { ssdp: false, hdhomerun: false } },
    testcard: false,
  };
  await start(JSON.stringify({ instances }));
  await refresh();
}

async function channels() {
  const list = parsePlaylist(
    (async function* () {
      yield new TextEncoder().encode(await text("/playlist.m3u"));
    })(),
  );
  return new Map(
    (await Array.fromAsync(list)).map((channel) => [`${channel.guideId} ${channel.groups?.at(-1)}`, channel]),
  );
}

test("test_integration refresh: both outputs are there after a full refresh over real sockets", async () => {
  await startAll("reply", 0.3);
  assert.match(await text("/playlist.m3u"), /^#EXTM3U/);
  assert.match(await text("/guide.xml"), /<\/tv>\s*$/);
  assert.match(table(), /addons +6 +5/);
});

test("test_integration playlist: it has every add-on's channels, EXTINF with tvg-id before group-title", async () => {
  await startAll();
  const playlist = await text("/playlist.m3u");
  for (const id of ["channel1.com", "radio1.com", "één.be", "raw1.com"])
    assert.match(playlist, new RegExp(`^#EXTINF:-1 [^\n]*tvg-id="${id}"[^\n]*group-title="`, "m"));
});

test("test_integration properties: KODIPROP lines are there where players meet upstream itself", async () => {
  const document = JSON.stringify(example.channels);
  upstream.answers.set("/channels.json", document);
  const sources = [{ name: names[0], channels: `${upstream.base}/channels.json` }];
  await start(
    JSON.stringify({ instances: { addons: { use: "iptv-manager", deliver: "direct", sources }, testcard: false } }),
  );
  await refresh();
  assert.match(await text("/playlist.m3u"), /^#KODIPROP:inputstream=inputstream\.ffmpegdirect$/m);
});

test("test_integration groups: those given, and always the add-on's name", async () => {
  await startAll();
  const all = await channels();
  assert.deepEqual(all.get(`channel1.com ${names[0]}`)?.groups, [names[0]]);
  assert.deepEqual(all.get(`één.be ${names[0]}`)?.groups, ["Belgium", "VRT", names[0]]);
  assert.deepEqual(all.get(`radio1.com ${names[0]}`)?.groups, ["VRT", names[0]]);
  assert.equal(all.get(`radio1.com ${names[0]}`)?.radio, true);
});

test("test_integration epg: it has channel elements, and programmes with all that was said of them", async () => {
  await startAll();
  const guide = await text("/guide.xml");
  for (const id of ["channel1.com", "één.be", "raw1.com"]) assert.match(guide, new RegExp(`<channel id="${id}">`));
  const programmes = [...guide.matchAll(/<programme [\s\S]*?<\/programme>/g)].map(([each]) => parseProgramme(each));
  const of = (title: string) => programmes.find((each) => each?.titles[0]?.value === title);
  const show = of("A show & an ampersand");
  assert.equal(show?.channel, "channel1.com");
  assert.equal(show?.start, Date.parse(example.epg.epg["channel1.com"][0]?.start ?? ""));
  assert.equal(show?.descriptions?.[0]?.value, 'It costs € 4, "4 + 4 > 6"');
  assert.deepEqual(show?.episodes?.onscreen, "S01E01");
  assert.equal(show?.date, "19870615");
  assert.equal(show?.catchupId, "http://up.example/vod/1.ts");
  assert.equal(show?.icon, "https://pictures.example/1.png");
  assert.equal(of("Without a zone")?.start, show?.start, "a time without a zone is UTC");
  assert.deepEqual(of("Op één")?.credits, [
    { role: "director", name: "A. Director" },
    { role: "actor", name: "An Actor", as: "Somebody" },
    { role: "presenter", name: "A. Presenter" },
  ]);
  assert.equal(of("Raw programme")?.channel, "raw1.com");
});

test("a Python add-on that connects first and works slowly reaches playlist, guide and HDHomeRun lineup", async () => {
  await startAll("reply", 1);
  const lineup = JSON.parse(await text("/lineup.json")) as { GuideName: string; GuideNumber: string }[];
  const numbers = new Map(lineup.map(({ GuideName, GuideNumber }) => [GuideNumber, GuideName]));
  assert.equal(numbers.get("11"), "Channel 1");
  assert.equal(numbers.get("31"), "RAW 1");
  assert.equal(lineup.length, 6);
});

test("programmes on demand over HTTP are catch-up; a restart without any add-on shows the same", async () => {
  await startAll();
  const before = [await text("/playlist.m3u"), await text("/guide.xml")];
  assert.match(before[0] ?? "", /tvg-id="channel1\.com"[^\n]*Example IPTV Addon[^\n]*catchup=/);
  assert.doesNotMatch(before[0] ?? "", /tvg-id="channel2\.com"[^\n]*catchup=/);
  await stop();
  await startAll("fail");
  assert.deepEqual([await text("/playlist.m3u"), await text("/guide.xml")], before);
  assert.match(table(), /called back and sent nothing/);
});

test("test_integration play from guide: a programme on demand is fetched from where its add-on says", async () => {
  const document = structuredClone(example);
  const [show] = document.epg.epg["channel1.com"];
  assert.ok(show);
  show.stream = `${upstream.base}/vod/1.ts`;
  upstream.answers.set("/channels.json", JSON.stringify(document.channels));
  upstream.answers.set("/epg.json", JSON.stringify(document.epg));
  const packet = new Uint8Array(188).fill(0xff);
  packet.set([0x47, 0x1f, 0xff, 0x10]);
  upstream.answers.set("/vod/1.ts", Buffer.concat(Array.from({ length: 50 }, () => packet)));
  const sources = [{ name: names[0], channels: `${upstream.base}/channels.json`, epg: `${upstream.base}/epg.json` }];
  await start(JSON.stringify({ instances: { addons: { use: "iptv-manager", sources }, testcard: false } }));
  await refresh();
  const { epg } = JSON.parse(await text("/addons/epg.json")) as { epg: Record<string, { stream?: string }[]> };
  const { pathname } = new URL(epg["channel1.com"]?.[0]?.stream ?? "");
  assert.match(pathname, /^\/live\/addons:[^/]+\/archive-\d+-7200\.ts$/);
  const answer = await get(pathname);
  await answer.body?.cancel();
  assert.ok(upstream.requests.includes("200 /vod/1.ts"), upstream.requests.join(", "));
});
