// Sources that mean no good, or are broken in ways that could hurt more than themselves.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type ReadGuide, readChannels, readGuide } from "../../../providers/iptv-manager/documents.ts";
import { folder, refresh, start, stop, table, text, upstream, useHeadend } from "../../support/whole.ts";
import { addon, example, two } from "./add-ons.ts";

async function* bytesOf(document: unknown) {
  yield Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
}

const channelsOf = (document: unknown) => readChannels(bytesOf(document), { source: "S", logo: () => undefined });

async function guideOf(document: unknown) {
  let read: ReadGuide | undefined;
  const parts = await Array.fromAsync(
    readGuide(bytesOf(document), (guide) => {
      read = guide;
    }),
  );
  return { text: Buffer.concat(parts).toString(), ...read };
}

const show = { start: "2026-01-01T10:00:00", stop: "2026-01-01T11:00:00", title: "Show" };
const good = { name: "Good", stream: "http://a.example/1" };
const deep = "[".repeat(100_000) + "]".repeat(100_000);
const long = "x".repeat(5 << 20);

test("one item that is far too large or too deep is dropped alone, and counted", async () => {
  const { channels, dropped } = await channelsOf(
    `{"streams":[${deep},{"name":"A","stream":"http://a","kodiprops":${deep}},{"name":"${long}","stream":"http://a"},${JSON.stringify(good)}]}`,
  );
  assert.deepEqual(
    [channels.map(({ name }) => name), dropped],
    [["Good"], { "more than 100 deep": 2, "larger than 4 MiB": 1 }],
  );
  const guide = await guideOf(
    `{"epg":{"a":[{"title":${deep}},${JSON.stringify({ ...show, description: long })},${JSON.stringify(show)}]}}`,
  );
  assert.deepEqual([guide.count, guide.dropped], [1, { "more than 100 deep": 1, "larger than 4 MiB": 1 }]);
});

test("what is no item may be of any size and depth where nobody wants it, and is refused in a sentence where somebody does", async () => {
  assert.equal(
    (await guideOf(`{"extra":{"deep":[${deep},"${long}"]},"epg":{"a":[${JSON.stringify(show)}]}}`)).count,
    1,
  );
  await assert.rejects(
    channelsOf(`{"version":${deep},"streams":[]}`),
    /a value is more than 100 deep \(before byte \d+\)/,
  );
});

test("a time of a million letters is none, and is seen to be none at once", async () => {
  // A pattern that looks at the rest from each of its places would take hours.
  const start = `2026-01-01T0${"T".repeat(1_000_000)}`;
  assert.deepEqual((await guideOf({ epg: { a: [{ ...show, start }] } })).dropped, { "start that is no time": 1 });
});

test("what errors say of a document has nothing of it in them", async () => {
  for (const document of [
    '{"streams": [{"name": "A", "stream": s3cret}]}',
    '{"streams": [{"name": "A", "stream": "http://a/?s3cret" s3cret}]}',
    '{"version": "http://u:s3cret@a/", "streams": []}',
    '"#EXTM3U\\n\\s3cret"',
  ])
    await assert.rejects(channelsOf(document), (error: Error) => {
      assert.doesNotMatch(error.message, /s3cret/, document);
      return error instanceof SyntaxError;
    });
});

test("a path is no address: what an add-on names is never one of this headend's own", async () => {
  const { channels, dropped } = await channelsOf({
    streams: [{ ...good, stream: "/api/status" }, { ...good, stream: "etc/passwd" }, good],
  });
  assert.deepEqual([channels.map(({ url }) => url), dropped], [[good.stream], { "stream that is no address": 2 }]);
  const raw = await channelsOf("#EXTM3U\n#EXTINF:-1,A\n/api/status\n#EXTINF:-1,B\nhttp://b.example/1\n");
  assert.deepEqual(
    raw.channels.map(({ name }) => name),
    ["B"],
  );
  const { text: xml, mended } = await guideOf({ epg: { a: [{ ...show, stream: "/api/status" }] } });
  assert.doesNotMatch(xml, /api/);
  assert.deepEqual(mended, { "stream that is no address": 1 });
});

