// The quick way for lines that are written as usual: it must read them as the long way does.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { parsePlaylist } from "../../../../core/formats/m3u.ts";
import { bytesOf, createRandom, hostilePlaylist, readPlaylist } from "../../../support/m3u.ts";

/** The same playlist with directives in lower case, which players take as well, and which no quick way knows. */
const unusual = (text: string) => text.replaceAll("#EXTINF:", "#extinf:");

const text = fc.string({
  unit: fc.constantFrom(..."aZé日😀ž&;,='\"|\\ \t#-.9", "\u00a0", "\ufeff", "\u2028", '="', "tvg-id=", "\ufffd"),
  maxLength: 12,
});
const attribute = fc.record({
  name: fc.constantFrom(
    "tvg-id",
    "tvg-name",
    "group-title",
    "tvg-logo",
    "tvg-chno",
    "catchup-days",
    "x-own",
    "user-agent",
  ),
  value: text,
  quote: fc.constantFrom('"', '"', '"', "'", ""),
  gap: fc.constantFrom(" ", " ", " ", "  ", "", ","),
});
const entry = fc.record({
  duration: fc.constantFrom("-1", "0", "-1.5", "", " -1", "10 "),
  attributes: fc.array(attribute, { maxLength: 5 }),
  comma: fc.constantFrom(",", ",", ",", ""),
  title: text,
  address: fc.constantFrom(
    "http://h/1.ts",
    "rtp://239.0.0.1:5000",
    "http://h/é",
    "http://h/a b",
    "http://h/1|User-Agent=x",
    "file.ts",
  ),
  end: fc.constantFrom("\n", "\n", "\r\n"),
});

test("parsePlaylist() reads usual lines as it reads all others", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
      const list = entries
        .map(({ duration, attributes, comma, title, address, end }) => {
          const said = attributes
            .map(({ name, value, quote, gap }) => `${gap}${name}=${quote}${value}${quote}`)
            .join("");
          return `#EXTINF:${duration}${said}${comma}${title}${end}${address}${end}`;
        })
        .join("");
      assert.deepEqual(await readPlaylist(list), await readPlaylist(unusual(list)), JSON.stringify(list));
    }),
    { numRuns: 1000 },
  );
});

test("parsePlaylist() takes nothing of one line into another", async () => {
  const { channels } = await readPlaylist(
    '#EXTINF:-1 tvg-id="a" tvg-name="N" tvg-logo="http://l/1" group-title="G" tvg-chno="5" radio="true" catchup="default" catchup-source="s" user-agent="UA" x="y",One\n#KODIPROP:p=v\n#EXT-X:1\nhttp://h/1\n#EXTINF:-1,Two\nhttp://h/2\n#EXTINF:-1 tvg-id="b",Lost\n#EXTINF:-1,Three\nhttp://h/3\n',
  );
  assert.equal(Object.keys(channels[0] ?? {}).length, 13);
  assert.deepEqual(channels.slice(1), [
    { name: "Two", url: "http://h/2" },
    { name: "Three", url: "http://h/3" },
  ]);
});

test("lists() gives what iterating gives, for 300 hostile playlists", async () => {
  const random = createRandom(20_261_121);
  for (let round = 0; round < 300; round++) {
    const bytes = hostilePlaylist(random);
    const whole = await readPlaylist(bytes, {}, bytes.length || 1);
    const playlist = parsePlaylist(bytesOf(bytes, bytes.length || 1));
    const channels = [];
    for await (const list of playlist.lists()) channels.push(...list);
    const { header, dropped, rejection } = playlist;
    assert.deepEqual({ channels, header, dropped, rejection }, whole, Buffer.from(bytes).toString("latin1"));
  }
});
