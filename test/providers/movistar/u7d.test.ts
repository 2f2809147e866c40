// The addresses of movistar-u7d: under the instance's name, and at the root for players that were set up for the original.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { openWhole, read, type Whole } from "../../support/movistar/headend.ts";
import { type Movistar, openMovistar } from "../../support/movistar/index.ts";
import { secondOf } from "../../support/movistar/pictures.ts";
import { multicastMissing } from "../../support/multicast.ts";

let operator: Movistar;
/** Under `/tv/`, beside the playlist's addresses; and at the root, in their place. */
let under: Whole;
let root: Whole;
let beside: Whole;

before(async () => {
  operator = await openMovistar({ multicast: multicastMissing === false, rate: 3000 });
  under = await openWhole(operator.config);
  root = await openWhole(`${operator.config}    mount: /\n    style: old\n`, { more: "  playlist: false\n" });
  beside = await openWhole(`${operator.config}    mount: /\n`);
  for (const whole of [under, root, beside]) await whole.refresh();
});
after(async () => {
  for (const whole of [under, root, beside]) await whole.close();
  await operator.close();
});

test("the list has all its names, upper and lower case alike, and addresses where it is", async () => {
  const list = await under.text("/tv/MovistarTV.m3u");
  assert.match(list, /^#EXTM3U name="MovistarTV" catchup="flussonic-ts" catchup-days="8"/);
  assert.match(list, /^http:\/\/tv\.example:8888\/tv\/2543\/mpegts$/m);
  for (const name of ["canales.m3u", "channels.m3u", "CANALES.M3U", "playlist.m3u", "movistartv.m3u"])
    assert.equal(await under.text(`/tv/${name}`), list.replaceAll("MovistarTV.m3u", name), name);
  const old = await root.text("/canales.m3u");
  assert.match(old, /^http:\/\/tv\.example:8888\/2543\/live$/m);
  assert.match(old, /catchup-source="http:\/\/tv\.example:8888\/2543\/\{utc\}-\{duration\}\.ts"/);
});

test("the guide has all its names, packed or not, and an entity tag", async () => {
  for (const [whole, prefix] of [
    [under, "/tv"],
    [root, ""],
  ] as const) {
    const guide = await whole.text(`${prefix}/guia.xml`);
    assert.match(guide, /<programme .*channel="2543\.movistar\.tv"/);
    assert.equal(await whole.text(`${prefix}/guide.xml`), guide);
    for (const name of ["guia.xml.gz", "guide.xml.gz"]) {
      const response = await whole.get(`${prefix}/${name}`);
      assert.equal(gunzipSync(await response.bytes()).toString(), guide);
      const tag = response.headers.get("etag") ?? "";
      const again = await whole.get(`${prefix}/${name}`, { headers: { "if-none-match": tag } });
      assert.equal(again.status, 304);
    }
  }
});

test("at the root, what the playlist answers stays its own, and the rest is ours", async () => {
  assert.match(await beside.text("/MovistarTV.m3u"), /^http:\/\/tv\.example:8888\/2543\/mpegts$/m);
  assert.match(await beside.text("/playlist.m3u"), /\/live\/tv:2543/);
  assert.equal((await beside.get("/2543/live", { method: "HEAD" })).status, 200);
  assert.equal((await beside.get("/guia.xml")).status, 200);
  assert.equal((await beside.get("/api/status")).status, 200);
});

test("logos and covers come through, and from here when the operator is gone", async () => {
  const logo = await root.get("/Logos/2543.jpg");
  assert.equal(logo.headers.get("content-type"), "image/jpeg");
  assert.deepEqual([...(await logo.bytes())].slice(0, 2), [0xff, 0xd8]);
  assert.equal((await root.get("/Logos/2543.jpg", { method: "HEAD" })).status, 200);
  assert.equal((await root.get("/Covers/5100/51000000.jpg")).status, 200);
  assert.equal((await root.get("/Covers/5100/51000000.gone")).status, 404);
  for (const path of [
    "/Logos/..%2fsecret.jpg",
    "/Logos/abc.jpg",
    "/Logos/999.jpg",
    "/Covers/x/1.jpg",
    "/Covers/5100/..jpg",
  ])
    assert.equal((await root.get(path)).status, 404, path);
  operator.app.faults.fault = "down";
  assert.equal((await root.get("/Logos/2543.jpg")).status, 200);
  assert.equal((await root.get("/Covers/5100/51000000.jpg")).status, 200);
  assert.equal((await root.get("/Covers/5100/51000001.jpg")).status, 502);
  operator.app.faults.fault = undefined;
});

test("before anything is known, players are told to come again, whatever they ask for", async () => {
  const fresh = await openWhole(operator.config);
  try {
    for (const path of ["/tv/MovistarTV.m3u", "/tv/guia.xml", "/tv/2543/live", "/tv/2543/1500000000", "/tv/la1.ts"])
      assert.equal((await fresh.get(path)).status, 503, path);
  } finally {
    await fresh.close();
  }
});

/** What each player sends with a request for pictures, and the address that it makes of a list's channel and an instant. */
const players: readonly (readonly [
  string,
  "root" | "under",
  Record<string, string>,
  (live: string, at: number) => string,
])[] = [
  // Of `catchup-source`, and of the address of a list that has none.
  [
    "TiviMate, old list",
    "root",
    { "user-agent": "TiviMate/4.7.0 (Android 11)" },
    (live, at) => live.replace("live", `${at}-1800.ts`),
  ],
  [
    "TiviMate",
    "under",
    { "user-agent": "TiviMate/4.7.0 (Android 11)" },
    (live, at) => live.replace("mpegts", `${at}.m3u8`),
  ],
  [
    "OTT Navigator",
    "under",
    { "user-agent": "OTT Navigator/1.7.2 (Linux;Android 12) ExoPlayerLib/2.18.1", "accept-encoding": "identity" },
    (live, at) => live.replace("mpegts", `timeshift_abs-${at}.ts`),
  ],
  [
    "OTT Navigator, by archive",
    "under",
    { "user-agent": "OTT Navigator/1.7.2", connection: "Keep-Alive", "icy-metadata": "1" },
    (live, at) => live.replace("mpegts", `archive-${at}-1800.ts`),
  ],
  [
    "VLC",
    "under",
    { "user-agent": "VLC/3.0.18 LibVLC/3.0.18", range: "bytes=0-" },
    (live, at) => live.replace("mpegts", `video-${at}-1800.mpeg`),
  ],
];

for (const [name, which, headers, pastOf] of players)
  test(`${name}: list, packed guide, HEAD and GET, live and an hour ago`, async () => {
    const whole = which === "root" ? root : under;
    const list = await (await whole.get(which === "root" ? "/canales.m3u" : "/tv/MovistarTV.m3u", { headers })).text();
    const [, guide = ""] = /url-tvg="http:\/\/[^/]+([^"]+)"/.exec(list) ?? [];
    const asking = { ...headers, "accept-encoding": "gzip" };
    const packed = await whole.get(guide, { headers: asking });
    assert.equal(packed.status, 200);
    const tag = packed.headers.get("etag") ?? "";
    assert.equal((await whole.get(guide, { headers: { ...asking, "if-none-match": tag } })).status, 304);
    const [, live = ""] = /^http:\/\/[^/]+(.*\/2543\/.*)$/m.exec(list) ?? [];
    const at = Math.floor(Date.now() / 1000) - 3600;
    const event = operator.eventsOf(2543).findLast(({ start }) => start <= at);
    const showing = operator.startLive(2543);
    const ask = async (path: string) => {
      const head = await whole.get(path, { method: "HEAD", headers });
      const response = await whole.get(path, { headers });
      const type = response.headers.get("content-type");
      assert.deepEqual([head.status, response.status, type], [200, 200, "video/mp2t"], path);
      const bytes = await read(response, 3000);
      assert.equal(bytes[0], 0x47);
      return secondOf(bytes);
    };
    const [, past = 0] = await Promise.all([ask(live), ask(pastOf(live, at))]);
    assert.ok(Math.abs(past - (at - (event?.start ?? 0))) < 2, `it began at ${past}`);
    showing.stop();
  });

