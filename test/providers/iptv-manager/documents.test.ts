// Payloads as add-ons send them, well and badly made: what becomes a channel or a programme, what is dropped and why.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { parseProgramme } from "../../../core/formats/xmltv/index.ts";
import type { ReadGuide } from "../../../providers/iptv-manager/documents.ts";
import { readChannels, readGuide } from "../../../providers/iptv-manager/documents.ts";
import { epgSchema, streamsSchema } from "../../../providers/iptv-manager/index.ts";
import { example, three, two } from "./add-ons.ts";

const context = { source: "Add-on", logo: () => undefined };

async function* cut(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const bytesOf = (document: unknown) =>
  Buffer.from(typeof document === "string" ? document : JSON.stringify(document), "utf8");

const channelsOf = (document: unknown, size = 1 << 16, more: object = {}) =>
  readChannels(cut(bytesOf(document), size), { ...context, ...more });

async function guideOf(document: unknown, size = 1 << 16) {
  let read: ReadGuide | undefined;
  const parts = await Array.fromAsync(
    readGuide(cut(bytesOf(document), size), (guide) => {
      read = guide;
    }),
  );
  const text = Buffer.concat(parts).toString();
  const programmes = [...text.matchAll(/<programme [\s\S]*?<\/programme>/g)].map(([each]) => parseProgramme(each));
  return { text, programmes, ...read };
}

const one = (stream: object) => ({ version: 1, streams: [{ name: "A", stream: "http://a.example/1", ...stream }] });
const show = { start: "2026-01-01T10:00:00+01:00", stop: "2026-01-01T11:00:00+01:00", title: "Show" };
const shows = (...list: unknown[]) => ({ version: 1, epg: { a: list } });

test("the schemas accept what well-made add-ons send", () => {
  for (const document of [example.channels, two]) streamsSchema.parse(document);
  epgSchema.parse(example.epg);
});

test("documents read the same however they are cut: multi-byte characters and escapes split over chunks", async () => {
  const whole = await channelsOf(example.channels);
  const guide = await guideOf(example.epg);
  const raw = { m3u: JSON.stringify(three.channels), xmltv: JSON.stringify(`${three.epg}é😀\\"`) };
  const rawChannels = await channelsOf(raw.m3u);
  const awkward = JSON.stringify(three.epg.replace("Raw programme", 'é😀 \\ "quoted" \t'))
    .replaceAll("é", "\\u00e9")
    .replaceAll("😀", "\\ud83d\\ude00");
  const rawGuide = await guideOf(awkward);
  assert.match(rawGuide.text, /é😀 \\ "quoted"/);
  for (const size of [1, 2, 3, 5, 7, 11, 13, 64]) {
    assert.deepEqual(await channelsOf(example.channels, size), whole);
    assert.deepEqual(await guideOf(example.epg, size), guide);
    assert.deepEqual(await channelsOf(raw.m3u, size), rawChannels);
    assert.deepEqual(await guideOf(awkward, size), rawGuide);
  }
});

test("a byte order mark and blanks before the document do not count", async () => {
  for (const size of [1, 2, 100])
    assert.equal((await channelsOf(`\ufeff \r\n${JSON.stringify(two)}`, size)).channels.length, 1);
});

test("invalid JSON is refused whole, and where is said", async () => {
  for (const text of [
    '{"streams": [}',
    '{"streams": [1 2]}',
    '{"streams": [{"name": }]}',
    "{streams: []}",
    '{"streams": []} x',
  ])
    await assert.rejects(channelsOf(text), /^SyntaxError: not JSON: .*byte \d+/, text);
  for (const text of ['{"streams": [', '{"streams": [{"name": "A"', '{"streams": []', '"#EXTM3U'])
    await assert.rejects(channelsOf(text), /ends in the middle/, text);
});

test("a JSON list, a number, null, a web page and nothing at all are no payload", async () => {
  for (const [text, reason] of [
    ["[]", /got a list/],
    ["12", /got a number/],
    ["null", /got null/],
    ['"some words"', /got something else/],
    ["   ", /got nothing/],
  ] as const) {
    await assert.rejects(channelsOf(text), reason);
    await assert.rejects(guideOf(text), reason);
  }
  await assert.rejects(guideOf("<!DOCTYPE html><html></html>"), /web page/);
  await assert.rejects(guideOf({ version: 1 }), /no epg/);
  await assert.rejects(channelsOf({ version: 1 }), /no streams/);
});

test("version 2 is refused, before or behind the list; none, null and 1 are version 1", async () => {
  await assert.rejects(channelsOf({ ...two, version: 2 }), /version 2 .* not known/);
  await assert.rejects(channelsOf({ streams: two.streams, version: 2 }), /version 2/);
  await assert.rejects(guideOf({ epg: {}, version: 3 }), /version 3/);
  for (const version of [undefined, null, 1, "1"])
    assert.equal((await channelsOf({ ...two, version })).channels.length, 1);
});

test("missing name or stream drops that channel and no other, each counted by its reason", async () => {
  const streams = [
    { stream: "http://a" },
    { name: "B" },
    { name: " ", stream: "http://c" },
    { name: 4, stream: "x" },
    null,
    [],
    two.streams[0],
  ];
  const { channels, dropped } = await channelsOf({ streams });
  assert.deepEqual(
    channels.map(({ name }) => name),
    ["Channel 1"],
  );
  assert.deepEqual(dropped, { "without name": 2, "without stream": 1, "name is no text": 1, "not an object": 2 });
});

test("group: text, list, number, mixed list; always the add-on's name, in the same order, once", async () => {
  const groupsOf = async (group: unknown) => (await channelsOf(one({ group }))).channels[0]?.groups;
  assert.deepEqual(await groupsOf("Radio;Music"), ["Radio", "Music", "Add-on"]);
  assert.deepEqual(await groupsOf(["Belgium", "VRT", "Belgium"]), ["Belgium", "VRT", "Add-on"]);
  assert.deepEqual(await groupsOf("Add-on"), ["Add-on"]);
  assert.deepEqual(await groupsOf(undefined), ["Add-on"]);
  assert.deepEqual(await groupsOf(["News", 5]), ["News", "Add-on"]);
  const { channels, mended } = await channelsOf(one({ group: 5 }));
  assert.deepEqual([channels[0]?.groups, mended], [["Add-on"], { "group is neither text nor list": 1 }]);
});

test("preset as text is a number; 0, null and none are none; anything else is said", async () => {
  const numberOf = async (preset: unknown) => (await channelsOf(one({ preset }))).channels[0]?.number;
  assert.deepEqual(await Promise.all([7, "12", 0, "0", null, undefined].map(numberOf)), [
    "7",
    "12",
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  for (const preset of ["five", -1, 1.5, {}]) {
    const { channels, mended } = await channelsOf(one({ preset }));
    assert.deepEqual([channels[0]?.number, mended], [undefined, { "preset is no number": 1 }]);
  }
});

test("quotes, commas and newlines in names make one line, and no other channel", async () => {
  const { channels } = await channelsOf(one({ name: 'A "quoted",\r\n#EXTINF:-1,name\u0000' }));
  assert.equal(channels[0]?.name, 'A "quoted", #EXTINF:-1,name');
});

test("headers behind | and in kodiprops are understood, kodiprops kept", async () => {
  const stream = "http://a.example/1|User-Agent=Kodi%20TV&Referer=http://b.example/";
  const kodiprops = { "inputstream.adaptive.stream_headers": "X-A=1", count: 3, odd: {} };
  const [channel] = (await channelsOf(one({ stream, kodiprops }))).channels;
  assert.equal(channel?.url, "http://a.example/1");
  assert.deepEqual(channel?.headers, { "X-A": "1", "User-Agent": "Kodi TV", Referer: "http://b.example/" });
  assert.deepEqual(channel?.properties, { "inputstream.adaptive.stream_headers": "X-A=1", count: "3" });
});

test("raw M3U with CRLF and header attributes, wrapped in JSON or not", async () => {
  const m3u = `#EXTM3U x-tvg-url="http://g.example/e.xml" catchup="vod"\r\n#EXTINF:-1 tvg-id="raw1.com",RAW 1\r\nplugin://x/1\r\n`;
  for (const text of [m3u, JSON.stringify(m3u)]) {
    const { channels } = await channelsOf(text);
    assert.deepEqual(
      channels.map(({ name, url, guideId, catchup }) => [name, url, guideId, catchup?.mode]),
      [["RAW 1", "plugin://x/1", "raw1.com", "vod"]],
    );
  }
});

test("raw XMLTV without tv, and one that ends in the middle, are refused; a whole one passes as it is", async () => {
  for (const wrap of [(text: string) => text, JSON.stringify]) {
    await assert.rejects(guideOf(wrap('<?xml version="1.0"?><programme/>')), /no <tv>/);
    await assert.rejects(guideOf(wrap(three.epg.slice(0, -9))), /ends in the middle/);
    assert.equal((await guideOf(wrap(three.epg))).text, three.epg);
  }
});

test("programmes: stop before start, none, no time, not an object are dropped one by one; the rest stays", async () => {
  const odd = [
    { ...show, stop: show.start },
    { ...show, stop: undefined },
    { ...show, start: "soon" },
    { ...show, start: 5 },
    {},
    7,
  ];
  const { programmes, count, dropped } = await guideOf(shows(...odd, show));
  assert.equal(programmes.length, 1);
  assert.equal(count, 1);
  assert.deepEqual(dropped, {
    "stop not after start": 1,
    "without stop": 1,
    "start that is no time": 2,
    "without start": 1,
    "not an object": 1,
  });
});

test("a channel's programmes that are no list lose that channel's only", async () => {
  const { programmes, dropped } = await guideOf({ epg: { b: { x: [1] }, a: [show], c: null } });
  assert.deepEqual([programmes.length, dropped], [1, { "channel without a list": 2 }]);
});

test("naive times are UTC, others keep their offset over a change of clocks; fractions are dropped", async () => {
  const at = async (start: string) =>
    new Date(
      (await guideOf(shows({ ...show, start, stop: "2026-12-31T23:00" }))).programmes[0]?.start ?? 0,
    ).toISOString();
  assert.equal(await at("2026-04-01T12:45:00"), "2026-04-01T12:45:00.000Z");
  assert.equal(await at("2026-04-01T12:45:00.123456+02:00"), "2026-04-01T10:45:00.000Z");
  assert.equal(await at("2026-04-01T10:45:00Z"), "2026-04-01T10:45:00.000Z");
  assert.equal(await at("2026-03-29T02:30:00"), "2026-03-29T02:30:00.000Z", "an hour that clocks in Europe leave out");
  assert.equal(await at("2026-10-25T02:30:00+02:00"), "2026-10-25T00:30:00.000Z");
  assert.equal(await at("2026-10-25T02:30:00+01:00"), "2026-10-25T01:30:00.000Z");
  assert.equal(await at("2026-04-01"), "2026-04-01T00:00:00.000Z");
  assert.equal(await at("2026-04-01T10:00+02"), "2026-04-01T08:00:00.000Z");
});

test("numbers where texts are wanted are texts; other types are left out, and lose nothing else", async () => {
  const given = {
    ...show,
    title: null,
    episode: 5,
    date: 1987,
    genre: ["A", 3, {}],
    image: null,
    subtitle: {},
    credits: "x",
  };
  const [programme] = (await guideOf(shows(given))).programmes;
  assert.deepEqual(programme?.titles, []);
  assert.deepEqual(programme?.episodes, { onscreen: "5" });
  assert.equal(programme?.date, "1987");
  assert.deepEqual(
    programme?.categories?.map(({ value }) => value),
    ["A", "3"],
  );
  assert.deepEqual([programme?.icon, programme?.subtitles, programme?.credits], [undefined, undefined, undefined]);
});

test("credits become the XMLTV elements of the same names; unknown types and nameless people are left out", async () => {
  const types = "director actor writer adapter producer composer editor presenter commentator guest".split(" ");
  const credits = [
    ...types.map((type) => ({ type, name: type.toUpperCase(), role: "R" })),
    { type: "cat", name: "C" },
    { type: "actor" },
  ];
  const [programme] = (await guideOf(shows({ ...show, credits }))).programmes;
  assert.deepEqual(
    programme?.credits,
    types.map((role) => ({ role, name: role.toUpperCase(), ...(role === "actor" && { as: "R" }) })),
  );
});
