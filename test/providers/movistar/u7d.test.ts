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
  for (const path of ["/Logos/..%2fsecret.jpg", "/Logos/abc.jpg", "/Covers/x/1.jpg", "/Covers/5100/..jpg"])
    assert.equal((await root.get(path)).status, 404, path);
  operator.app.faults.fault = "down";
  assert.equal((await root.get("/Logos/2543.jpg")).status, 200);
  operator.app.faults.fault = undefined;
});

test("what TiviMate and OTT Navigator ask for is answered with a transport stream", async () => {
  const now = Math.floor(Date.now() / 1000);
  for (const path of [
    `/2543/${now - 3600}-1800.m3u8`,
    `/2543/${now - 3600}.m3u8`,
    `/2543/timeshift_abs-${now - 3600}.ts`,
    `/2543/archive-${now - 3600}-1800.ts`,
    "/2543/mpegts?utc=",
    "/2543/live",
  ]) {
    const response = await root.get(path, { method: "HEAD" });
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, "video/mp2t"], path);
  }
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
