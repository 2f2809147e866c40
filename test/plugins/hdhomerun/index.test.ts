// The HDHomeRun plugin over its own routes: selection, documents, guide, warnings, and whom it answers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { Elysia } from "elysia";
import { deviceTypes, formatDiscoverRequest, parseDiscoverReply } from "../../../core/formats/hdhomerun.ts";
import type { Cache, LineupChannel } from "../../../core/plugin.ts";
import hdhomerun from "../../../plugins/hdhomerun/index.ts";
import { freePort } from "../../core/transport/udp/sending.ts";
import { createTestHost, lineupChannel } from "../../support/host.ts";
import { testPlugin } from "../../support/plugin.ts";
import { openAsker } from "./asking.ts";

const quiet = { discovery: { ssdp: false, hdhomerun: false } };

testPlugin(hdhomerun, {
  config: { ...quiet, tuners: 2, range: "1-99", include: [{ group: "News" }] },
  invalid: [
    { tuners: 0 },
    { tuners: 256 },
    { tuners: 1.5 },
    { deviceId: "12345678" },
    { model: "HDTC-2US" },
    { range: "9-1" },
    { publicHost: "http://tv" },
    { include: [{}] },
    { port: 70_000 },
  ],
});

const lineup: readonly LineupChannel[] = [
  lineupChannel({
    name: "A <&> b",
    number: "1",
    groups: ["News"],
    logo: "http://up.example/a.png",
    catchup: { mode: "shift" },
  }),
  lineupChannel({ name: "B", number: "2", groups: ["Sport"] }),
  lineupChannel({ name: "C", number: "5.1", groups: ["News"], instance: "two" }),
  lineupChannel({ name: "D", number: "200" }),
];

/** A device at its own port; its requests come from `from`. */
async function start(
  t: TestContext,
  keys: Readonly<Record<string, unknown>> = {},
  from = "192.168.1.9",
  more: { readonly cache?: (cache: Cache) => Cache } = {},
) {
  const host = await createTestHost("den");
  t.after(() => host.close());
  const viewer = () => ({ name: from, address: from, admin: false });
  const given = await hdhomerun.setup(
    { ...host, viewer, cache: more.cache?.(host.cache) ?? host.cache },
    hdhomerun.config.parse({ ...quiet, ...keys }),
  );
  t.after(() => given.stop?.());
  host.publish(lineup);
  const app = given.listeners?.[0]?.routes(new Elysia() as never) ?? assert.fail("no port");
  const get = async (path: string, init?: RequestInit) =>
    await app.fetch(new Request(`http://10.0.0.2:5004${path}`, init));
  const numbers = async () =>
    ((await (await get("/lineup.json")).json()) as { GuideNumber: string }[]).map((entry) => entry.GuideNumber);
  const post = async (query: string, headers: Record<string, string> = {}) =>
    (await get(`/lineup.post?${query}`, { method: "POST", headers })).status;
  return { host, given, get, post, numbers };
}

test("the selection keeps groups, ids, numbers and the first so many", async (t) => {
  const of = async (keys: Readonly<Record<string, unknown>>) => (await start(t, keys)).numbers();
  assert.deepEqual(await of({}), ["1", "2", "5.1", "200"]);
  assert.deepEqual(await of({ include: [{ group: "news" }] }), ["1", "5.1"]);
  assert.deepEqual(await of({ include: [{ id: "two:*" }, { name: "B" }] }), ["2", "5.1"]);
  assert.deepEqual(await of({ exclude: [{ group: "News" }] }), ["2", "200"]);
  assert.deepEqual(await of({ range: "2-5" }), ["2", "5.1"]);
  assert.deepEqual(await of({ range: "200" }), ["200"]);
  assert.deepEqual(await of({ first: 2, exclude: [{ name: "B" }] }), ["1", "5.1"]);
});

test("the lineup follows the channels, and is an array at all times", async (t) => {
  const { host, get, numbers } = await start(t);
  host.publish([]);
  assert.equal(await (await get("/lineup.json")).text(), "[]");
  host.publish(lineup.slice(0, 1));
  assert.deepEqual(await numbers(), ["1"]);
});