test("names and addresses longer than any are dropped; an id of such length is left out", async () => {
  const much = "x".repeat(5000);
  const { channels, dropped, mended } = await channelsOf({
    streams: [
      { ...good, name: much },
      { ...good, stream: `http://a/${much}` },
      { ...good, id: much },
    ],
  });
  assert.deepEqual([channels.length, channels[0]?.guideId], [1, undefined]);
  assert.deepEqual([dropped, mended], [{ "name too long": 1, "stream too long": 1 }, { "id too long": 1 }]);
});

test("what is of another type in a programme is left out and counted; the programme stays", async () => {
  const odd = { ...show, title: {}, subtitle: [], image: 5, credits: "x", genre: 7, episode: 5 };
  const { count, mended } = await guideOf({ epg: { a: [odd, show] } });
  assert.equal(count, 2);
  assert.deepEqual(mended, {
    "title of another type": 1,
    "subtitle of another type": 1,
    "image of another type": 1,
    "credits of another type": 1,
  });
});

useHeadend();

const configOf = (sources: readonly object[], more: object = {}) =>
  JSON.stringify({ instances: { addons: { use: "iptv-manager", sources, ...more }, testcard: false } });

test("an address that drips for ever is given up after `total`, and asked again the next time", async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    const drip = setInterval(() => response.write(" "), 50);
    response.on("close", () => clearInterval(drip));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const drips = { name: "Drips", channels: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
    await start(configOf([drips], { total: "300ms" }));
    for (let round = 1; round <= 2; round++) {
      await refresh();
      assert.match(table(), /Drips channels: it was not done within 300ms/);
      assert.equal(asked, round);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("`maxSize` counts what a compressed document becomes", async () => {
  const programmes = `,${JSON.stringify(show)}`.repeat(40_000);
  const bomb = gzipSync(`{"epg":{"a":[${JSON.stringify(show)}${programmes}]}}`);
  assert.ok(bomb.length < 100_000);
  upstream.answers.set("/epg.json.gz", bomb);
  await start(configOf([{ name: "Bomb", epg: `${upstream.base}/epg.json.gz` }], { maxSize: "1MB" }));
  await refresh();
  assert.match(table(), /Bomb guide: larger than the limit of 1MB/);
});

test("secrets that a program writes to standard error reach neither status nor pages", async () => {
  const words =
    '{"password": "hidden1", "user": "hidden2"} GET /get.php?username=hidden3&password=hidden4 Authorization: Bearer hidden5';
  const code = `import sys\nsys.stderr.write(${JSON.stringify(words)})\nsys.exit(3)`;
  await start(configOf([{ name: "Chatty", channels: { command: ["python3", "-c", code] } }]));
  await refresh();
  for (const said of [table(), await text("/api/status"), await text("/addons/status.json")]) {
    assert.match(said, /the program ended with 3/);
    assert.doesNotMatch(said, /hidden/);
  }
  assert.match(await text("/api/status"), /"details":\{"sources":\[\{"name":"Chatty"/);
});

test("a reload while an add-on is at work ends it, and takes nothing that was good", async () => {
  const file = join(folder, "channels.json");
  await writeFile(file, JSON.stringify(example.channels));
  const source = (seconds: string) => ({
    name: "Slow",
    channels: { command: ["python3", addon, "reply", file, "{port}", seconds] },
  });
  await start(configOf([source("0")]));
  await refresh();
  const before = await text("/playlist.m3u");
  assert.match(before, /één/);
  await stop();
  await start(configOf([source("50")]));
  const asking = refresh();
  await stop();
  await asking;
  await start(configOf([{ name: "Slow", channels: `${upstream.base}/none.json` }]));
  await refresh();
  assert.equal(await text("/playlist.m3u"), before);
});

test("a source that is taken out of the config takes its channels along, and no others", async () => {
  upstream.answers.set("/one.json", JSON.stringify(example.channels));
  upstream.answers.set("/two.json", JSON.stringify(two));
  const [one, second] = ["one", "two"].map((name) => ({ name, channels: `${upstream.base}/${name}.json` }));
  await start(configOf([one ?? {}, second ?? {}]));
  await refresh();
  assert.match(await text("/playlist.m3u"), /group-title="two"/);
  await stop();
  await start(configOf([one ?? {}]));
  await refresh();
  const playlist = await text("/playlist.m3u");
  assert.doesNotMatch(playlist, /group-title="two"/);
  assert.match(playlist, /één/);
});
