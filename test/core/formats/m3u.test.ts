// Real playlists: every entry that the data folder's list of sources counts is read, and what is peculiar of each.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { readPlaylist } from "../../support/m3u.ts";

const data = process.env.HEADEND_DATA ?? "";
const skip = data ? false : "HEADEND_DATA names no folder with real playlists";
const base = "http://base.example/dir/list.m3u";

interface Source {
  readonly file: string;
  readonly facts: string;
}

/** The rows of the list of sources, by what they say of each file. */
function readSources(prefix: string): Source[] {
  return readFileSync(join(data, "SOURCES.md"), "utf8")
    .split("\n")
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter((cells) => cells[1]?.startsWith(prefix) && /\.m3u8?$/.test(cells[1]))
    .map((cells) => ({ file: cells[1] ?? "", facts: cells[5] ?? "" }));
}

const stated = (facts: string, what: RegExp): number => Number(what.exec(facts)?.[1] ?? 0);
const read = (file: string) => readPlaylist(readFileSync(join(data, file)), { base });

test("parsePlaylist() reads every entry of the 35 real playlists", { skip }, async () => {
  const sources = readSources("playlists/");
  assert.equal(sources.length, 35);
  assert.equal(readdirSync(join(data, "playlists")).length, 35);
  for (const { file, facts } of sources) {
    const { channels, dropped, rejection, header } = await read(file);
    const orphans = dropped["entry without address"] ?? 0;
    assert.equal(channels.length + orphans, stated(facts, /(\d+) entries/), file);
    assert.equal(orphans, stated(facts, /(\d+) #EXTINF not followed by URL/), file);
    assert.equal(dropped["line without entry"] ?? 0, stated(facts, /(\d+) URL\/text line without #EXTINF/), file);
    assert.deepEqual(
      Object.keys(dropped).filter((reason) => !/address|without entry/.test(reason)),
      [],
      file,
    );
    assert.equal(rejection, undefined, file);
    assert.equal(header.guides.length > 0, /header: [^;]*tvg-url|header: url-tvg/.test(facts), file);
    for (const channel of channels) assert.ok(channel.name && channel.url, file);
    const piped = channels.filter((channel) => channel.attributes?.["|"] !== undefined);
    assert.equal(piped.length, stated(facts, /(\d+) URLs with \\?\|headers/), file);
    assert.ok(
      piped.every((channel) => channel.headers && !channel.url?.includes("|")),
      file,
    );
  }
});

test("parsePlaylist() reads the attributes and directives that the list of sources counts", { skip }, async () => {
  for (const { file, facts } of readSources("playlists/")) {
    const { channels } = await read(file);
    const count = (holds: (channel: (typeof channels)[number]) => unknown) => channels.filter(holds).length;
    const attributes = /attrs ([^;]*)/.exec(facts)?.[1] ?? "";
    const directives = /directives ([^;]*)/.exec(facts)?.[1] ?? "";
    const expect = (text: string, name: string, found: number) => {
      const wanted = stated(text, new RegExp(`(?:^| )${name.replaceAll("-", "\\-")}:(\\d+)`));
      if (wanted > 0) assert.equal(found, wanted, `${file}: ${name}`);
    };
    for (const name of ["tvg-country", "tvg-language", "channel-id", "tvg-url", "zz-definition", "tvh-epg"]) {
      expect(
        attributes,
        name,
        count((channel) => channel.attributes?.[name] !== undefined),
      );
    }
    for (const name of ["channel-number", "ch-number", "tvh-chnum"])
      expect(
        attributes,
        name,
        count((channel) => channel.number),
      );
    if (!/catchup-source:81/.test(attributes))
      expect(
        attributes,
        "catchup-days",
        count((channel) => channel.catchup?.days),
      );
    if (!/catchup:3/.test(attributes))
      expect(
        attributes,
        "catchup",
        count((channel) => channel.catchup),
      );
    const properties = channels.reduce((sum, channel) => sum + Object.keys(channel.properties ?? {}).length, 0);
    expect(directives, "KODIPROP", properties);
    if (stated(directives, /EXTVLCOPT:(\d+)/) > 1)
      assert.ok(count((channel) => channel.headers || channel.directives) > 0, file);
  }
});

test("parsePlaylist() reads what is peculiar of single lists", { skip }, async () => {
  const kodi = await read("playlists/kodinerds_kodi_tv.m3u");
  assert.ok(kodi.channels.some((channel) => (channel.groups?.length ?? 0) > 1));
  const pipes = await read("playlists/kodinerds_pipe_tv_main.m3u");
  assert.ok(pipes.channels.every((channel) => channel.url?.startsWith("pipe://ffmpeg ")));
  const starnet = await read("playlists/dimonovich_starnet.m3u");
  assert.deepEqual(starnet.header.guides, ["http://epg.one/epg2.xml.gz", "https://iptvx.one/EPG"]);
  assert.equal(starnet.header.attributes.deinterlace, "1");
  assert.ok(starnet.channels.some((channel) => channel.catchup?.mode === "flussonic" && channel.catchup.days === 7));
  const mini = await read("playlists/iptvru_mini.m3u");
  assert.ok(mini.channels.every((channel) => channel.guideShift === 3 * 3_600_000));
  const aptv = await read("playlists/aptv_iptv.m3u");
  const source = `?playseek=\${(b)yyyyMMddHHmmss}-\${(e)yyyyMMddHHmmss}`;
  assert.ok(aptv.channels.some((channel) => channel.catchup?.mode === "append" && channel.catchup.source === source));
  assert.ok(aptv.channels.some((channel) => channel.headers?.Referer && channel.headers["User-Agent"]));
  const videos = await read("playlists/aptv_video.m3u");
  assert.deepEqual(
    videos.channels.map((channel) => channel.name),
    ["Video1", "Video2", "Video3"],
  );
  const italy = await read("playlists/lukethehawk_it.m3u");
  assert.ok(italy.channels.every((channel) => !channel.name.includes("tvg-logo")));
  const turkish = await read("playlists/hayatiptv_radyoseytan.m3u");
  assert.ok(turkish.channels.some((channel) => channel.name === "CNN TÜRK RADYO"));
  assert.ok(turkish.channels.every((channel) => !channel.name.includes("\ufffd")));
  const free = await read("playlists/free-tv_playlist.m3u8");
  assert.ok(free.header.guides.length > 50 && free.header.guides.every((guide) => /^https:\/\/[^\s,]+$/.test(guide)));
});

test("parsePlaylist() reads the fixtures of other projects as they expect", { skip }, async () => {
  for (const { file, facts } of readSources("fixtures/")) {
    if (!/\d+ entries/.test(facts)) continue;
    const { channels, dropped } = await read(file);
    assert.equal(channels.length + (dropped["entry without address"] ?? 0), stated(facts, /(\d+) entries/), file);
  }
  const base = await read("fixtures/iptv-playlist-parser/base.m3u");
  assert.equal(base.channels[0]?.guideId, "CH1");
  assert.deepEqual(base.channels[0]?.groups, ["Music", "Только Android"]);
  assert.equal(base.channels[0]?.headers?.Referer, "http://player.livesports.pw/la2/");
  assert.ok(base.channels.some((channel) => channel.name === "The Good, the Bad and the Ugly"));
  assert.ok(
    base.channels.some((channel) => channel.guideShift === -4.5 * 3_600_000 && channel.catchup?.mode === "shift"),
  );
  const readme = await read("fixtures/pvr.iptvsimple/readme_1.m3u");
  assert.deepEqual(readme.header.guides, ["http://path-to-xmltv/guide.xml"]);
  const byName = new Map(readme.channels.map((channel) => [channel.name, channel]));
  assert.equal(byName.get("Channel X")?.radio, true);
  assert.equal(byName.get("Channel X")?.guideShift, -3.5 * 3_600_000);
  assert.deepEqual(byName.get("Channel E")?.catchup, { mode: "shift", days: 3, correction: -2.5 * 3_600_000 });
  assert.equal(byName.get("Channel G")?.catchup?.mode, "flussonic-ts");
  const ad = await read("fixtures/iptv-org/playlist_export_ad.m3u");
  assert.equal(ad.channels[1]?.headers?.Origin, "https://origin.xyz");
  assert.match(ad.channels[1]?.headers?.["User-Agent"] ?? "", /^Mozilla.*Safari\/604\.1$/);
});

test("parsePlaylist() tells a stream's own HLS playlist from a list of channels", { skip }, async () => {
  for (const file of [
    "fixtures/tunarr_test.m3u8",
    ...readdirSync(join(data, "hls/real")).map((name) => `hls/real/${name}`),
  ]) {
    assert.match((await read(file)).rejection ?? "", /HLS/, file);
  }
});
