// A virtual HDHomeRun device set up as Plex, Jellyfin and Kodi do it: searched, asked what it is, scanned, marked.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { formatDiscoverRequest, isDeviceId, parseDiscoverReply } from "../../../core/formats/hdhomerun.ts";
import { formatSearch, parseSearchAnswer } from "../../../core/formats/ssdp.ts";
import { openAsker } from "../../plugins/hdhomerun/asking.ts";
import { until } from "../streams/headend.ts";
import { ask, type DeviceRig, errorOf, openDevice, options } from "./device.ts";

interface Discovered {
  readonly FriendlyName: string;
  readonly ModelNumber: string;
  readonly DeviceID: string;
  readonly BaseURL: string;
  readonly LineupURL: string;
  readonly TunerCount: number;
}
interface Entry {
  readonly GuideNumber: string;
  readonly GuideName: string;
  readonly URL: string;
  readonly Favorite?: number;
}

let rig: DeviceRig;
let base: string;
before(async () => {
  if (options.skip) return;
  rig = await openDevice();
  base = rig.base;
});
after(() => rig?.close());

test("set-up by search: both ways of searching lead to the device and to its description", options, async (t) => {
  const asker = await openAsker();
  t.after(() => asker.close());
  const device = await ask<Discovered>(`${base}/discover.json`);
  await asker.ask(formatDiscoverRequest({ types: [1], id: 0xffffffff }), rig.ports.hdhomerun);
  const [reply] = await asker.wait(1);
  const found = parseDiscoverReply(reply?.bytes ?? assert.fail("no answer"));
  assert.deepEqual(found, {
    id: Number.parseInt(device.DeviceID, 16),
    tuners: 2,
    baseUrl: base,
    lineupUrl: `${base}/lineup.json`,
  });
  await asker.ask(formatSearch({ st: "upnp:rootdevice" }), rig.ports.ssdp);
  const [, described] = await asker.wait(2);
  const service = parseSearchAnswer(described?.bytes ?? assert.fail("no answer"));
  assert.equal(service?.location, `${base}/device.xml`);
  const xml = await (await fetch(service?.location ?? "")).text();
  assert.match(xml, new RegExp(`<UDN>${service?.usn.split("::")[0]}</UDN>`));
});

