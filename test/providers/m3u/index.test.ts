// The M3U provider: what it asks for, what it gives, which guides it chooses, and what it does with a page that is no playlist.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Channel, Contribution } from "../../../core/plugin.ts";
import m3u from "../../../providers/m3u/index.ts";
import { createTestHost, lineupChannel, type TestHost } from "../../support/host.ts";
import { listChannels, testPlugin } from "../../support/plugin.ts";

const address = "http://up.example/user/pass/list.m3u";
const list =
  '#EXTM3U url-tvg="http://g1.example/a.xml.gz, http://g2.example/b.xml"\n#EXTINF:-1 tvg-id="a",A\nlive/a.ts\n';
const span = { from: 0, to: 1 };

async function start(t: TestContext, options: object = {}): Promise<{ host: TestHost; given: Contribution }> {
  const host = await createTestHost("list");
  t.after(() => host.close());
  return { host, given: await m3u.setup(host, m3u.config.parse({ playlist: address, ...options })) };
}

async function refresh(host: TestHost, given: Contribution): Promise<Channel[]> {
  return listChannels(given, host.signal);
}

test("m3u gives the channels of a playlist, with addresses resolved against the playlist's", async (t) => {
  const { host, given } = await start(t, { headers: { "X-Key": "k" }, userAgent: "UA" });
  host.answer(address, list);
  assert.deepEqual(await refresh(host, given), [
    { name: "A", url: "http://up.example/user/pass/live/a.ts", guideId: "a" },
  ]);
  const [asked] = host.asked;
  assert.equal(asked?.url, address);
  assert.equal(asked?.local, true);
  assert.deepEqual(asked?.headers, { "X-Key": "k", "user-agent": "UA" });
});

test("m3u calls its channels by their document's digest, and fetches it once for both", async (t) => {
  const { host, given } = await start(t);
  host.answer(address, list);
  const first = await given.version?.(host.signal);
  assert.ok(first);
  assert.equal((await refresh(host, given)).length, 1);
  assert.equal(host.asked.length, 1);
  assert.equal(await given.version?.(host.signal), first);
  host.answer(address, `${list}#EXTINF:-1,B\nhttp://h/b\n`);
  assert.notEqual(await given.version?.(host.signal), first);
  assert.equal((await refresh(host, given)).length, 2);
  assert.equal((await refresh(host, given)).length, 2);
  host.answer(address, new Error("away"));
  await assert.rejects(given.version?.(host.signal) ?? Promise.resolve(), /away/);
});

test("m3u reads its channels again when the guides that the playlist names are lost", async (t) => {
  const { host, given } = await start(t);
  host.answer(address, list);
  await refresh(host, given);
  assert.deepEqual(JSON.parse((await host.cache.read("guides.json")) ?? ""), [
    "http://g1.example/a.xml.gz",
    "http://g2.example/b.xml",
  ]);
  host.publish([lineupChannel({ name: "A", instance: host.name })]);
  const again = await m3u.setup(host, m3u.config.parse({ playlist: address }));
  assert.ok(await again.version?.(host.signal));
  await host.cache.delete("guides.json");
  const lost = await m3u.setup(host, m3u.config.parse({ playlist: address }));
  assert.equal(await lost.version?.(host.signal), undefined);
  await refresh(host, lost);
  assert.ok(await lost.version?.(host.signal));
});

test("m3u gives the upstream's own document once it has been read, and not after one that is no playlist", async (t) => {
  const { host, given } = await start(t);
  assert.equal(given.playlist?.(), undefined);
  host.answer(address, list);
  await refresh(host, given);
  let text = "";
  for await (const chunk of given.playlist?.()?.open() ?? []) text += new TextDecoder().decode(chunk);
  assert.equal(text, list);
  host.answer(address, "<!doctype html><title>Login</title>");
  await assert.rejects(refresh(host, given), {
    code: "playlist.not",
    message: "http://up.example/…: not a playlist: it is a web page",
  });
  assert.equal(given.playlist?.(), undefined);
});

test("m3u fails when upstream does, and keeps the guides that it knew", async (t) => {
  const { host, given } = await start(t, { preferPlaylistGuide: true });
  host.answer(address, list);
  await refresh(host, given);
  host.answer(address, new Error("no route"));
  await assert.rejects(refresh(host, given), /no route/);
  assert.equal((await given.guide?.(span, host.signal))?.length, 2);
});