test("lineup.xml and lineup.m3u say the same, and nothing that is for upstream", async (t) => {
  const { get } = await start(t, { first: 1 });
  assert.match(
    await (await get("/lineup.xml")).text(),
    /<Program><GuideNumber>1<\/GuideNumber><GuideName>A &lt;&amp;&gt; b<\/GuideName><URL>http:\/\/10.0.0.2:5004\/auto\/v1<\/URL><\/Program>/,
  );
  const m3u = await (await get("/lineup.m3u")).text();
  assert.match(m3u, /^#EXTM3U url-tvg="http:\/\/10.0.0.2:5004\/guide.xml.gz\?style=kodi"/);
  assert.match(m3u, /tvg-chno="1".*,A <&> b\nhttp:\/\/10.0.0.2:5004\/auto\/v1\n$/);
  assert.doesNotMatch(m3u, /catchup|up\.example\/A/);
});

test("publicHost takes the place of the host asked, and of nothing else", async (t) => {
  const { get } = await start(t, { publicHost: "tv.example" });
  const { BaseURL, LineupURL } = (await (await get("/discover.json")).json()) as Record<string, string>;
  assert.deepEqual([BaseURL, LineupURL], ["http://tv.example:5004", "http://tv.example:5004/lineup.json"]);
});

test("a port of its own answers clients of private networks, unless it is for all", async (t) => {
  assert.equal((await (await start(t, {}, "203.0.113.9")).get("/discover.json")).status, 403);
  assert.equal((await (await start(t, { allow: "all" }, "203.0.113.9")).get("/discover.json")).status, 200);
  for (const near of [
    "10.1.2.3",
    "172.31.0.1",
    "127.0.0.1",
    "169.254.3.4",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:10.0.0.1",
  ])
    assert.equal((await (await start(t, {}, near)).get("/discover.json")).status, 200, near);
  for (const far of ["172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", ""])
    assert.equal((await (await start(t, {}, far)).get("/auto/v1")).status, 403, far);
});

test("the guide is that of the device's channels, by number, as Plex wants it", async (t) => {
  const { host, get } = await start(t, { exclude: [{ name: "B" }], range: "1-9" });
  assert.equal((await get("/guide.xml")).status, 503);
  const element = (name: string, number: string) =>
    `  <channel id="${name}">\n    <display-name>${name}</display-name>\n    <lcn>${number}</lcn>\n  </channel>\n`;
  const programme = (name: string, title: string) =>
    `  <programme start="20260101000000 +0000" stop="20260101010000 +0000" channel="${name}">\n    <title>${title}</title>\n  </programme>\n`;
  const names = ["A &lt;&amp;&gt; b", "B", "C", "D"];
  const many = (name: string) => Array.from({ length: 300 }, (_, at) => programme(name, `${name} ${at}`)).join("");
  await host.setGuide(
    `<?xml version="1.0"?>\n<tv>\n${names.map((name, at) => element(name, String(at))).join("")}${names.map(many).join("")}</tv>\n`,
    { style: "plex" },
  );
  const response = await get("/guide.xml.gz?style=plex");
  const text = gunzipSync(new Uint8Array(await response.arrayBuffer())).toString();
  assert.equal(
    text.replace(/^[\s\S]*?<tv[^>]*>\n/, ""),
    `${element("A &lt;&amp;&gt; b", "0")}${element("C", "2")}${many("A &lt;&amp;&gt; b")}${many("C")}</tv>\n`,
  );
  host.publish(lineup.slice(2));
  const next = await (await get("/guide.xml?style=plex")).text();
  assert.doesNotMatch(next, /A &lt;/);
  assert.match(next, /<channel id="C">/);
});

test("more channels than Plex takes are warned of once, on the page and in the state", async (t) => {
  const { host, given, get, numbers } = await start(t);
  host.publish(Array.from({ length: 481 }, (_, at) => lineupChannel({ name: `N${at}`, number: String(at + 1) })));
  await numbers();
  host.publish(Array.from({ length: 482 }, (_, at) => lineupChannel({ name: `N${at}`, number: String(at + 1) })));
  await numbers();
  const warnings = host.logged.filter(({ level }) => level === "warn").map(({ sentence }) => sentence);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /481 channels.*480.*a further instance/);
  assert.match(given.health?.().sentence ?? "", /482 channels/);
  assert.match(await (await get("/")).text(), /482 channels.*split/);
});

