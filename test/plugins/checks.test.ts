// What the playlist's and the device's checks say of guides that go with their channels, in part, or not at all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Check, Probe } from "../../core/plugin.ts";
import { checkDevice } from "../../plugins/hdhomerun/checks.ts";
import { checkGuide } from "../../plugins/hdhomerun/guide-check.ts";
import { checkPlaylist } from "../../plugins/playlist/checks.ts";
import { createTestClock } from "../support/clock.ts";
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

test("a device at whose port something else answers, for ever, or not to us, fails with what to mend", async () => {
  const upstream = await openUpstream();
  try {
    const { port } = new URL(upstream.base);
    const nothing = { hdhomerun: [], control: [], ssdp: [] };
    const judge = async () => {
      const clock = createTestClock();
      const discovery = { ssdp: false, hdhomerun: false, interfaces: undefined, ports: { hdhomerun: 1, ssdp: 1 } };
      const device = { id: "10500009", uuid: "u", clock, allow: "private", discovery, faults: nothing } as const;
      const own = { ...device, port: Number(port), wantedPort: Number(port), port80: false };
      const [check] = await all(checkDevice(own, probeOf(upstream), new AbortController().signal));
      return check;
    };
    upstream.answers.set("/discover.json", (response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(2 ** 20)));
      };
      response.on("drain", more);
      more();
    });
    assert.match((await judge())?.sentence ?? "", /what answers does not end/);
    upstream.answers.set("/discover.json", (response) => void response.writeHead(403).end("{}"));
    // An open door for everybody is not said without what must be before it.
    assert.match((await judge())?.fix ?? "", /^allow: all, if .* a firewall keeps strangers from the port/);
  } finally {
    await upstream.close();
  }
});
