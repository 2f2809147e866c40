// What a written playlist looks like to the players that read it, and that reading it gives the channels back.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatPlaylist } from "../../../../core/formats/m3u.ts";
import type { LineupChannel } from "../../../../core/types.ts";
import { lineupChannel } from "../../../support/host.ts";
import { readPlaylist } from "../../../support/m3u.ts";

const write = (channels: LineupChannel[], options = {}) => [...formatPlaylist(channels, options)].join("");

test("formatPlaylist() writes both spellings of what players read, each once", () => {
  const text = write(
    [
      lineupChannel({
        name: "Rai 1",
        id: "it:rai1",
        url: "http://up/1.ts",
        number: "7.1",
        guideId: "Rai1.it",
        guideName: "Rai Uno",
        logo: "http://up/1.png",
        groups: ["TV", "HD"],
        radio: true,
        catchup: { mode: "append", source: "?u={utc}", days: 7, correction: -5_400_000 },
        headers: { "User-Agent": "UA", Referer: "http://r", Cookie: "a=b" },
        properties: { mimetype: "video/mp2t" },
        attributes: { "tvg-country": "IT", "tvg-ID": "old", "Channel-Number": "9", "bad name": "x", "tvg-shift": "3" },
        directives: ["#EXT-X-PLAYLIST-TYPE:VOD", "#EXTINF:-1,no"],
      }),
    ],
    { base: "http://me:8888", guide: "/guide.xml.gz" },
  );
  assert.deepEqual(text.split("\n"), [
    '#EXTM3U url-tvg="http://me:8888/guide.xml.gz" x-tvg-url="http://me:8888/guide.xml.gz"',
    '#EXTINF:-1 tvg-id="Rai1.it" tvg-name="Rai Uno" tvg-logo="http://up/1.png" group-title="TV;HD" tvg-chno="7.1" channel-number="7.1" ch-number="7.1" channel-id="it:rai1" radio="true" catchup="append" catchup-type="append" catchup-days="7" timeshift="7" tvg-rec="7" catchup-source="?u={utc}" catchup-correction="-1.5" tvg-country="IT",Rai 1',
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#KODIPROP:mimetype=video/mp2t",
    "#EXTVLCOPT:http-user-agent=UA",
    "#EXTVLCOPT:http-referrer=http://r",
    '#EXTHTTP:{"Cookie":"a=b"}',
    "http://up/1.ts",
    "",
  ]);
});

test("formatPlaylist() puts the base in front of addresses that are ours, and of no other", () => {
  const text = write(
    [
      lineupChannel({
        name: "a",
        url: "/live/a.ts",
        logo: "/a.png",
        catchup: { mode: "default", source: "/u7d/{utc}" },
      }),
      lineupChannel({ name: "b", url: "//cdn/b.ts", logo: "b.png", catchup: { mode: "append", source: "/{utc}" } }),
    ],
    { base: "http://me/t/x", guide: "https://elsewhere/g.xml" },
  );
  assert.match(text, /url-tvg="https:\/\/elsewhere\/g.xml"/);
  assert.match(
    text,
    /tvg-logo="http:\/\/me\/t\/x\/a.png".*catchup-source="http:\/\/me\/t\/x\/u7d\/\{utc\}".*\nhttp:\/\/me\/t\/x\/live\/a.ts\n/,
  );
  assert.match(text, /tvg-logo="b.png".*catchup-source="\/\{utc\}".*\n\/\/cdn\/b.ts\n/);
});

test("formatPlaylist() writes no guide when there is none, and no channel without an address", () => {
  const { url: _, ...without } = lineupChannel({ name: "a" });
  assert.equal(write([without, lineupChannel({ name: "b", url: "#b" })]), "#EXTM3U\n");
});