test("the page tells which address goes where", async (t) => {
  const { get } = await start(t, { name: "<Den>" });
  const response = await get("/");
  assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
  const text = await response.text();
  assert.match(text, /<h1>&lt;Den&gt;<\/h1>/);
  assert.match(text, /<code>http:\/\/10\.0\.0\.2:5004\/guide\.xml\?style=plex<\/code>/);
});

test("marks that come all at once are kept in their order", async (t) => {
  const gate = Promise.withResolvers<void>();
  let writes = 0;
  const slow = (cache: Cache): Cache => ({
    ...cache,
    async write(key, content) {
      if (key === "marks.json" && writes++ === 0) await gate.promise;
      return await cache.write(key, content);
    },
  });
  const { host, post } = await start(t, {}, undefined, { cache: slow });
  const marking = [post("favorite=x1"), post("favorite=x2"), post("favorite=-1")];
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  gate.resolve();
  assert.deepEqual(await Promise.all(marking), [200, 200, 200]);
  assert.deepEqual(JSON.parse((await host.cache.read("marks.json")) ?? ""), { [lineup[1]?.id ?? ""]: "hidden" });
});

test("a mark does not make the guide anew", async (t) => {
  const { host, get, post } = await start(t, { range: "1-9" });
  await host.setGuide(`<?xml version="1.0"?>\n<tv>\n</tv>\n`, { style: "plex" });
  const made = async () => {
    await (await get("/guide.xml.gz")).arrayBuffer();
    return (await stat(host.cache.path("guide/plex.xml.gz"))).ino;
  };
  const before = await made();
  assert.equal(await post("favorite=x1"), 200);
  assert.equal(await made(), before);
  host.publish(lineup.slice(1));
  assert.notEqual(await made(), before);
});

test("no page of any site sets anything, and no image hides a channel", async (t) => {
  const { get, post, numbers } = await start(t);
  // By a name that was made to lead here, a page of another site counts as one of ours.
  for (const headers of [{ origin: "http://10.0.0.2:5004" }, { origin: "null" }, { "sec-fetch-site": "same-origin" }])
    for (const query of ["scan=start", "favorite=x1"]) assert.equal(await post(query, headers), 403);
  assert.equal((await get("/lineup.post?favorite=x1")).status, 400);
  assert.equal((await get("/lineup.post?scan=start")).status, 200);
  assert.deepEqual(await numbers(), ["1", "2", "5.1", "200"]);
});

test("a device that listens on one address is told of and found there alone", async (t) => {
  const ports = { hdhomerun: await freePort(), ssdp: await freePort() };
  const { host, given } = await start(t, { discovery: { ports } });
  given.listeners?.[0]?.opened?.(5004, "127.0.0.1");
  assert.match(host.logged.map(({ sentence }) => sentence).join("\n"), /is at http:\/\/127\.0\.0\.1:5004;/);
  const asker = await openAsker();
  t.after(() => asker.close());
  const question = formatDiscoverRequest({ types: [deviceTypes.tuner] });
  // The socket is bound a moment after.
  for (let turn = 0; asker.answers.length === 0 && turn < 200; turn++) {
    await asker.ask(question, ports.hdhomerun);
    await setTimeout(10);
  }
  const reply = parseDiscoverReply(asker.answers[0]?.bytes ?? assert.fail("nobody answers"));
  assert.equal(reply?.baseUrl, "http://127.0.0.1:5004");
});

test("a device whose port of questions is another program's is found all the same, and says so", async (t) => {
  const other = createServer().listen(0);
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { given } = await start(t, { discovery: { ssdp: false, ports: { hdhomerun: port } } });
  given.listeners?.[0]?.opened?.(5004, "127.0.0.1");
  const health = () => given.health?.();
  for (let turn = 0; !/TCP port/.test(health()?.sentence ?? "") && turn < 500; turn++) await setTimeout(10);
  assert.match(health()?.sentence ?? "", /channels; TCP port \d+ is in use/);
  assert.equal(health()?.state, "ok");
});
