// The decision record's playlist tests, row by row, and that all but the header's guide passes byte for byte.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { longestLine } from "../../../../core/formats/m3u/lines.ts";
import { rewriteHeader } from "../../../../core/formats/m3u.ts";
import { bytesOf, createRandom, hostilePlaylist, readPlaylist } from "../../../support/m3u.ts";

const guide = "http://me:8888/epg";
const both = `url-tvg="${guide}" x-tvg-url="${guide}"`;

async function rewrite(content: string | Uint8Array, chunk = 1 << 16, address = guide): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of rewriteHeader(bytesOf(content, chunk), address)) pieces.push(new Uint8Array(piece));
  return Buffer.concat(pieces);
}

const rewritten = async (text: string, chunk?: number) => (await rewrite(text, chunk)).toString();

test("playlist_test (a): a header with an existing url-tvg has it replaced", async () => {
  const cases = {
    '#EXTM3U url-tvg="http://up/g.xml"': `#EXTM3U x-tvg-url="${guide}" url-tvg="${guide}"`,
    '#EXTM3U x-tvg-url="http://a/1.xml, http://b/2.xml" refresh="1"': `#EXTM3U url-tvg="${guide}" x-tvg-url="${guide}" refresh="1"`,
    '#EXTM3U a=1 url-tvg="x" b="2" x-tvg-url=\'y\'  c': `#EXTM3U a=1 url-tvg="${guide}" b="2" x-tvg-url="${guide}"  c`,
    "#EXTM3U url-tvg=http://up/g.xml cache=500": `#EXTM3U x-tvg-url="${guide}" url-tvg="${guide}" cache=500`,
    '#EXTM3U URL-TVG="x" X-TVG-URL="y" url-tvg="z"': `#EXTM3U URL-TVG="${guide}" X-TVG-URL="${guide}" url-tvg="${guide}"`,
    '#EXTM3U tvg-shift="1" x-tvg-url="http://up/g.xml catchup-correction="2"': `#EXTM3U url-tvg="${guide}" tvg-shift="1" x-tvg-url="${guide}" catchup-correction="2"`,
  };
  for (const [header, expected] of Object.entries(cases)) {
    assert.equal(await rewritten(`${header}\n#EXTINF:-1,A\nhttp://h/1\n`), `${expected}\n#EXTINF:-1,A\nhttp://h/1\n`);
  }
});

test("playlist_test (b): a header without url-tvg gets one, both spellings of it", async () => {
  assert.equal(await rewritten("#EXTM3U\n"), `#EXTM3U ${both}\n`);
  assert.equal(await rewritten("#EXTM3U"), `#EXTM3U ${both}`);
  assert.equal(await rewritten('#EXTM3U name="x\r\nrest'), `#EXTM3U ${both} name="x\r\nrest`);
  assert.equal(await rewritten("\ufeff\r\n  #extm3u Free text\r\nx"), `\ufeff\r\n  #extm3u ${both} Free text\r\nx`);
});

test("playlist_test (c): the original guide addresses are captured", async () => {
  const list = '#EXTM3U url-tvg="http://a/1.xml.gz, http://b/2,3.xml" X-TVG-URL="http://c/?a,b,http://a/1.xml.gz"\n';
  const { header } = await readPlaylist(list);
  assert.deepEqual(header.guides, ["http://a/1.xml.gz", "http://b/2,3.xml", "http://c/?a,b"]);
  assert.deepEqual((await readPlaylist("#EXTM3U\n")).header.guides, []);
  assert.deepEqual((await readPlaylist('#EXTM3U url-tvg="guide.xml"', { base: "http://h/d/l.m3u" })).header.guides, [
    "http://h/d/guide.xml",
  ]);
});

test("playlist_test (d): the set of tvg-ids is the expected one", async () => {
  const entries = ["Italia 1", "", "Rai1.it@HD", "Italia 1"].map((id) => `#EXTINF:-1 tvg-id="${id}",N\nhttp://h/1\n`);
  const { channels } = await readPlaylist(`#EXTM3U\n${entries.join("")}#EXTINF:-1,N\nhttp://h/1\n`);
  assert.deepEqual(new Set(channels.flatMap((channel) => channel.guideId ?? [])), new Set(["Italia 1", "Rai1.it@HD"]));
});

test("playlist_test (e): every line but the header passes byte for byte", async () => {
  const random = createRandom(7);
  for (let round = 0; round < 200; round++) {
    const rest = Buffer.concat([Buffer.from("\n"), hostilePlaylist(random), Buffer.of(0xff, 0x00, 0x0d)]);
    for (const chunk of [1, 5, 64, 1 << 16]) {
      const out = await rewrite(Buffer.concat([Buffer.from('#EXTM3U url-tvg="x" x-tvg-url="y"'), rest]), chunk);
      assert.deepEqual(out, Buffer.concat([Buffer.from(`#EXTM3U ${both}`), rest]));
    }
  }
});

test("rewriteHeader() puts a header in front of a playlist that has none, in its own line ends", async () => {
  assert.equal(await rewritten("#EXTINF:-1,A\r\nhttp://h/1\r\n"), `#EXTM3U ${both}\r\n#EXTINF:-1,A\r\nhttp://h/1\r\n`);
  assert.equal(await rewritten("\ufefflog text\rx", 3), `\ufeff#EXTM3U ${both}\rlog text\rx`);
  assert.equal(await rewritten("#EXTM3UX\n"), `#EXTM3U ${both}\n#EXTM3UX\n`);
  assert.equal(await rewritten(""), "");
});

test("rewriteHeader() leaves a second #EXTM3U, and bytes of any encoding, as they are", async () => {
  const rest = '\n#EXTINF:-1,A\nhttp://h/1\n#EXTM3U url-tvg="http://up/2.xml"\n';
  assert.equal(await rewritten(`#EXTM3U${rest}`), `#EXTM3U ${both}${rest}`);
  const latin = Buffer.from('#EXTM3U name="\xdd\xfe" url-tvg="x"\n\xf0', "latin1");
  assert.deepEqual(
    await rewrite(latin, 4),
    Buffer.from(`#EXTM3U x-tvg-url="${guide}" name="\xdd\xfe" url-tvg="${guide}"\n\xf0`, "latin1"),
  );
  const wide = Buffer.from("\ufeff#EXTM3U\n", "utf16le");
  assert.deepEqual(await rewrite(wide), wide);
});

test("rewriteHeader() writes any guide address so that it stays one value in ASCII", async () => {
  const out = await rewrite("#EXTM3U\n", 64, 'http://tvé.example/a b"c%20d');
  assert.match(out.toString(), /url-tvg="http:\/\/tv%C3%A9\.example\/a%20b%22c%20d"/);
});

test("rewriteHeader() holds no more than a line may have", async () => {
  let produced = 0;
  let mostHeld = 0;
  async function* endless() {
    for (; produced < 64 << 20; produced += 1 << 16) yield Buffer.alloc(1 << 16, "x");
  }
  let passed = 0;
  for await (const piece of rewriteHeader(endless(), guide)) {
    passed += piece.length;
    mostHeld = Math.max(mostHeld, produced - passed);
  }
  assert.ok(passed > 64 << 20);
  assert.ok(mostHeld <= longestLine + (1 << 16), `${mostHeld} bytes were held`);
});
