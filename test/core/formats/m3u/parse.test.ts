// What counts as a playlist, an entry and a line, whatever shape the file has.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { longestLine } from "../../../../core/formats/m3u/lines.ts";
import { parsePlaylist } from "../../../../core/formats/m3u.ts";
import { createRandom, hostilePlaylist, readEntry, readPlaylist } from "../../../support/m3u.ts";

const names = async (text: string) => (await readPlaylist(text)).channels.map((channel) => channel.name);

test("parsePlaylist() reads LF, CRLF, CR, mixed line ends, blank lines, indentation and a byte order mark", async () => {
  const lines = ["#EXTM3U", "#EXTINF:-1,One", "http://h/1", "#EXTINF:-1,Two", "http://h/2"];
  for (const end of ["\n", "\r\n", "\r", "\n\n", " \r\n\t "]) {
    for (const mark of ["", "\ufeff"]) {
      const { channels, header } = await readPlaylist(mark + lines.join(end));
      assert.deepEqual(channels, [
        { name: "One", url: "http://h/1" },
        { name: "Two", url: "http://h/2" },
      ]);
      assert.deepEqual(header, { guides: [], attributes: {} });
    }
  }
  assert.deepEqual(await names("#EXTM3U\r\n#EXTINF:-1,One\nhttp://h/1\r#EXTINF:-1,Two\r\nhttp://h/2"), ["One", "Two"]);
});

test("parsePlaylist() needs no #EXTM3U and passes text in front of the first entry", async () => {
  const { channels, dropped, rejection } = await readPlaylist("Written 2 entries\n#EXTINF:-1,One\nhttp://h/1\n");
  assert.equal(channels.length, 1);
  assert.deepEqual(dropped, { "line without entry": 1 });
  assert.equal(rejection, undefined);
});

test("parsePlaylist() drops an entry without an address, and an address without an entry, and counts both", async () => {
  const { channels, dropped } = await readPlaylist(
    "#EXTM3U\nhttp://h/0\n#EXTINF:-1,Gone\n\n#EXTINF:-1,One\nhttp://h/1\n== section ==\nhttp://h/2\n#EXTINF:-1,Last",
  );
  assert.deepEqual(channels, [{ name: "One", url: "http://h/1" }]);
  assert.deepEqual(dropped, { "entry without address": 2, "line without entry": 3 });
});

test("parsePlaylist() lets no directive of a dropped address leak into the next entry", async () => {
  const { channels } = await readPlaylist("#EXTM3U\n#KODIPROP:a=b\nhttp://h/0\n#EXTINF:-1,One\nhttp://h/1\n");
  assert.deepEqual(channels, [{ name: "One", url: "http://h/1" }]);
});

test("parsePlaylist() attaches options before #EXTINF to the entry, as players do", async () => {
  const channel = await readEntry("#KODIPROP:a=b", "#EXTVLCOPT:http-user-agent=UA", "#EXTINF:-1,One", "http://h/1");
  assert.deepEqual(channel, {
    name: "One",
    url: "http://h/1",
    properties: { a: "b" },
    headers: { "User-Agent": "UA" },
  });
});

test("parsePlaylist() keeps unknown directives of an entry, not comments, not addresses taken out", async () => {
  const channel = await readEntry(
    "#EXT-X-APP ignored, it is no entry's",
    "#EXTINF:-1,One",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "# a comment",
    "#123",
    "#http://h/old",
    "#EXTVLCOPT:program=745",
    "http://h/1",
  );
  assert.deepEqual(channel.directives, ["#EXT-X-PLAYLIST-TYPE:VOD", "#123", "#EXTVLCOPT:program=745"]);
});

