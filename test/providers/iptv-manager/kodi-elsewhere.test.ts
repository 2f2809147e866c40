// A Kodi on another machine: its add-ons called back through a relay, or its finished files read. The other machine is
// stood for by other addresses of loopback, all over real sockets.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import iptvManager from "../../../providers/iptv-manager/index.ts";
import { folder, refresh, start, stop, table, text, upstream, useHeadend } from "../../support/whole.ts";
import { example, xmltvTime } from "./add-ons.ts";
import { freePort, openStandIn, type StandInAddOn } from "./kodi-stand-in.ts";

useHeadend();

interface Context {
  after(work: () => Promise<void>): void;
}

const id = "plugin.video.one";
const at = `plugin://${id}/iptv`;
const addOn: StandInAddOn = {
  ...{ id, name: "One" },
  settings: { "iptv.enabled": "true", "iptv.channels_uri": `${at}/channels`, "iptv.epg_uri": `${at}/epg` },
  answers: new Map<string, unknown>([
    ["/iptv/channels", example.channels],
    ["/iptv/epg", example.epg],
  ]),
};

const kodiMachine = "127.0.0.2";
const ours = "127.0.0.3";

/** On the Kodi's machine: what calls its loopback at the port is passed on to us, by whoever `senders` says in turn. */
async function openRelay(t: Context, port: number, senders: readonly string[]) {
  const called: string[] = [];
  const server = net.createServer((addon) => {
    const from = senders[called.length % senders.length] ?? kodiMachine;
    called.push(from);
    const to = net.connect({ port, host: ours, localAddress: from });
    for (const [one, other] of [
      [addon, to],
      [to, addon],
    ] as const)
      one.on("error", () => other.destroy()).pipe(other);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => new Promise((done) => server.close(() => done())));
  return called;
}

async function startWith(kodi: object, more: object = {}): Promise<void> {
  await start(JSON.stringify({ instances: { far: { use: "iptv-manager", kodi, ...more }, testcard: false } }));
  await refresh();
}

async function standIn(t: Context) {
  const kodi = await openStandIn([addOn]);
  t.after(() => kodi.close());
  return kodi;
}

/** A way to write 127.0.0.1 by which it does not show that it is this machine. */
const far = (url: string) => url.replace("127.0.0.1", "[::ffff:127.0.0.1]");

test("a Kodi elsewhere calls back through a relay of one port, from its own address", async (t) => {
  const kodi = await standIn(t);
  const port = await freePort();
  const called = await openRelay(t, port, [kodiMachine]);
  const { tcp: jsonrpc, eventPort } = kodi;
  await startWith({ jsonrpc, eventPort, port, listen: ours, from: kodiMachine });
  assert.match(await text("/playlist.m3u"), /tvg-id="één\.be"/);
  assert.match(await text("/guide.xml"), /Op één/);
  assert.equal(called.length, 2);
  assert.match(table(), /far +4 +4/);
});

test("a relay on this machine needs nothing but the port: what it brings comes from loopback", async (t) => {
  const kodi = await standIn(t);
  const port = await freePort();
  await startWith({ jsonrpc: kodi.tcp, eventPort: kodi.eventPort, port });
  assert.match(table(), /far +4 +4/);
});

test("who calls from another address than the one that may is cut off, and the call still waited for", async (t) => {
  const kodi = await standIn(t);
  const port = await freePort();
  await openRelay(t, port, ["127.0.0.9"]);
  await startWith({ jsonrpc: kodi.tcp, eventPort: 0, port, listen: ours, from: kodiMachine }, { connect: "300ms" });
  assert.match(table(), /One channels: (nobody called back within 300ms|Kodi does not run it)/);
  assert.doesNotMatch(await text("/playlist.m3u"), /EXTINF/);
});

test("a port that somebody else has is said to be taken, and loses nothing", async (t) => {
  const kodi = await standIn(t);
  const port = await freePort();
  const { tcp: jsonrpc, eventPort } = kodi;
  await startWith({ jsonrpc, eventPort, port });
  const before = await text("/playlist.m3u");
  assert.match(before, /één/);
  const other = net.createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  await refresh();
  assert.match(table(), /One channels: its callback cannot be listened for: /);
  assert.equal(await text("/playlist.m3u"), before);
  other.close();
});

test("where nothing says how the add-ons of a Kodi elsewhere reach us, the error tells what is missing", async (t) => {
  const kodi = await standIn(t);
  // Nothing calls: it is asked by packets only, at a port that nobody has.
  const eventPort = await freePort();
  await startWith({ jsonrpc: far(kodi.tcp), host: "::ffff:7f00:1", eventPort }, { connect: "300ms" });
  assert.match(
    table(),
    /nobody called back within 300ms; add-ons call back to the machine that their Kodi is on.*kodi\.port/,
  );
});

test("packets go to the machine that JSON-RPC is on", async (t) => {
  const kodi = await standIn(t);
  // The EventServer of the stand-in is at 127.0.0.1 only; `localhost` is where it is asked.
  await startWith({ jsonrpc: kodi.tcp.replace("127.0.0.1", "localhost"), eventPort: kodi.eventPort });
  assert.ok(kodi.seen.includes("RunPlugin"), kodi.seen.join());
  assert.match(table(), /far +4 +4/);
});

test("finished files of an IPTV Manager elsewhere are a source, by path and by address", async () => {
  const playlist = `#EXTM3U
## Example IPTV Addon
#EXTINF:-1 tvg-name="één" tvg-id="één.be" tvg-chno="101" group-title="VRT;Belgium;Example IPTV Addon" catchup="vod",één
#KODIPROP:inputstream=inputstream.ffmpegdirect
plugin://plugin.video.example/play/101

## Raw Addon
#EXTINF:-1 tvg-id="raw1.com" group-title="Raw Addon",RAW 1
http://raw.example/1.ts

`;
  const epg = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv><channel id="één.be"><display-name>één</display-name></channel>
<programme start="${xmltvTime(-1)}" stop="${xmltvTime(1)}" channel="één.be" catchup-id="plugin://plugin.video.example/vod/1"><title>Op één</title></programme>
</tv>
`;
  await writeFile(join(folder, "playlist.m3u8"), playlist);
  await writeFile(join(folder, "epg.xml"), epg);
  upstream.answers.set("/playlist.m3u8", playlist);
  upstream.answers.set("/epg.xml", epg);
  for (const where of [folder, upstream.base]) {
    const sources = [{ name: "Living room", channels: `${where}/playlist.m3u8`, epg: `${where}/epg.xml` }];
    await start(JSON.stringify({ instances: { far: { use: "iptv-manager", sources }, testcard: false } }));
    await refresh();
    assert.match(table(), /far +2 +1/);
    assert.match(await text("/playlist.m3u"), /group-title="Raw Addon"[^\n]*,RAW 1/);
    assert.match(
      await text("/playlist.m3u?for=kodi"),
      /tvg-id="één\.be"[^\n]*\n#KODIPROP:inputstream=inputstream\.ffmpegdirect\nplugin:\/\/plugin\.video\.example\/play\/101\n/,
    );
    assert.match(await text("/guide.xml"), /catchup-id="plugin:\/\/plugin\.video\.example\/vod\/1"[\s\S]*Op één/);
    await stop();
  }
});

test("a plugin:// address as a source says who can ask it", () => {
  const { error } = iptvManager.config.safeParse({
    sources: [{ name: "A", channels: "plugin://plugin.video.x/iptv" }],
  });
  assert.match(JSON.stringify(error?.issues), /asked through a Kodi, which `kodi` names, or by a command/);
});

test("the addresses of a relay must be addresses, both or neither", () => {
  const accepts = (kodi: object) => iptvManager.config.safeParse({ kodi: { jsonrpc: "tcp://10.0.0.2:9090", ...kodi } });
  assert.ok(accepts({ listen: "10.0.0.1", from: "10.0.0.2" }).success);
  assert.ok(accepts({ listen: "fd00::1", from: "FD00::0002" }).success);
  for (const kodi of [{ listen: "10.0.0.1" }, { from: "10.0.0.2" }, { listen: "10.0.0.1", from: "kodi.lan" }])
    assert.ok(!accepts(kodi).success, JSON.stringify(kodi));
});
