// What playlists say of streams: whose address, whose catch-up, in which dialect, and what is not for players to see.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are the playlists' own.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import type { LineupChannel } from "../../../core/plugin.ts";
import { lineupChannel, until } from "../../support/host.ts";
import { start } from "./start.ts";

const upstream = {
  headers: { "User-Agent": "Secret/1", Cookie: "c=1" },
  properties: { "inputstream.adaptive.license_key": "k" },
  directives: ["#EXTVLCOPT:network-caching=1000", "#EXTALBUM:kept"],
  attributes: { "|": "User-Agent=Secret%2F1", "tvg-language": "es" },
  catchup: { mode: "append", source: "?u={utc}", days: 3, correction: 3_600_000 },
} as const;

const la1 = lineupChannel({
  name: "La 1",
  number: "1",
  instance: "tdt",
  id: "tdt:la.1",
  url: "http://up/la1",
  ...upstream,
});
const none = lineupChannel({ name: "None", number: "2", instance: "tdt", id: "tdt:none", url: "rtp://239.0.0.1:1" });
const lineup: readonly LineupChannel[] = [la1, none];

/** Lines of the playlist, without its header. */
const linesOf = async (response: Response) => (await response.text()).trim().split("\n").slice(1);

const days = 'catchup-days="3" timeshift="3" tvg-rec="3"';
const tail = ",La 1\n#EXTALBUM:kept\n";
const entry = (catchup: string) =>
  `#EXTINF:-1 tvg-id="la.1.tdt" tvg-name="La 1" tvg-chno="1" channel-number="1" ch-number="1" channel-id="tdt:la.1"${catchup} tvg-language="es"${tail}`;

test("playlist gives relayed channels our addresses and catch-up, and players nothing that is upstream's", async (t) => {
  const { host, get } = await start(t);
  host.publish([{ ...la1, guideId: "la.1.tdt" }, none]);
  const text = await (await get("/playlist.m3u")).text();
  const source = "http://tv/live/tdt:la.1/timeshift_abs-${start}.ts";
  assert.ok(
    text.includes(
      `${entry(` catchup="flussonic-ts" catchup-type="flussonic-ts" ${days} catchup-source="${source}"`)}#KODIPROP:mimetype=video/mp2t\nhttp://tv/live/tdt:la.1/mpegts\n`,
    ),
    text,
  );
  assert.match(text, /,None\n#KODIPROP:mimetype=video\/mp2t\nhttp:\/\/tv\/live\/tdt:none\/mpegts\n$/);
  assert.doesNotMatch(text, /secret|cookie|license|network-caching|rtp:|up\/|correction/i);
  assert.doesNotMatch(text.slice(text.indexOf("tdt:none")), /catchup/);
});

test("playlist tells catch-up in the dialect that is asked for, and HLS where that is", async (t) => {
  const { host, get } = await start(t);
  host.publish([{ ...la1, guideId: "la.1.tdt" }, none]);
  const said = async (query: string) => {
    const text = await (await get(`/playlist.m3u?${query}`)).text();
    const source = / catchup-source="([^"]*)"/.exec(text)?.[1];
    return [/ catchup="([^"]*)"/.exec(text)?.[1], /^http.*$/m.exec(text)?.[0], source, text.includes("mimetype")];
  };
  const base = "http://tv/live/tdt:la.1";
  assert.deepEqual(await said("catchup=shift"), ["shift", `${base}.ts`, undefined, true]);
  assert.deepEqual(await said("catchup=append"), ["append", `${base}.ts`, "?start=${start}&end=${end}", true]);
  assert.deepEqual(await said("catchup=default&output=m3u8"), [
    "default",
    `${base}.m3u8`,
    `${base}.m3u8?start=\${start}&end=\${end}`,
    false,
  ]);
  const archive = `${base}/archive-\${start}-\${duration}.m3u8`;
  for (const query of ["output=m3u8", "format=m3u8", "catchup=flussonic-hls"])
    assert.deepEqual(await said(query), ["flussonic-hls", `${base}/index.m3u8`, archive, false], query);
  assert.deepEqual(await said("catchup=xc"), [
    "xc",
    "http://tv/live/xc/xc/tdt:la%2E1",
    "http://tv/timeshift/xc/xc/{duration:60}/{Y}-{m}-{d}:{H}-{M}/tdt:la%2E1.ts",
    true,
  ]);
  assert.deepEqual(await said("catchup="), await said(""));
  assert.deepEqual(
    await linesOf(await get("/tdt/playlist.m3u?catchup=shift")),
    await linesOf(await get("/playlist.m3u?catchup=shift")),
  );
  for (const query of ["catchup=vod", "output=mp4"]) {
    const response = await get(`/playlist.m3u?${query}`);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /expected one of .*(playseek|m3u8)/);
  }
});