test("parsePlaylist() holds #EXTGRP until it is emptied or a group-title comes", async () => {
  const { channels } = await readPlaylist(
    [
      "#EXTGRP:A;B",
      "#EXTINF:-1,1\nhttp://h/1",
      "#EXTINF:-1,2\nhttp://h/2",
      "#EXTGRP:",
      "#EXTINF:-1,3\nhttp://h/3",
      "#EXTGRP:C",
      '#EXTINF:-1 group-title="D",4\nhttp://h/4',
      '#EXTINF:-1 group-title="D",5\n#EXTGRP:E;D\nhttp://h/5',
      "#EXTINF:-1,6\nhttp://h/6",
    ].join("\n"),
  );
  assert.deepEqual(
    channels.map((channel) => channel.groups),
    [["A", "B"], ["A", "B"], undefined, ["D"], ["D", "E"], ["E", "D"]],
  );
});

test("parsePlaylist() resolves relative addresses against the base, and never takes a path for ours", async () => {
  const text = '#EXTINF:-1 tvg-logo="/l.png",1\nlive/1.ts\n#EXTINF:-1,2\n/2.ts\n#EXTINF:-1,3\n//cdn/3.ts\n';
  const known = await readPlaylist(text, { base: "http://h:8/dir/list.m3u?t=1" });
  assert.deepEqual(
    known.channels.map((channel) => channel.url),
    ["http://h:8/dir/live/1.ts", "http://h:8/2.ts", "http://cdn/3.ts"],
  );
  assert.equal(known.channels[0]?.logo, "http://h:8/l.png");
  const unknown = await readPlaylist(text);
  assert.deepEqual(unknown.channels, [{ name: "1", url: "live/1.ts" }]);
  assert.deepEqual(unknown.dropped, { "path without base": 2 });
});

test("parsePlaylist() says what it is that is no playlist", async () => {
  const cases = {
    "": "it is empty",
    " \r\n\n": "it is empty",
    "<!DOCTYPE html><html>": "it is a web page",
    "\ufeff\n <html>\n": "it is a web page",
    '<?xml version="1.0"?><tv/>': "it is XML or a web page",
    '{"error":"expired"}': "there is neither #EXTM3U nor an entry in it",
    "http://h/1\nhttp://h/2": "there is neither #EXTM3U nor an entry in it",
    "\u0000\u0001\u0002": "there is neither #EXTM3U nor an entry in it",
  };
  for (const [text, reason] of Object.entries(cases)) assert.equal((await readPlaylist(text)).rejection, reason, text);
  for (const hls of ["#EXT-X-TARGETDURATION:4\n#EXTINF:4,\ns.ts", "#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8"]) {
    const { rejection, channels } = await readPlaylist(`#EXTM3U\n${hls}\n`);
    assert.match(rejection ?? "", /HLS stream/);
    assert.equal(channels.length, 0);
  }
  assert.equal((await readPlaylist("#EXTM3U\n")).rejection, undefined);
  assert.equal((await readPlaylist("#EXTM3U\n#EXT-X-APP APTV\n#EXTINF:-1,1\nhttp://h/1")).rejection, undefined);
});

test("parsePlaylist() skips a line over 1 MiB wherever the chunks are cut, and keeps one of exactly 1 MiB", async () => {
  const text = (length: number) => `#EXTINF:-1,1\nhttp://h/${"x".repeat(length - 9)}\n#EXTINF:-1,2\nhttp://h/2\n`;
  for (const chunk of [1 << 22, 1 << 16, 65_537, 4099]) {
    const kept = await readPlaylist(text(longestLine), {}, chunk);
    assert.equal(kept.channels.length, 2);
    const skipped = await readPlaylist(text(longestLine + 1), {}, chunk);
    assert.deepEqual(skipped.channels, [{ name: "2", url: "http://h/2" }]);
    assert.deepEqual(skipped.dropped, { "line too long": 1, "entry without address": 1 });
  }
});

