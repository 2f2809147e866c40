// The other direction: what a Kodi with IPTV Manager gets of this headend, by the add-on that it is given.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock as clock } from "../../../core/clock.ts";
import { openCallback } from "../../../providers/iptv-manager/callback.ts";
import { readChannels } from "../../../providers/iptv-manager/documents.ts";
import { epgSchema, streamsSchema } from "../../../providers/iptv-manager/index.ts";
import { formatEpg, formatStreams } from "../../../providers/iptv-manager/offered.ts";
import { lineupChannel } from "../../support/host.ts";
import { get, refresh, start, stop, text, upstream, useHeadend } from "../../support/whole.ts";
import { example } from "./add-ons.ts";

useHeadend();

const now = Date.UTC(2026, 0, 1, 12);
const hour = 3_600_000;
const base = "http://tv.example:8888/t/token";

test("channels.json and epg.json of a whole headend hold to the schemas, and say what the lineup says", async () => {
  upstream.answers.set("/channels.json", JSON.stringify(example.channels));
  upstream.answers.set("/epg.json", JSON.stringify(example.epg));
  const sources = [{ name: "One", channels: `${upstream.base}/channels.json`, epg: `${upstream.base}/epg.json` }];
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager", sources }, testcard: false } }));
  await refresh();
  const { streams } = streamsSchema.parse(JSON.parse(await text("/kodi/channels.json")));
  assert.deepEqual(
    streams.map(({ id, preset, radio }) => [id, preset, radio]),
    [
      ["channel1.com", 11, undefined],
      ["channel2.com", 12, undefined],
      ["één.be", 101, undefined],
      ["radio1.com", 901, true],
    ],
  );
  assert.match(streams[0]?.stream ?? "", /^http:\/\/tv\.example:8888\/live\/kodi:[^/]+\.ts$/);
  const { epg } = epgSchema.parse(JSON.parse(await text("/kodi/epg.json")));
  assert.deepEqual(Object.keys(epg).sort(), ["channel1.com", "channel2.com", "één.be"]);
  const [show] = epg["channel1.com"] ?? [];
  assert.equal(show?.title, "A show & an ampersand");
  assert.match(show?.stream ?? "", /\/live\/kodi:[^/]+\/archive-\d+-7200\.ts$/);
  assert.equal(epg["channel1.com"]?.[1]?.stream, undefined, "what is not on demand looks like it");
  await stop();
});

test("an instance without sources only gives, and brings no channels", async () => {
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager" }, testcard: { use: "testcard" } } }));
  await refresh();
  const { streams } = streamsSchema.parse(JSON.parse(await text("/kodi/channels.json")));
  assert.deepEqual(
    streams.map(({ name }) => name),
    ["Test card 1", "Test card 2"],
  );
  await stop();
});

test("formatStreams() gives back what readChannels() reads; plugin:// channels stay what they are", async () => {
  const channels = [
    lineupChannel({ name: 'A "b", c', logo: "/one/logo/a.png", groups: ["G"], number: "5.1" }),
    lineupChannel({ name: "K", url: "plugin://x/1", properties: { inputstream: "y" } }),
  ];
  const document = [...formatStreams(channels, base)].join("");
  const bytes = (async function* () {
    yield new TextEncoder().encode(document);
  })();
  const read = await readChannels(bytes, { source: "S", logo: () => undefined });
  assert.deepEqual(
    read.channels.map(({ name, number, logo, url, groups }) => [name, number, logo, url, groups]),
    [
      ['A "b", c', undefined, `${base}/one/logo/a.png`, `${base}/live/one:a-b-c.ts`, ["G", "S"]],
      ["K", "1", undefined, "plugin://x/1", ["S"]],
    ],
  );
});

test("formatEpg() offers what is kept, and nothing that is too old or far ahead", async () => {
  const programme = (start: number) => ({ channel: "A", start, stop: start + hour, titles: [{ value: "T" }] });
  const starts = [now - 30 * hour, now - 2 * hour, now + 2 * hour, now + 40 * hour];
  const streamsOf = async (part: object) => {
    const channel = lineupChannel({ name: "A", ...part });
    const pieces = await Array.fromAsync(formatEpg([channel, channel], base, now, async () => starts.map(programme)));
    const { epg } = JSON.parse(pieces.join("")) as { epg: Record<string, { stream?: string }[]> };
    return epg.A?.map(({ stream }) => stream?.replace(base, ""));
  };
  const address = (at: number | undefined) => `/live/one:a/archive-${(at ?? 0) / 1000}-3600.ts`;
  assert.deepEqual(await streamsOf({}), [undefined, undefined, undefined, undefined]);
  const some = [undefined, address(starts[1]), address(starts[2]), undefined];
  assert.deepEqual(await streamsOf({ catchup: { mode: "shift", days: 1 } }), some);
  assert.deepEqual(await streamsOf({ timeshift: 6 * hour }), some);
});

test("the add-on's zip is whole, and runs: it calls back with both documents", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "headend-addon-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await start(JSON.stringify({ instances: { kodi: { use: "iptv-manager" }, testcard: { use: "testcard" } } }));
  await refresh();
  const server = createServer(async (request, response) => {
    const answer = await get(request.url ?? "/");
    response.end(Buffer.from(await answer.arrayBuffer()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const zip = await get("/kodi/addon.zip", { host: `127.0.0.1:${port}` });
  await writeFile(join(folder, "addon.zip"), Buffer.from(await zip.arrayBuffer()));
  const unpack =
    "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nz.extractall(sys.argv[2])";
  const { status, stderr } = spawnSync("python3", ["-c", unpack, join(folder, "addon.zip"), folder]);
  assert.equal(status, 0, String(stderr));
  const addon = join(folder, "plugin.video.headend");
  const settings = await readFile(join(addon, "resources", "settings.xml"), "utf8");
  const address = /<setting id="url"[\s\S]*?<default>(.*?)<\/default>/.exec(settings)?.[1] ?? "";
  assert.match(address, /^http:\/\/[^/]+\/kodi$/);

  await mkdir(join(folder, "stubs"));
  const local = `http://127.0.0.1:${port}/kodi`;
  const stub = `class Addon:\n    def getSetting(self, name):\n        return ${JSON.stringify(local)}\n`;
  await writeFile(join(folder, "stubs", "xbmcaddon.py"), stub);
  const limits = { connect: 20_000, silence: 20_000, total: 30_000, maxBytes: 1e6 };
  for (const [path, schema] of [
    ["channels", streamsSchema],
    ["epg", epgSchema],
  ] as const) {
    const signal = new AbortController().signal;
    const callback = await openCallback({ what: path, limits, clock, signal });
    const words = [`plugin://plugin.video.headend/iptv/${path}`, "-1", `?port=${callback.port}`];
    const code =
      "import sys\nfile=sys.argv[1]\nsys.argv=sys.argv[2:]\nexec(compile(open(file).read(),file,'exec'),{'__name__':'__main__'})";
    const child = spawn("python3", ["-c", code, join(addon, "addon.py"), ...words], {
      env: { ...process.env, PYTHONPATH: join(folder, "stubs") },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const document = Buffer.concat(await Array.fromAsync(callback.chunks())).toString();
    await once(child, "close");
    const parsed = schema.parse(JSON.parse(document));
    assert.ok(JSON.stringify(parsed).length > 100, path);
  }
  await stop();
});