test("the cloud has its list, its guide and its pictures, of a month ago too", async () => {
  const [old, today] = operator.cloud;
  assert.ok(old && today);
  for (const name of ["cloud.m3u", "nube.m3u"]) {
    const list = await root.text(`/${name}`);
    assert.match(list, /^#EXTM3U name="Cloud MovistarTV" catchup="flussonic" catchup-days=365/);
    assert.deepEqual(list.match(/^http.*$/gm), ["http://tv.example:8888/cloud/2543/live"]);
  }
  for (const name of ["cloud.xml", "nube.xml"]) {
    const guide = await root.text(`/${name}`);
    assert.deepEqual(
      [...guide.matchAll(/catchup-id="(\d+)"/g)].map(([, pid]) => Number(pid)),
      operator.cloud.map(({ pid }) => pid),
    );
    assert.match(guide, /<title lang="es">De antes<\/title>/);
  }
  assert.match(gunzipSync(await (await root.get("/cloud.xml.gz")).bytes()).toString(), /De antes/);
  const bytes = await read(await root.get(`/cloud/2543/${old.start + 90}-1800.ts`), 14_000);
  assert.equal(Math.round(secondOf(bytes) ?? 0), 90);
  assert.equal(operator.vod.requests.filter(({ method }) => method === "PLAY").at(-1)?.path, `/2543/${old.pid}`);
  const missing = await root.get(`/cloud/2543/${old.start - 60}`, { method: "HEAD" });
  assert.equal(missing.status, 404);
});

test("what is not made yet says so", async () => {
  const now = Math.floor(Date.now() / 1000);
  for (const path of [`/2543/${now - 3600}?record=1`, "/recordings.m3u", "/grabaciones.m3u", "/recording/?a.mkv"]) {
    const response = await root.get(path);
    assert.equal(response.status, 501, path);
    assert.match(await response.text(), /not made yet/);
  }
  assert.equal((await root.get("/no-such-file")).status, 404);
  assert.equal((await root.get("/favicon.ico")).status, 404);
});