test("the guide has the numbers of the lineup, and programmes for each of its channels alone", options, async () => {
  let text = "";
  await until(async () => {
    text = await (await fetch(`${base}/guide.xml?style=plex`)).text();
    return text.includes("<programme");
  }, "there is no guide");
  const lineup = await ask<Entry[]>(`${base}/lineup.json`);
  const numbers = [...text.matchAll(/<lcn>([^<]*)<\/lcn>/g)].map(([, number]) => number);
  assert.deepEqual(
    numbers,
    lineup.map((entry) => entry.GuideNumber).filter((number) => Number(number) < 50),
  );
  const ids = [...text.matchAll(/<channel id="([^"]*)"/g)].map(([, id]) => id);
  assert.deepEqual(new Set([...text.matchAll(/<programme[^>]* channel="([^"]*)"/g)].map(([, id]) => id)), new Set(ids));
  assert.doesNotMatch(text, /four/);
});

test("set-up by address: discover, lineup, status and scan, as Plex and Jellyfin read them", options, async () => {
  const device = await ask<Discovered>(`${base}/discover.json`);
  assert.equal(device.FriendlyName, "Den & attic");
  assert.equal(device.BaseURL, base);
  assert.equal(device.LineupURL, `${base}/lineup.json`);
  assert.strictEqual(device.TunerCount, 2);
  assert.ok(isDeviceId(device.DeviceID));
  assert.doesNotMatch(device.ModelNumber, /hdtc/i, "Jellyfin would ask it to transcode");
  const lineup = await ask<Entry[]>(device.LineupURL);
  assert.deepEqual(
    lineup.map(({ GuideNumber, GuideName, URL }) => [GuideNumber, GuideName, URL]),
    [
      ["1", "one", `${base}/auto/v1`],
      ["2", "two", `${base}/auto/v2`],
      ["3", "three", `${base}/auto/v3`],
      ["51", "lone", `${base}/auto/v51`],
      ["52", "sole", `${base}/auto/v52`],
    ],
  );
  const idle = { ScanInProgress: 0, ScanPossible: 1, Source: "Cable", SourceList: ["Cable"] };
  assert.deepEqual(await ask(`${base}/lineup_status.json`), idle);
  assert.equal((await fetch(`${base}/lineup.post?scan=start&source=Cable`, { method: "POST" })).status, 200);
  const seen: number[] = [];
  await until(async () => {
    const status = await ask<{ ScanInProgress: number; Progress?: number; Found?: number }>(
      `${base}/lineup_status.json`,
    );
    if (status.Progress !== undefined) seen.push(status.Progress);
    assert.ok(status.ScanInProgress === 0 || (status.Found ?? 99) <= lineup.length);
    return status.ScanInProgress === 0;
  }, "the scan does not end");
  assert.ok(new Set(seen).size >= 2, `it progressed: ${seen}`);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  await fetch(`${base}/lineup.post?scan=start`, { method: "POST" });
  await fetch(`${base}/lineup.post?scan=abort`, { method: "POST" });
  assert.deepEqual(await ask(`${base}/lineup_status.json`), idle);
  assert.equal((await fetch(`${base}/lineup.post?scan=wildly`, { method: "POST" })).status, 400);
});

test("the only device also answers at the root and below its instance, with addresses that fit", options, async () => {
  for (const at of [rig.streaming.base, `${rig.streaming.base}/tuner`]) {
    const device = await ask<Discovered>(`${at}/discover.json`);
    assert.equal(device.BaseURL, at);
    const [first] = await ask<Entry[]>(device.LineupURL);
    assert.equal(first?.URL, `${at}/auto/v1`);
    assert.equal((await fetch(first?.URL ?? "", { method: "HEAD" })).status, 200);
  }
  const xml = await (await fetch(`${base}/device.xml`)).text();
  assert.match(xml, /<friendlyName>Den &amp; attic<\/friendlyName>/);
  assert.match(xml, /<UDN>uuid:[0-9a-f-]{36}<\/UDN>/);
  assert.match(xml, new RegExp(`<URLBase>${base}</URLBase>`));
});

test("HEAD answers everywhere, acts on nothing and opens no upstream", options, async () => {
  const paths = ["/discover.json", "/lineup.json", "/lineup.xml", "/lineup.m3u", "/lineup_status.json", "/device.xml"];
  for (const path of paths) {
    const [head, get] = await Promise.all([fetch(base + path, { method: "HEAD" }), fetch(base + path)]);
    assert.equal(head.status, 200, path);
    assert.equal(await head.text(), "");
    for (const name of ["content-type", "content-length"])
      assert.equal(head.headers.get(name), get.headers.get(name), path);
  }
  const id = /channel-id="([^"]+)"/.exec(await (await fetch(`${base}/lineup.m3u`)).text())?.[1];
  for (const path of ["/auto/v1", "/tuner1/v1", `/stream/${id}`]) {
    const head = await fetch(base + path, { method: "HEAD" });
    assert.equal(`${head.status} ${head.headers.get("content-type")?.toLowerCase()}`, "200 video/mp2t", path);
  }
  await fetch(`${base}/lineup.post?scan=start`, { method: "HEAD" });
  assert.equal((await ask<{ ScanInProgress: number }>(`${base}/lineup_status.json`)).ScanInProgress, 0);
  assert.equal(errorOf(await fetch(`${base}/auto/v99`, { method: "HEAD" })), "404 801 Unknown Channel");
  assert.equal(errorOf(await fetch(`${base}/auto/v4`)), "404 801 Unknown Channel", "not one of this device's");
  assert.equal(errorOf(await fetch(`${base}/auto/ch546000000-3`)), "404 801 Unknown Channel");
  assert.equal(errorOf(await fetch(`${base}/tuner7/v1`)), "404 null");
  assert.equal((await fetch(`${base}/discover.json`, { method: "DELETE" })).status, 405);
  for (const feed of rig.feeds.values()) assert.equal(feed.came, 0);
});

test("favourites are kept, and what is hidden is shown to those who ask for it", options, async () => {
  const mark = (sign: string) => fetch(`${base}/lineup.post?favorite=${sign}`, { method: "POST" });
  assert.equal((await mark("+1")).status, 200);
  assert.equal((await mark("x2")).status, 200);
  assert.equal((await mark("+99")).status, 404);
  assert.equal((await mark("1")).status, 400);
  const lineup = await ask<Entry[]>(`${base}/lineup.json`);
  assert.deepEqual(
    lineup.map(({ GuideNumber, Favorite }) => [GuideNumber, Favorite]),
    [
      ["1", 1],
      ["3", undefined],
      ["51", undefined],
      ["52", undefined],
    ],
  );
  assert.equal((await ask<Entry[]>(`${base}/lineup.json?show=found`)).length, 5);
  await mark("-1");
  await mark("-2");
  const last = await ask<Entry[]>(`${base}/lineup.json`);
  assert.deepEqual([last.length, last.filter(({ Favorite }) => Favorite)], [5, []]);
});