test("m3u uses the configured guides only, unless the playlist's are preferred", async (t) => {
  const guides = ["http://mine.example/g.xml.gz", "/srv/g.xml"];
  const { host, given } = await start(t, { guides });
  host.answer(address, list);
  await refresh(host, given);
  assert.deepEqual(await given.guide?.(span, host.signal), [
    { url: guides[0], local: true },
    { url: guides[1], local: true },
  ]);
});

test("m3u prefers the playlist's guides as the only ones, which may be no files", async (t) => {
  const { host, given } = await start(t, { guides: ["http://mine.example/g.xml"], preferPlaylistGuide: true });
  assert.deepEqual(await given.guide?.(span, host.signal), [{ url: "http://mine.example/g.xml", local: true }]);
  host.answer(address, list);
  await refresh(host, given);
  assert.deepEqual(await given.guide?.(span, host.signal), [
    { url: "http://g1.example/a.xml.gz", local: false },
    { url: "http://g2.example/b.xml", local: false },
  ]);
  for (const header of ["#EXTM3U", '#EXTM3U url-tvg=""', '#EXTM3U url-tvg="file:///etc/passwd"']) {
    host.answer(address, list.replace(/^.*/, header));
    await refresh(host, given);
    assert.deepEqual(
      await given.guide?.(span, host.signal),
      [{ url: "http://mine.example/g.xml", local: true }],
      header,
    );
  }
});

test("m3u hands match and map on, and its headers to guides of the same server only", async (t) => {
  const map = { "italia1.it": "Italia 1" };
  const guides = ["http://up.example/g.xml", "http://other.example/g.xml"];
  const { host, given } = await start(t, { guides, map, match: "exact", headers: { "X-Key": "k" }, userAgent: "UA" });
  assert.deepEqual(await given.guide?.(span, host.signal), [
    { url: guides[0], local: true, headers: { "X-Key": "k", "user-agent": "UA" }, match: "exact", map },
    { url: guides[1], local: true, headers: { "user-agent": "UA" }, match: "exact", map },
  ]);
});

test("m3u says in one line what it left out, and says it again only when that changes", async (t) => {
  const { host, given } = await start(t);
  host.answer(address, "#EXTM3U\nhttp://h/0\n#EXTINF:-1,Gone\n#EXTINF:-1,A\nhttp://h/1\n");
  await refresh(host, given);
  await refresh(host, given);
  host.answer(address, list);
  await refresh(host, given);
  assert.deepEqual(
    host.logged.map((line) => line.sentence),
    ["left out of the playlist: 1 × line without entry, 1 × entry without address", "nothing is left out any more"],
  );
});

test("m3u reads a playlist in the encoding that it is told", async (t) => {
  const { host, given } = await start(t, { encoding: "windows-1254" });
  host.answer(
    address,
    Uint8Array.from([...new TextEncoder().encode("#EXTINF:-1,"), 0xdd, 10, ...new TextEncoder().encode("http://h/1")]),
  );
  assert.equal((await refresh(host, given))[0]?.name, "İ");
  assert.equal(m3u.config.safeParse({ playlist: address, encoding: "nonsense" }).success, false);
});

test("m3u knows nothing of a path's own address, and refuses keys that it does not know", async (t) => {
  const { host, given } = await start(t, { playlist: "/srv/list.m3u" });
  host.answer("/srv/list.m3u", "#EXTINF:-1,A\nlive/a.ts\n#EXTINF:-1,B\n/b.ts\n");
  assert.deepEqual(await refresh(host, given), [{ name: "A", url: "live/a.ts" }]);
  assert.equal(m3u.config.safeParse({ playlist: address, playlists: [] }).success, false);
  assert.equal(m3u.config.safeParse({}).success, false);
});

testPlugin(m3u, {
  config: { playlist: address, guides: ["/srv/g.xml"], headers: { Authorization: "Basic c2VjcmV0" } },
  invalid: [{ playlist: "" }, { playlist: address, match: "fuzzy" }, { playlist: address, guides: "one" }],
  secrets: ["c2VjcmV0", "user/pass"],
  prepare: (host) => host.answer(address, list),
});
