// A real Kodi with an add-on of its own: found, run and served by a headend, both ways; what comes of it shown by
// pvr.iptvsimple; and the add-on that hands our channels to a Kodi, run in one. Run by `npm run test:clients`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock as clock } from "../../core/clock.ts";
import { openCallback } from "../../providers/iptv-manager/callback.ts";
import { epgSchema, streamsSchema } from "../../providers/iptv-manager/index.ts";
import { sendRunPlugin } from "../../providers/iptv-manager/kodi/remote.ts";
import { serving } from "../runtime/process.ts";
import { writeKodiHome } from "./kodi-home.ts";
import type { Report } from "./kodi-player.ts";
import { playInKodi } from "./kodi-report.ts";
import { freePort, openStage } from "./kodi-stage.ts";

const limit = 240_000;
const sample = "plugin.video.sample";
const ours = "plugin.video.headend";

const gone = ["kodi", "Xvfb", "ffmpeg", "python3"].filter((name) => spawnSync("which", [name]).status !== 0);
const folders = ["x86_64-linux-gnu/", "aarch64-linux-gnu/", ""].map((each) => `/usr/lib/${each}kodi/addons`);
const simple = folders.some((folder) => existsSync(join(folder, "pvr.iptvsimple")));
const skip = gone.length > 0 ? `needs ${gone.join(", ")}` : simple ? false : "needs Kodi's pvr.iptvsimple";

const manifest = `<?xml version="1.0" encoding="UTF-8"?>
<addon id="${sample}" name="Sample" version="1.0.0" provider-name="test">
  <requires><import addon="xbmc.python" version="3.0.0"/></requires>
  <extension point="xbmc.python.pluginsource" library="addon.py"><provides>video</provides></extension>
  <extension point="xbmc.addon.metadata"><summary lang="en_GB">Sample</summary><platform>all</platform></extension>
</addon>
`;

const settings = `<?xml version="1.0" encoding="UTF-8"?>
<settings version="1"><section id="${sample}"><category id="iptv" label="IPTV"><group id="g">
  <setting id="iptv.enabled" type="boolean" label="a"><level>0</level><default>true</default><control type="toggle"/></setting>
  <setting id="iptv.channels_uri" type="string" label="b"><level>4</level><default>plugin://${sample}/?action=iptv&amp;request=streams</default><control type="edit" format="string"/></setting>
  <setting id="iptv.epg_uri" type="string" label="c"><level>4</level><default>plugin://${sample}/?action=iptv&amp;request=epg</default><control type="edit" format="string"/></setting>
</group></category></section></settings>
`;

/** Connects first, works slowly, sends, closes. */
const program = `import json, socket, sys, time
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs
import xbmc

query = parse_qs(sys.argv[2].lstrip("?"))
sock = socket.create_connection(("127.0.0.1", int(query["port"][0])))
try:
    time.sleep(1)
    hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    if query["request"][0] == "streams":
        answer = {"version": 1, "streams": [
            {"id": "one.example", "name": "Sample één", "preset": 1, "stream": "http://127.0.0.1:9/1.ts", "group": "Belgium"},
            {"id": "two.example", "name": "On Kodi", "preset": 2, "stream": "plugin://${sample}/play/2"}]}
    else:
        answer = {"version": 1, "epg": {channel: [
            {"start": (hour + timedelta(hours=n)).isoformat(), "stop": (hour + timedelta(hours=n + 1)).isoformat(),
             "title": "%s %d" % (channel, n)} for n in range(-4, 12)] for channel in ("one.example", "two.example")}}
    sock.sendall(json.dumps(answer).encode())
finally:
    sock.close()
`;

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** What an address answers, once that is as it should be. */
async function textUntil(url: string, holds: (text: string) => boolean): Promise<string> {
  let text = "";
  for (const last = performance.now() + 40_000; performance.now() < last; await sleep(200)) {
    text = await (await fetch(url)).text();
    if (holds(text)) return text;
  }
  throw new Error(`${url} still answers ${text.slice(0, 1000)}`);
}

/** What pvr.iptvsimple of another Kodi, which has no such add-on, makes of the playlist and the guide. */
async function showIn(base: string): Promise<Report> {
  return await playInKodi(["--m3u", `${base}/playlist.m3u?for=kodi`, "--guide", `${base}/guide.xml`]);
}

