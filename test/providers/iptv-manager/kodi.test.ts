// Add-ons of a Kodi: found by its files and by JSON-RPC, run by either of two ways, kept while it is away.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Contribution } from "../../../core/plugin.ts";
import iptvManager from "../../../providers/iptv-manager/index.ts";
import { readHome } from "../../../providers/iptv-manager/kodi/home.ts";
import { formatAction } from "../../../providers/iptv-manager/kodi/remote.ts";
import { createTestHost, type TestHost } from "../../support/host.ts";
import { listChannels } from "../../support/plugin.ts";
import { get, running as headend, refresh, start, stop, table, text, useHeadend } from "../../support/whole.ts";
import { example, iso, two } from "./add-ons.ts";
import { credentials, freePort, openStandIn, type StandInAddOn, writeHome } from "./kodi-stand-in.ts";

interface Context {
  after(work: () => Promise<void>): void;
}

const setting = { enabled: "iptv.enabled", channels: "iptv.channels_uri", epg: "iptv.epg_uri" } as const;

/** One in the path style, one in the query style, one switched off, one that knows nothing of it, and our own. */
function addOns(): StandInAddOn[] {
  const on = (channels: string, epg = "") => ({
    [setting.enabled]: "true",
    [setting.channels]: channels,
    [setting.epg]: epg,
  });
  const one = "plugin://plugin.video.one/iptv";
  const second = "plugin://plugin.video.two/?action=iptvmanager&request=streams";
  return [
    {
      ...{ id: "plugin.video.one", name: "One, the first", settings: on(`${one}/channels`, `${one}/epg`) },
      answers: new Map<string, unknown>([
        ["/iptv/channels", example.channels],
        ["/iptv/epg", example.epg],
      ]),
    },
    {
      ...{ id: "plugin.video.two", name: "Two", settings: on(second) },
      answers: new Map<string, unknown>([["/?action=iptvmanager&request=streams", two]]),
    },
    {
      id: "plugin.video.off",
      name: "Off",
      settings: { ...on("plugin://x"), [setting.enabled]: "false" },
      answers: new Map(),
    },
    { id: "plugin.video.other", name: "Other", settings: {}, answers: new Map() },
    {
      id: "plugin.video.headend",
      name: "Headend",
      settings: on("plugin://plugin.video.headend/iptv/channels"),
      answers: new Map(),
    },
  ];
}

const ids = [...example.channels.streams.map(({ id }) => `plugin.video.one/${id}`), "plugin.video.two/channel1.com"];

async function standIn(t: Context, list = addOns()) {
  const kodi = await openStandIn(list);
  t.after(() => kodi.close());
  return kodi;
}

async function running(host: TestHost, kodi: object): Promise<Contribution> {
  return await iptvManager.setup(host, iptvManager.config.parse({ kodi }));
}

const idsOf = async (contribution: Contribution) => (await listChannels(contribution)).map(({ id }) => id);

/** What something gives whose deadlines have to pass. */
async function inTime<T>(host: TestHost, work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  for (let turn = 0; turn < 100 && !done; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await host.clock.advance(1000);
  }
  return await ended;
}

async function errorsOf(contribution: Contribution): Promise<string[]> {
  const errors: string[] = [];
  for (const source of (await contribution.guide?.({ from: 0, to: 1 }, new AbortController().signal)) ?? [])
    if ("bytes" in source)
      await Array.fromAsync(source.bytes(new AbortController().signal)).catch((error: Error) =>
        errors.push(`${source.name}: ${error.message}`),
      );
  return errors;
}

const manifest = (id: string, name: string, icon = "") =>
  `<?xml version="1.0"?><addon id="${id}" name="${name}" version="1.0.0"><extension point="xbmc.python.pluginsource" library="a.py"><provides>video</provides></extension><extension point="xbmc.addon.metadata">${icon && `<assets><icon>${icon}</icon></assets>`}</extension></addon>`;