test("parsePlaylist() reads lines of 1 MiB in linear time, whatever they are made of", {
  timeout: 20_000,
}, async () => {
  const nasty = [
    ...[
      '"x',
      'a="',
      "a='",
      'a="b',
      'a="b ',
      'x="y"z',
      " a=",
      "a=b ",
      ",",
      " ",
      "\t,",
      ";",
      "=",
      "|",
      "|a=b&",
      "&a",
      "\u00e9",
      "\0",
    ],
    ...[" tvg-a", 'tvg-name="', "\uFEFF", ", http://h/", ",h", "%", "{", "[", '"', "'"],
  ];
  const heads = [
    "#EXTM3U ",
    '#EXTM3U url-tvg="',
    "#EXTINF:-1 ",
    "#EXTINF:-1,",
    '#EXTINF:-1 group-title="',
    '#EXTINF:-1 tvg-shift="',
    "#EXTHTTP:",
    "#KODIPROP:a.stream_headers=",
    "#EXTGRP:",
    "#",
    "http://h/|a=",
    "",
  ];
  for (const head of heads) {
    for (const piece of nasty) {
      const line = (head + piece.repeat(Math.ceil(longestLine / piece.length))).slice(0, longestLine / 2);
      const { rejection } = await readPlaylist(`#EXTINF:-1,A\n${line}\nhttp://h/\n#EXTM3U\n`);
      assert.equal(rejection, undefined);
    }
  }
});

test("parsePlaylist() bounds what one entry may hold", async () => {
  const lines = ["#EXTINF:-1,1"];
  for (let index = 0; index < 300; index++) lines.push(`#X-${index}:y`, `#KODIPROP:p${index}=v`);
  const { channels, dropped } = await readPlaylist(`${lines.join("\n")}\nhttp://h/1\n`);
  assert.equal(channels[0]?.directives?.length, 256);
  assert.equal(Object.keys(channels[0]?.properties ?? {}).length, 256);
  assert.deepEqual(dropped, { "too many directives": 88 });
});

test("parsePlaylist() reads what is not UTF-8 as windows-1252, line by line, or as it is told", async () => {
  const turkish = Buffer.concat([
    Buffer.from("#EXTINF:-1,"),
    Buffer.of(0xdd, 0xfe, 0xf0),
    Buffer.from("\nhttp://h/1\n"),
  ]);
  const utf8 = Buffer.from("#EXTINF:-1,é日\nhttp://h/2\n");
  const list = Buffer.concat([turkish, utf8]);
  const read = async (bytes: Uint8Array, encoding?: string) =>
    (await readPlaylist(bytes, { encoding }, 7)).channels.map((channel) => channel.name);
  assert.deepEqual(await read(list), ["Ýþð", "é日"]);
  assert.deepEqual(await read(turkish, "windows-1254"), ["İşğ"]);
  for (const [mark, encoding] of [
    ["\ufeff", "utf16le"],
    ["", "utf16le"],
  ] as const) {
    assert.deepEqual(
      await read(Buffer.from(`${mark}#EXTINF:-1,é日\nhttp://h/2\n`, encoding), mark ? "latin1" : "utf-16le"),
      ["é日"],
    );
  }
  await assert.rejects(read(utf8, "no-such-encoding"), RangeError);
});

test("parsePlaylist() gives the same whatever the chunks are, for 300 hostile playlists", async () => {
  const random = createRandom(20_260_506);
  for (let round = 0; round < 300; round++) {
    const bytes = hostilePlaylist(random);
    const whole = await readPlaylist(bytes, { base: "http://base/x/" }, bytes.length || 1);
    for (const chunk of [1, 2, 7, 64]) {
      assert.deepEqual(
        await readPlaylist(bytes, { base: "http://base/x/" }, chunk),
        whole,
        Buffer.from(bytes).toString("latin1"),
      );
    }
    for (const channel of whole.channels) assert.ok(channel.name && channel.url && !channel.url.startsWith("/"));
  }
});

test("parsePlaylist() stops reading when the consumer stops", async () => {
  let closed = false;
  async function* endless() {
    try {
      for (;;) yield Buffer.from("#EXTINF:-1,1\nhttp://h/1\n");
    } finally {
      closed = true;
    }
  }
  for await (const channel of parsePlaylist(endless())) if (channel) break;
  assert.ok(closed);
});