test("playlist takes another dialect and output from its config", async (t) => {
  const { host, get } = await start(t, { catchup: "shift", output: "m3u8" });
  host.publish(lineup);
  const text = await (await get("/playlist.m3u")).text();
  assert.match(text, / catchup="shift" .*\n.*\nhttp:\/\/tv\/live\/tdt:la.1.m3u8\n/);
  assert.equal(text, await (await get("/playlist.m3u?catchup=shift&output=m3u8")).text());
});

test("playlist leaves direct channels as upstream has them, and redirected ones what players need at upstream", async (t) => {
  const { host, get } = await start(t);
  host.publish([{ ...la1, deliver: "direct" }]);
  const direct = await (await get("/playlist.m3u?catchup=shift")).text();
  assert.match(direct, / catchup="append" .* catchup-source="\?u=\{utc\}" catchup-correction="1" /);
  assert.match(direct, /\n#EXTVLCOPT:http-user-agent=Secret\/1\n.*\nhttp:\/\/up\/la1\|User-Agent=Secret%2F1\n$/);
  host.publish([
    { ...la1, deliver: "redirect" },
    { ...none, deliver: "redirect" },
  ]);
  const redirect = await (await get("/playlist.m3u?catchup=shift")).text();
  assert.match(
    redirect,
    /\n#EXTVLCOPT:http-user-agent=Secret\/1\n.*\nhttp:\/\/tv\/live\/tdt:la.1.ts\|User-Agent=Secret%2F1\n/,
  );
  // Nobody can be sent on to multicast.
  assert.match(redirect, /#KODIPROP:mimetype=video\/mp2t\nhttp:\/\/tv\/live\/tdt:none.ts\n$/);
});

test("playlist shows channels whose address this headend answers, or only their plugin knows", async (t) => {
  const { host, get } = await start(t, { catchup: "shift" });
  const own = lineupChannel({ name: "Card", number: "3", id: "card:1", url: "/testcard/1.ts" });
  const { url: _url, ...unsaid } = lineupChannel({ name: "Opened", number: "4", id: "u7d:1", radio: true });
  host.publish([own, unsaid, { ...own, id: "card:2", number: "5", deliver: "direct" }]);
  const text = await (await get("/playlist.m3u")).text();
  assert.deepEqual(text.match(/^http.*$/gm), [
    "http://tv/live/card:1.ts",
    "http://tv/live/u7d:1.ts",
    "http://tv/testcard/1.ts",
  ]);
  assert.match(text, /channel-id="u7d:1" radio="true"/);
});

test("playlist passes upstream's own file on only where the instance is delivered direct", async (t) => {
  const { host, get } = await start(t);
  host.answer("http://up/l.m3u", "#EXTM3U\n#EXTINF:-1,La 1\nhttp://up/la1\n");
  host.setOriginal("tdt", await host.fetch.document("http://up/l.m3u"));
  for (const deliver of [undefined, "relay", "redirect"] as const) {
    host.publish(lineup.map((channel) => ({ ...channel, ...(deliver && { deliver }) })));
    assert.match(await (await get("/tdt/playlist.m3u?catchup=shift")).text(), /channel-id="tdt:la.1"/);
  }
  host.publish(lineup.map((channel) => ({ ...channel, deliver: "direct" })));
  assert.match(await (await get("/tdt/playlist.m3u")).text(), /\n#EXTINF:-1,La 1\nhttp:\/\/up\/la1\n$/);
});

test("playlist keeps few files however it is asked, and answers none that is stale", async (t) => {
  const { host, get } = await start(t);
  host.publish(lineup);
  const etags = new Set<string | null>();
  for (const query of ["catchup=shift", "catchup=xc", "catchup=shift&output=m3u8"]) {
    const etag = (await get(`/playlist.m3u?${query}`)).headers.get("etag");
    assert.equal((await get(`/playlist.m3u?${query}`, { headers: { "if-none-match": etag ?? "" } })).status, 304);
    etags.add(etag);
  }
  assert.equal(etags.size, 3);
  for (let index = 0; index < 60; index++) {
    const text = await (await get(`/playlist.m3u?catchup=${index % 2 ? "shift" : "xc"}`, { host: `h${index}` })).text();
    assert.ok(text.includes(`\nhttp://h${index}/live/`));
  }
  assert.equal((await readdir(host.cache.path("variants"))).length, 32);
  host.publish([lineupChannel({ name: "New" })]);
  assert.match(await (await get("/playlist.m3u?catchup=shift")).text(), /,New\n/);
  await until(
    async () => (await readdir(host.cache.path("variants"))).length === 1,
    "the files of the old lineup are gone",
  );
});