test("readHome() reads both formats of settings, what the user has set over what is declared", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "headend-kodi-home-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const old = (id: string, enabled = "true") =>
    `<settings><category label="1"><setting id="${setting.enabled}" type="bool" default="${enabled}" visible="true"/><setting id="${setting.channels}" type="text" default="plugin://${id}/?action=iptv&amp;request=streams"/></category></settings>`;
  const recent = (id: string) =>
    `<settings version="1"><section id="s"><category id="c"><group id="g"><setting id="${setting.enabled}" type="boolean"><level>0</level><default>false</default></setting><setting id="${setting.channels}" type="string"><level>4</level><default>plugin://${id}/iptv/channels</default></setting><setting id="${setting.epg}" type="string"><default>plugin://${id}/iptv/epg</default></setting></group></category></section></settings>`;
  const files = (id: string, declared: string, icon?: string) => ({
    [`addons/${id}/addon.xml`]: manifest(id, `Name of ${id} &amp; co`, icon),
    [`addons/${id}/resources/settings.xml`]: declared,
  });
  const user = (id: string, content: string) => ({ [`userdata/addon_data/${id}/settings.xml`]: content });
  const on = `<settings version="2"><setting id="${setting.enabled}">true</setting><setting id="other" default="true" /></settings>`;
  const off = `<settings><setting id="${setting.enabled}" value="false" /></settings>`;
  await writeHome(home, {
    ...files("a.old", old("a.old"), "resources/icon.png"),
    ...files("b.new.on", recent("b.new.on")),
    ...user("b.new.on", on),
    ...files("c.new", recent("c.new")),
    ...files("d.old.off", old("d.old.off")),
    ...user("d.old.off", off),
    ...files("e.broken", "<settings><setting"),
    "addons/f.script/addon.xml": '<addon id="f.script"><extension point="xbmc.service"/></addon>',
    "addons/packages/x.zip": "",
    ...files("plugin.video.headend", recent("plugin.video.headend")),
    ...user("plugin.video.headend", on),
  });
  assert.deepEqual(await readHome(home), [
    {
      ...{ id: "a.old", name: "Name of a.old & co", folder: join(home, "addons", "a.old"), icon: "resources/icon.png" },
      channels: "plugin://a.old/?action=iptv&request=streams",
    },
    {
      ...{ id: "b.new.on", name: "Name of b.new.on & co", folder: join(home, "addons", "b.new.on"), icon: "icon.png" },
      ...{ channels: "plugin://b.new.on/iptv/channels", epg: "plugin://b.new.on/iptv/epg" },
    },
  ]);
  await assert.rejects(readHome(join(home, "nowhere")), /nowhere is no home folder of a Kodi: .*\(ENOENT\)/);
});

test("formatAction() makes the packet that Kodi was seen to run", () => {
  const packet = Buffer.from(formatAction("RunPlugin(x)"));
  assert.equal(packet.toString("hex", 0, 18), "58424d430200000a0000000100000001000e");
  assert.equal(packet.toString("hex", 22, 33), "0000000000000000000001");
  assert.equal(packet.toString("latin1", 33), "RunPlugin(x)\0");
});

test("add-ons are found by JSON-RPC over TCP, and run by the EventServer", async (t) => {
  const host = await createTestHost("kodi");
  t.after(() => host.close());
  const kodi = await standIn(t);
  const contribution = await running(host, { jsonrpc: kodi.tcp, eventPort: kodi.eventPort });
  assert.deepEqual(await idsOf(contribution), ids);
  assert.deepEqual(await errorsOf(contribution), []);
  assert.deepEqual(kodi.seen.slice(0, 2), ["Addons.GetAddons", "XBMC.GetInfoLabels"]);
  assert.deepEqual([...new Set(kodi.seen.slice(2))], ["RunPlugin"]);
});

test("with a port for a relay, add-ons are asked one at a time, and all of them come", async (t) => {
  const host = await createTestHost("kodi");
  t.after(() => host.close());
  const kodi = await standIn(t);
  const port = await freePort();
  const contribution = await running(host, { jsonrpc: kodi.tcp, eventPort: kodi.eventPort, port });
  assert.deepEqual(await idsOf(contribution), ids);
  assert.deepEqual(await errorsOf(contribution), []);
});

test("where the EventServer is off, JSON-RPC runs them, and that is remembered over a restart", async (t) => {
  const host = await createTestHost("kodi");
  const kodi = await standIn(t);
  kodi.broken.add("events");
  const config = { jsonrpc: kodi.tcp, eventPort: kodi.eventPort };
  const contribution = await running(host, config);
  assert.deepEqual(await inTime(host, idsOf(contribution)), ids);
  assert.ok(kodi.seen.includes("Files.GetDirectory"));
  host.stop();
  const again = await createTestHost("kodi", host.folder);
  t.after(() => again.close());
  t.after(() => rm(host.folder, { recursive: true, force: true }));
  kodi.broken.delete("events");
  kodi.seen.length = 0;
  assert.deepEqual(await idsOf(await running(again, config)), ids);
  assert.ok(!kodi.seen.includes("RunPlugin"));
});