/** Every way to find add-ons with every way to run them; each begins with nothing. */
async function served(ways: readonly object[], work: (base: string, instance: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headend-addons-"));
  try {
    for (const [place, kodi] of ways.entries()) {
      const instance = `kodi${place}`;
      const file = join(folder, `${instance}.json`);
      const instances = { [instance]: { use: "iptv-manager", kodi }, testcard: false };
      await writeFile(file, JSON.stringify({ instances }));
      const data = join(folder, instance);
      await mkdir(data);
      await serving(data, async ({ base }) => work(base, instance), ["--config", file]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("a real Kodi's add-on is found and run each way, and its channels and guide are shown by pvr.iptvsimple", {
  skip,
  timeout: limit,
}, async () => {
  const stage = await openStage();
  try {
    const [port, eventPort] = [await freePort(), await freePort()];
    const home = join(stage.folder, ".kodi");
    const addon = `addons/${sample}`;
    await put(home, {
      [`${addon}/addon.xml`]: manifest,
      [`${addon}/addon.py`]: program,
      [`${addon}/resources/settings.xml`]: settings,
    });
    await writeKodiHome({ folder: stage.folder, port, eventPort, addon: "none", addons: [sample] });
    const remote = await stage.start(port);
    const jsonrpc = `tcp://127.0.0.1:${port}`;
    const ways = [
      { jsonrpc, eventPort: 0 },
      { home, eventPort },
      { jsonrpc, eventPort },
    ];
    let shown = false;
    await served(ways, async (base, instance) => {
      const playlist = await textUntil(`${base}/playlist.m3u?for=kodi`, (text) => text.includes("Sample één"));
      assert.match(playlist, /tvg-id="one\.example"[^\n]*group-title="Belgium;Sample"/);
      assert.match(playlist, new RegExp(`,On Kodi\\nplugin://${sample}/play/2`));
      assert.doesNotMatch(await (await fetch(`${base}/playlist.m3u`)).text(), /plugin:/);
      await textUntil(`${base}/guide.xml`, (text) => text.includes("two.example 0"));
      const status = await (await fetch(`${base}/${instance}/status.json`)).text();
      assert.match(status, /"guide":\{[^}]*"state":"ok"[^}]*"count":32/);
      if (shown || instance !== `kodi${ways.length - 1}`) return;
      shown = true;
      // The Kodi that has the add-on goes: what came from it stays.
      await remote.call("Application.Quit").catch(() => {});
      remote.close();
      await stage.end();
      const report = await showIn(base);
      assert.deepEqual(
        report.channels.map(({ number, name }) => [number, name]),
        [
          [1, "Sample één"],
          [2, "On Kodi"],
        ],
      );
      assert.ok(report.channels[0]?.groups.includes("Belgium") && report.channels[1]?.groups.includes("Sample"));
      for (const { now, programmes } of report.channels) {
        assert.match(now, /^(one|two)\.example 0$/);
        assert.ok(programmes >= 12, `${programmes} programmes`);
      }
    });
    assert.ok(shown);
  } finally {
    await stage.close();
  }
});

test("the add-on that a headend gives away runs in a real Kodi, and hands over lineup and guide", {
  skip,
  timeout: limit,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "headend-given-"));
  const stage = await openStage();
  try {
    const file = join(folder, "headend.json");
    const instances = { give: { use: "iptv-manager" }, testcard: { use: "testcard" } };
    await writeFile(file, JSON.stringify({ instances }));
    await serving(
      folder,
      async ({ base }) => {
        await textUntil(`${base}/guide.xml`, (text) => text.includes("<programme"));
        const zip = Buffer.from(await (await fetch(`${base}/give/addon.zip`)).arrayBuffer());
        await writeFile(join(folder, "addon.zip"), zip);
        const addons = join(stage.folder, ".kodi", "addons");
        await mkdir(addons, { recursive: true });
        const unpack = "import sys,zipfile\nzipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
        assert.equal(spawnSync("python3", ["-c", unpack, join(folder, "addon.zip"), addons]).status, 0);
        assert.match(
          await readFile(join(addons, ours, "resources", "settings.xml"), "utf8"),
          new RegExp(`${base}/give`),
        );
        const [port, eventPort] = [await freePort(), await freePort()];
        await writeKodiHome({ folder: stage.folder, port, eventPort, addon: "none", addons: [ours] });
        const remote = await stage.start(port);
        const label = `Addon.SettingStr(${ours},iptv.channels_uri)`;
        const labels = await remote.call("XBMC.GetInfoLabels", { labels: [label] });
        assert.equal(labels[label], `plugin://${ours}/iptv/channels`);
        const limits = { connect: 30_000, silence: 30_000, total: 60_000, maxBytes: 1e8 };
        const ask = async (path: string) => {
          const { signal } = new AbortController();
          const callback = await openCallback({ what: path, limits, clock, signal });
          await sendRunPlugin(`plugin://${ours}/iptv/${path}?port=${callback.port}`, "127.0.0.1", eventPort);
          return JSON.parse(Buffer.concat(await Array.fromAsync(callback.chunks())).toString()) as unknown;
        };
        const { streams } = streamsSchema.parse(await ask("channels"));
        assert.deepEqual(
          streams.map(({ name, stream }) => [name, stream]),
          [1, 2].map((n) => [`Test card ${n}`, `${base}/live/testcard:${n}.ts`]),
        );
        const { epg } = epgSchema.parse(await ask("epg"));
        assert.ok(Object.values(epg).every((programmes) => programmes.length > 0) && Object.keys(epg).length === 2);
        await remote.call("Application.Quit").catch(() => {});
        remote.close();
      },
      ["--config", file],
    );
  } finally {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  }
});
