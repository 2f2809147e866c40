// The provider as core sees it: the contract, addresses, last good halves, logos, status.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Elysia } from "elysia";
import { z } from "zod";
import { describePluginSchema } from "../../../core/config/describe.ts";
import type { Contribution, GuideSource } from "../../../core/plugin.ts";
import iptvManager from "../../../providers/iptv-manager/index.ts";
import { createTestHost, type TestHost } from "../../support/host.ts";
import { listChannels, testPlugin } from "../../support/plugin.ts";
import { example, three, two } from "./add-ons.ts";

const url = "http://add-on.example/secret-account";
const answers = {
  [`${url}/one.json`]: JSON.stringify(example.channels),
  [`${url}/one-epg.json`]: JSON.stringify(example.epg),
  [`${url}/two.json`]: JSON.stringify(two),
  [`${url}/three.json`]: JSON.stringify(three.channels),
  [`${url}/three-epg.json`]: JSON.stringify(three.epg),
};
const sources = [
  { name: "One", channels: `${url}/one.json`, epg: `${url}/one-epg.json` },
  { name: "Two", channels: `${url}/two.json` },
  { name: "Three", channels: `${url}/three.json`, epg: `${url}/three-epg.json` },
];
const answerAll = (host: TestHost) => {
  for (const [address, answer] of Object.entries(answers)) host.answer(address, answer);
};

testPlugin(iptvManager, {
  config: { sources },
  invalid: [
    { sources: [{ name: "A" }] },
    { sources: [sources[0], sources[0]] },
    { sources: [{ name: "A", channels: { command: [] } }] },
    { sources: [{ name: "A", channels: "plugin://x/iptv" }] },
    { connect: "soon" },
    { maxSize: "big" },
  ],
  secrets: ["secret-account"],
  prepare: answerAll,
});

async function running(host: TestHost, config: object = { sources }): Promise<Contribution> {
  return await iptvManager.setup(host, iptvManager.config.parse(config));
}

/** A refresh as core does it: the channels' ids, and each guide source's text or its error. */
async function refresh(contribution: Contribution) {
  const ids = (await listChannels(contribution)).map(({ id }) => id);
  const given = (await contribution.guide?.({ from: 0, to: 1 }, new AbortController().signal)) ?? [];
  const guides: Record<string, string> = {};
  for (const source of given) guides[source.name ?? ""] = await textOf(source);
  return { ids, guides };
}

