// Logos that are files of an add-on's folder: which are served, where, and as what.
import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folder, get, refresh, start, stop, text, upstream, useHeadend } from "../../support/whole.ts";
import { example } from "./add-ons.ts";
import { freePort, openStandIn, type StandInAddOn } from "./kodi-stand-in.ts";

useHeadend();

const web = "https://icons.example/x.png";

/** An add-on's folder with pictures, what is none, and what is outside. */
async function addonFolder(name = "addon"): Promise<string> {
  const addon = join(folder, name);
  await mkdir(join(addon, "logos"), { recursive: true });
  await writeFile(join(addon, "logos", "ä 1.png"), "picture");
  await writeFile(join(addon, "icon.svg"), "<svg onload='alert(1)'/>");
  await writeFile(join(addon, "settings.xml"), "password");
  await writeFile(join(folder, "outside.png"), "outside");
  await symlink(join(folder, "outside.png"), join(addon, "link.png"));
  await symlink(join(addon, "settings.xml"), join(addon, "disguised.png"));
  return addon;
}

async function logosOf(logos: readonly string[], source: object, more: object = {}): Promise<string[]> {
  const streams = logos.map((logo, place) => ({ name: `${place}`, preset: place + 1, stream: "http://a/1", logo }));
  upstream.answers.set("/channels.json", JSON.stringify({ streams }));
  const sources = [{ name: "One", channels: `${upstream.base}/channels.json`, ...source }];
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager", sources, ...more }, testcard: false } }));
  await refresh();
  return [...(await text("/playlist.m3u")).matchAll(/^#EXTINF.*?(?:tvg-logo="([^"]*)".*)?$/gm)].map(
    ([, logo = ""]) => logo,
  );
}

const pathOf = (logo = "") => logo.replace("http://tv.example:8888", "");

test("logos that are files of the add-on's folder are served from there, and nothing outside it", async () => {
  const addon = await addonFolder();
  const given = await logosOf(
    [
      "logos/ä 1.png",
      join(addon, "logos/ä 1.png"),
      "special://home/addons/x/logos/ä 1.png",
      "../outside.png",
      "settings.xml",
      "resource://x/y.png",
    ],
    { folder: addon, icon: web },
  );
  assert.match(given[0] ?? "", /^http:\/\/tv\.example:8888\/kodi\/logo\/[0-9a-f]{8}\/logos\/%C3%A4%201\.png$/);
  assert.deepEqual(given, [given[0], given[0], given[0], web, web, web]);
  const found = await get(pathOf(given[0]));
  assert.deepEqual([await found.text(), found.headers.get("content-type")], ["picture", "image/png"]);
  const base = pathOf(given[0]).slice(0, -"/logos/%C3%A4%201.png".length);
  const outside = ["/..%2Foutside.png", "/%2e%2e%2foutside.png", "/..%5coutside.png", "/%00.png", "//etc/x.png"];
  for (const path of ["/link.png", "/disguised.png", "/settings.xml", "/logos/no.png", "/logos", ...outside])
    assert.ok((await get(base + path)).status >= 400, path);
});

test("a picture that is a program does nothing in a browser; the icon may be a file of the folder", async () => {
  const addon = await addonFolder();
  const [logo] = await logosOf([""], { folder: addon, icon: "icon.svg" });
  const { status, headers } = await get(pathOf(logo));
  assert.deepEqual([status, headers.get("content-type")], [200, "image/svg+xml"]);
  assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'.*sandbox/);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
});

test("logos and the add-on's address follow the instance to where it is mounted, also those kept from before", async () => {
  const addon = await addonFolder();
  for (const [mount, prefix] of [
    [undefined, "/kodi"],
    ["/tv", "/tv"],
    ["/", ""],
  ]) {
    const given = await logosOf(["logos/ä 1.png"], { folder: addon }, mount === undefined ? {} : { mount });
    assert.match(pathOf(given[0]), new RegExp(`^${prefix}/logo/[0-9a-f]{8}/logos/`));
    assert.equal((await get(pathOf(given[0]))).status, 200);
    const zip = Buffer.from(await (await get(`${prefix}/addon.zip`)).arrayBuffer()).toString("latin1");
    assert.match(zip, new RegExp(`<default>http://tv\\.example:8888${prefix}</default>`));
    // The next time nobody answers.
    upstream.answers.delete("/channels.json");
    await stop();
  }
});

test("logos beside a document's address are there only as long as they stay at that server", async () => {
  const logos = ["a.png", "../b.png", "/c.png", "//d.example/d.png", "javascript:alert(1)", "special://x/e.png"];
  const given = await logosOf(logos, {});
  assert.deepEqual(given, [`${upstream.base}/a.png`, `${upstream.base}/b.png`, "", "", "", ""]);
});

test("a Kodi elsewhere names folders that are its own: none of this machine is served for it", async (t) => {
  const id = "plugin.video.one";
  const path = await addonFolder(`home/addons/${id}`);
  const streams = [{ ...example.channels.streams[1], logo: "logos/ä 1.png" }];
  const settings = { "iptv.enabled": "true", "iptv.channels_uri": `plugin://${id}/iptv` };
  const port = await freePort();
  // The second is a way to write the address by which it does not show that this is the same machine.
  const [near, far] = ["127.0.0.1", "[::ffff:127.0.0.1]"];
  const served = /tvg-logo="[^"]*\/logo\//;
  const none = /tvg-id="channel2\.com"(?![^\n]*tvg-logo)/;
  for (const [name, host, named, home, expected] of [
    ["near", near, `${path}/`, undefined, served],
    ["odd", near, folder, undefined, none],
    ["far", far, path, undefined, none],
    ["known", far, path, join(folder, "home"), served],
  ] as const) {
    const addOn: StandInAddOn = { id, name: "One", path: named, settings, answers: new Map([["/iptv", { streams }]]) };
    const kodi = await openStandIn([addOn]);
    t.after(() => kodi.close());
    const config = { jsonrpc: kodi.tcp.replace(near, host), eventPort: 0, port, ...(home && { home }) };
    const instances = { [name]: { use: "iptv-manager", kodi: config }, testcard: false };
    await start(JSON.stringify({ instances }));
    await refresh();
    assert.match(await text("/playlist.m3u"), expected, name);
    await stop();
  }
});