test("formatPlaylist() lets nothing break out of its place", () => {
  const evil = 'A, "B"\r\n#EXTM3U\u0001\u2028,C';
  const text = write([
    lineupChannel({
      name: evil,
      id: evil,
      guideId: evil,
      logo: evil,
      number: evil,
      groups: [evil],
      url: `http://h/${evil}`,
      catchup: { mode: evil, source: evil },
      attributes: { x: evil, [evil]: "y", "|": evil },
      properties: { [evil]: evil },
      headers: { "User-Agent": evil, [evil]: evil },
      directives: [evil, `#${evil}`],
    }),
  ]);
  const lines = text.split("\n");
  assert.equal(lines.filter((line) => line.startsWith("#EXTM3U")).length, 1);
  assert.equal(lines.filter((line) => /^#EXTINF/.test(line)).length, 1);
  // Jellyfin takes the name after the last comma, and pairs of quotes only.
  assert.match(lines[1] ?? "", /^#EXTINF:-1( [\w-]+="[^"]*")+,A; 'B' {2}#EXTM3U {2};C$/);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\u2028]/u);
});

test("formatPlaylist() writes the options behind an address again", async () => {
  const source = "#EXTINF:-1,A\nhttp://h/1|User-Agent=x%2Fy&verifypeer=false\n";
  const [channel] = (await readPlaylist(source)).channels;
  assert.ok(channel);
  assert.deepEqual(channel.headers, { "User-Agent": "x/y" });
  assert.match(
    write([{ ...lineupChannel({ name: "A" }), ...channel }]),
    /\nhttp:\/\/h\/1\|User-Agent=x%2Fy&verifypeer=false\n$/,
  );
});

const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 24 })
  .map((s) => s.replace(/["\p{Cc}\u2028\u2029\ufeff]/gu, "").trim())
  .filter((s) => s !== "");
const list = <T>(of: fc.Arbitrary<T>) => fc.uniqueArray(of, { minLength: 1, maxLength: 4 });
const option = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
/** Without the keys that are undefined. */
const plain = (value: object): Partial<LineupChannel> & { name: string } => JSON.parse(JSON.stringify(value));

const channels = fc
  .record({
    name: text.map((s) => s.replaceAll(",", ";")),
    url: fc.webUrl({ withQueryParameters: true, withFragments: true }).filter((url) => !url.includes("|")),
    guideId: text,
    guideName: option(text),
    number: fc
      .tuple(fc.integer({ min: 1, max: 99_999 }), option(fc.nat(99)))
      .map(([a, b]) => (b === undefined ? `${a}` : `${a}.${b}`)),
    logo: option(text.filter((s) => !s.startsWith("/"))),
    groups: option(list(text.map((s) => s.replaceAll(";", ".")))),
    radio: option(fc.constant(true)),
    catchup: option(
      fc.record({
        mode: fc.constantFrom("default", "append", "shift", "flussonic", "flussonic-ts", "xc", "vod", "other"),
        source: option(text.filter((s) => !s.startsWith("/"))),
        days: option(fc.integer({ min: 1, max: 9999 })),
        correction: option(fc.integer({ min: -86_400_000, max: 86_400_000 }).filter((ms) => ms !== 0)),
      }),
    ),
    headers: option(fc.dictionary(fc.constantFrom("User-Agent", "Referer", "Cookie", "X-A"), text, { minKeys: 1 })),
    properties: option(fc.dictionary(fc.constantFrom("mimetype", "inputstream", "a.b"), text, { minKeys: 1 })),
    attributes: option(fc.dictionary(fc.constantFrom("tvg-country", "Zz", "provider"), text, { minKeys: 1 })),
    directives: option(list(fc.constantFrom("#EXT-X-PLAYLIST-TYPE:VOD", "#123", "#EXTVLCOPT:program=1"))),
  })
  .map((channel) =>
    plain({ ...channel, guideName: channel.guideName === channel.name ? undefined : channel.guideName }),
  );

test("parsePlaylist() undoes formatPlaylist()", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(channels, { maxLength: 4 }), async (written) => {
      const lineup = written.map((channel, index) => lineupChannel({ ...channel, id: `one:${index}` }));
      const { channels: read, dropped, rejection } = await readPlaylist(write(lineup, { guide: "http://g/" }), {}, 50);
      const expected = written.map((channel, index) => ({
        ...channel,
        attributes: { ...channel.attributes, "channel-id": `one:${index}` },
      }));
      assert.deepEqual(read, expected);
      assert.deepEqual(dropped, {});
      assert.equal(rejection, undefined);
    }),
    { numRuns: 300 },
  );
});