async function textOf(source: GuideSource): Promise<string> {
  if (!("bytes" in source)) return "no bytes";
  try {
    const parts = await Array.fromAsync(source.bytes(new AbortController().signal));
    return new TextDecoder().decode(Buffer.concat(parts));
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}

function appOf(contribution: Contribution) {
  const handler = { standardHostname: false };
  const scope = new Elysia({ prefix: "/kodi" as "", handler });
  return new Elysia({ handler }).use(contribution.routes?.(scope) ?? scope);
}

async function open(t: { after(work: () => Promise<void>): void }, folder?: string) {
  const host = await createTestHost("kodi", folder);
  t.after(() => host.close());
  answerAll(host);
  return host;
}

test("two sources with the same id: both channels stay, each with an id of its own", async (t) => {
  const { ids } = await refresh(await running(await open(t)));
  assert.deepEqual(
    ids.filter((id) => id?.endsWith("channel1.com")),
    ["One/channel1.com", "Two/channel1.com"],
  );
});

test("an EPG for a channel that nobody has is kept for the guide, which matches by id", async (t) => {
  const host = await open(t);
  const epg = { epg: { "nobody.example": example.epg.epg["channel2.com"] } };
  host.answer(`${url}/one-epg.json`, JSON.stringify(epg));
  const { guides } = await refresh(await running(host));
  assert.match(guides["One guide"] ?? "", /channel="nobody\.example"/);
});

test("one source failing between two refreshes: its last good stays, the others go on, and it is said", async (t) => {
  const host = await open(t);
  const contribution = await running(host);
  const before = await refresh(contribution);
  assert.equal(contribution.health?.().state, "ok");
  host.answer(`${url}/one.json`, "[]");
  host.answer(`${url}/two.json`, JSON.stringify({ streams: [{ ...two.streams[0], id: "new" }] }));
  host.answer(`${url}/three-epg.json`, three.epg.slice(0, -20));
  const now = await refresh(contribution);
  assert.deepEqual(
    now.ids,
    before.ids.map((id) => (id === "Two/channel1.com" ? "Two/new" : id)),
  );
  assert.match(now.guides["One channels"] ?? "", /^error: .*got a list/);
  assert.equal(now.guides["One guide"], before.guides["One guide"]);
  assert.match(now.guides["Three guide"] ?? "", /^error: .*ends in the middle/);
  const { state, sentence } = contribution.health?.() ?? {};
  assert.deepEqual(
    [state, sentence],
    [
      "degraded",
      "One channels: expected a JSON object, M3U or XMLTV, got a list; the last good 4 channels stay; Three guide: not XMLTV: it ends in the middle; the last good one stays",
    ],
  );
});

test("while one half fails, the others are left in peace for ten minutes", async (t) => {
  const host = await open(t);
  host.answer(`${url}/two.json`, "12");
  const contribution = await running(host);
  const askedOf = async () => {
    const before = host.asked.length;
    await refresh(contribution);
    return host.asked.slice(before).map((each) => each.url.replace(`${url}/`, ""));
  };
  const all = ["one-epg.json", "one.json", "three-epg.json", "three.json", "two.json"];
  assert.deepEqual((await askedOf()).sort(), all);
  await host.clock.advance(30_000);
  assert.deepEqual(await askedOf(), ["two.json"]);
  await host.clock.advance(600_000);
  assert.deepEqual((await askedOf()).sort(), all);
  host.answer(`${url}/two.json`, JSON.stringify(two));
  assert.deepEqual(await askedOf(), ["two.json"]);
  assert.deepEqual((await askedOf()).sort(), all, "nothing fails any more: everybody is asked");
});

test("sources that bring a guide only are asked at each refresh, and say nothing of channels", async (t) => {
  const host = await open(t);
  const contribution = await running(host, { sources: [{ name: "One", epg: `${url}/one-epg.json` }] });
  assert.equal(contribution.channels, undefined);
  const guides = async () => {
    const [source] = (await contribution.guide?.({ from: 0, to: 1 }, new AbortController().signal)) ?? [];
    return source ? textOf(source) : "";
  };
  assert.match(await guides(), /Op één/);
  host.answer(`${url}/one-epg.json`, JSON.stringify(example.epg).replace("Op één", "Op twee"));
  assert.match(await guides(), /Op twee/);
});

test("what an earlier run kept is there when nothing answers after a restart", async (t) => {
  const first = await open(t);
  const before = await refresh(await running(first));
  first.stop();
  const host = await createTestHost("kodi", first.folder);
  const contribution = await running(host);
  assert.deepEqual((await refresh(contribution)).ids, before.ids);
  await host.close();
});

test("nothing good at all fails the refresh with the first reason", async (t) => {
  const host = await createTestHost("kodi");
  t.after(() => host.close());
  await assert.rejects(refresh(await running(host)), /404/);
});

test("an add-on that suddenly has no channels or no programmes is not believed", async (t) => {
  const host = await open(t);
  const contribution = await running(host);
  const before = await refresh(contribution);
  host.answer(`${url}/one.json`, JSON.stringify({ version: 1, streams: [] }));
  host.answer(`${url}/one-epg.json`, JSON.stringify({ version: 1, epg: {} }));
  const now = await refresh(contribution);
  assert.deepEqual(now.ids, before.ids);
  assert.match(now.guides["One channels"] ?? "", /it has no channels/);
  assert.match(now.guides["One guide"] ?? "", /it has no programmes/);
});

test("channels whose guide has programmes on demand over HTTP have catch-up, from the first refresh on", async (t) => {
  const contribution = await running(await open(t));
  const listed = await listChannels(contribution);
  assert.deepEqual(
    listed.filter(({ catchup }) => catchup).map(({ id, catchup }) => [id, catchup?.mode]),
    [["One/channel1.com", "vod"]],
  );
});

test("status tells each half: when, how long, how many, what was dropped, what failed", async (t) => {
  const host = await open(t);
  host.answer(`${url}/one.json`, JSON.stringify({ streams: [...example.channels.streams, {}] }));
  host.answer(`${url}/three.json`, "12");
  const contribution = await running(host);
  await refresh(contribution);
  const app = appOf(contribution);
  const answer = (await app.handle(new Request("http://tv/kodi/status.json"))).json();
  const status = (await answer) as { sources: Record<string, Record<string, unknown>>[] };
  const [one, , last] = status.sources;
  const noon = "2026-01-01T12:00:00.000Z";
  const usual = { how: "address", state: "ok", asked: noon, good: noon, seconds: 0 };
  assert.deepEqual(one?.channels, { ...usual, count: 4, dropped: { "without name": 1 } });
  assert.deepEqual(one?.guide, { ...usual, count: 4 });
  assert.equal(last?.channels?.state, "failed");
  assert.match(String(last?.channels?.error), /got a number/);
  assert.deepEqual(JSON.parse(JSON.stringify(contribution.health?.().details)), status);
});

test("the schema of the plugin shows what both documents look like", () => {
  const schema = describePluginSchema(iptvManager) as { documents?: Record<string, { properties: object }> };
  assert.deepEqual(Object.keys(schema.documents ?? {}), ["JSON-STREAMS", "JSON-EPG"]);
  assert.deepEqual(Object.keys(schema.documents?.["JSON-EPG"]?.properties ?? {}), ["version", "epg"]);
  assert.ok(z.fromJSONSchema(schema.documents?.["JSON-STREAMS"] as never).safeParse(example.channels).success);
});
