// What the playlist's and the device's checks say of guides that go with their channels, in part, or not at all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Check, Probe } from "../../core/plugin.ts";
import { checkGuide } from "../../plugins/hdhomerun/guide-check.ts";
import { checkPlaylist } from "../../plugins/playlist/checks.ts";
import { openUpstream, type Upstream } from "../support/upstream.ts";

/** Asks a real server, as core's does. */
const probeOf = ({ base }: Upstream): Probe => ({
  address: "127.0.0.1",
  base,
  ask: (url, method = "GET") => fetch(url, { method, redirect: "manual" }),
  watch: () => assert.fail("nothing is to be watched"),
});

const guide = (numbers: readonly number[], programmes = true) =>
  `<tv>\n${numbers.map((number) => `<channel id="c${number}"><display-name>C</display-name><lcn>${number}</lcn></channel>\n`).join("")}${
    programmes ? `<programme start="20260101000000 +0000" channel="c1"><title>A</title></programme>\n`.repeat(3) : ""
  }</tv>`;

const all = async (checks: AsyncIterable<Check>): Promise<Check[]> => {
  const list: Check[] = [];
  for await (const check of checks) list.push(check);
  return list;
};

test("a device's guide fits by number, in part, or not", async () => {
  const upstream = await openUpstream();
  try {
    const judge = async (text: string | undefined) => {
      upstream.answers.delete("/guide.xml");
      if (text !== undefined) upstream.answers.set("/guide.xml", text);
      const [check] = await all(checkGuide(upstream.base, ["1", "2"], probeOf(upstream)));
      return [check?.ok, check?.sentence.replace(/: http.*/, ""), check?.fix !== undefined];
    };
    assert.deepEqual(await judge(guide([1, 2, 3])), [true, "its numbers are those of all 2 channels", false]);
    assert.deepEqual(await judge(guide([1])), ["note", "1 of 2 channels have none, such as 2", true]);
    assert.deepEqual(await judge(guide([7])), [false, "none of the device's channels is in it by its number", true]);
    assert.deepEqual(await judge(guide([1, 2], false)), [false, "it has no programme", true]);
    assert.equal((await judge(undefined))[0], false);
  } finally {
    await upstream.close();
  }
});

test("a playlist is read with the guide that it names, packed or not", async () => {
  const upstream = await openUpstream();
  try {
    const entry = (number: number) =>
      `#EXTINF:-1 tvg-id="c${number}",C ${number}\n${upstream.base}/live/up:${number}.ts\n`;
    const list = (link: string) => `#EXTM3U url-tvg="${upstream.base}${link}"\n${entry(1)}${entry(2)}`;
    const judge = async (link: string | undefined) =>
      (await all(checkPlaylist(probeOf(upstream), link))).map(({ name, ok }) => `${name} ${ok}`);
    upstream.answers.set("/playlist.m3u", list("/guide.xml.gz"));
    upstream.answers.set("/live/", (response) => void response.writeHead(200, { "content-type": "video/mp2t" }).end());
    const packed = (text: string) =>
      upstream.answers.set(
        "/guide.xml.gz",
        (response) => void response.writeHead(200, { "content-type": "application/gzip" }).end(gzipSync(text)),
      );
    packed(guide([1, 2]));
    assert.deepEqual(await judge("/guide.xml.gz"), [
      "playlist true",
      "sharing true",
      "guide true",
      "guide true",
      "guide true",
    ]);
    packed(guide([1]));
    assert.deepEqual((await judge("/guide.xml.gz")).slice(2), ["guide note", "guide note", "guide note"]);
    upstream.answers.set("/guide.xml", guide([1, 2], false));
    assert.deepEqual((await judge("/guide.xml")).slice(2), ["guide note", "guide false", "guide false", "guide false"]);
    assert.deepEqual((await judge(undefined)).slice(2), ["guide note"]);
    upstream.answers.set("/live/", (response) => void response.writeHead(200, { "content-type": "text/html" }).end());
    assert.equal((await judge(undefined))[1], "sharing false");
    upstream.answers.set("/playlist.m3u", "<html>no</html>");
    assert.deepEqual(await judge(undefined), ["playlist false"]);
    upstream.answers.delete("/playlist.m3u");
    assert.deepEqual(await judge(undefined), ["playlist false"]);
  } finally {
    await upstream.close();
  }
});