test("a Kodi that is away changes nothing that clients see, and is said to be away", async (t) => {
  const host = await createTestHost("kodi");
  t.after(() => host.close());
  const list = addOns();
  const kodi = await standIn(t, list);
  const contribution = await running(host, { jsonrpc: kodi.tcp, eventPort: 0 });
  const before = await idsOf(contribution);
  assert.deepEqual(await errorsOf(contribution), []);
  kodi.broken.add("tcp");
  assert.deepEqual(await inTime(host, idsOf(contribution)), before);
  const errors = await inTime(host, errorsOf(contribution));
  assert.ok(
    errors.some((each) => /^Kodi: Kodi's JSON-RPC: /.test(each)),
    errors.join("\n"),
  );
  assert.ok(
    errors.some((each) => /^Two channels: .*Kodi does not run it: JSON-RPC: /.test(each)),
    errors.join("\n"),
  );
  assert.equal(contribution.health?.().state, "degraded");
  assert.match(contribution.health?.().sentence ?? "", /^Kodi's add-ons cannot be looked up: /);
});

test("an add-on that is removed leaves; one that does not call back at once is said to have failed", async (t) => {
  const host = await createTestHost("kodi");
  t.after(() => host.close());
  const list = addOns();
  const kodi = await standIn(t, list);
  const contribution = await running(host, { jsonrpc: kodi.tcp, eventPort: 0 });
  await listChannels(contribution);
  await errorsOf(contribution);
  list.splice(1, 1);
  list[0]?.answers.clear();
  assert.deepEqual(await inTime(host, idsOf(contribution)), ids.slice(0, 4));
  assert.match((await inTime(host, errorsOf(contribution))).join("\n"), /One, the first channels: .*error -32602/);
});

useHeadend();

test("a whole headend with a Kodi's web server: channels, guide, status; the password is told to nobody", async (t) => {
  const kodi = await standIn(t);
  const config = { jsonrpc: kodi.http, ...credentials, eventPort: kodi.eventPort };
  const instances = { kodi: { use: "iptv-manager", kodi: config }, testcard: false };
  await start(JSON.stringify({ instances }));
  await refresh();
  assert.match(await text("/playlist.m3u"), /tvg-id="één\.be"/);
  assert.match(await text("/guide.xml"), /Op één/);
  assert.match(table(), /kodi +5 +4/);
  const [, channel = ""] = /channel-id="(kodi:[^"]+)"/.exec(await text("/playlist.m3u")) ?? [];
  assert.notEqual((await get(`/kodi/play/${channel}`)).status, 200, "looking at an address plays nothing");
  const play = new Request(`http://127.0.0.1:8888/kodi/play/${channel}`, { method: "POST" });
  const played = await headend?.server.fetch(play, { address: "127.0.0.1" });
  assert.deepEqual(await played?.json(), { channel, playing: true });
  assert.match(kodi.seen.at(-1) ?? "", /^Player\.Open \{"item":\{"file":"http:\/\/127\.0\.0\.1:8888\/live\/kodi:/);
  kodi.broken.add("http");
  await refresh();
  assert.match(table(), /Kodi/);
  for (const said of [table(), await text("/api/status"), await text("/kodi/status.json")])
    assert.ok(!said.includes(credentials.password));
  await stop();
});

test("an add-on that goes takes nothing of another's along that fails just then", async (t) => {
  const list = addOns();
  const [one, second] = list;
  assert.ok(one && second);
  list[1] = { ...second, settings: { ...second.settings, [setting.epg]: "plugin://plugin.video.two/epg" } };
  const title = "Only on two";
  second.answers.set("/epg", { epg: { "channel1.com": [{ start: iso(-1), stop: iso(1), title }] } });
  const kodi = await standIn(t, list);
  const config = { jsonrpc: kodi.tcp, eventPort: kodi.eventPort };
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager", kodi: config }, testcard: false } }));
  await refresh();
  assert.match(await text("/guide.xml"), /Op één/);
  list.splice(0, 1);
  second.answers.set("/epg", "[]");
  await refresh();
  const guide = await text("/guide.xml");
  assert.match(guide, new RegExp(title));
  assert.match(table(), /Two guide: .*got a list; the last good copy was used/);
  await stop();
});
