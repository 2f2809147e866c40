// What first bytes are taken for: never by name, and never wrongly for the sake of a lucky 0x47.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readAddressList, recognise, sniffLimit } from "../../../core/formats/content.ts";

const text = (content: string) => new TextEncoder().encode(content);
const packets = (count: number, size = 188, before = 0) => {
  const bytes = new Uint8Array(before + count * size).fill(0x11);
  for (let index = 0; index < count; index++) bytes[before + index * size] = 0x47;
  return bytes;
};

test("recognise() finds a transport stream with any packet size, and after garbage", () => {
  for (const size of [188, 192, 204] as const)
    for (const before of [0, 4, 100, 187, 5000, 60_000])
      assert.deepEqual(recognise(packets(8, size, before), false), { kind: "ts", offset: before, size });
});

test("recognise() takes one whole packet for a stream when nothing more comes, and asks for more when it may", () => {
  assert.equal(recognise(packets(1), false), undefined);
  assert.deepEqual(recognise(packets(1), true), { kind: "ts", offset: 0, size: 188 });
  assert.equal(recognise(packets(4), false), undefined);
  assert.equal(recognise(packets(7), false)?.kind, "ts");
});

test("recognise() takes no short playlist for a packet, wherever its letters G are", () => {
  for (let length = 150; length < 900; length++) {
    const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n${"#EXTINF:1,GGG\n1.ts\n".repeat(50)}`.slice(0, length);
    assert.equal(recognise(text(playlist), true).kind, "hls", `${length} bytes`);
  }
});

test("recognise() is not fooled by single sync bytes", () => {
  const bytes = new Uint8Array(sniffLimit).fill(0xfe);
  for (let at = 0; at < bytes.length; at += 187) bytes[at] = 0x47;
  assert.equal(recognise(bytes, false)?.kind, "unknown");
});

const texts: readonly (readonly [string, string])[] = [
  ["hls", "\ufeff#EXTM3U\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\na.m3u8\r\n"],
  ["list", "#EXTM3U\n#EXTINF:-1,One\nhttp://up.example/1\n"],
  ["list", "[playlist]\nFile1=http://up.example/1\n"],
  ["list", "http://up.example/radio.mp3\n"],
  ["dash", '<?xml version="1.0"?>\n<!-- made by us -->\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'],
  ["page", "\n\n<!DOCTYPE html><html><body>no</body></html>"],
  ["page", '<?xml version="1.0"?><html xmlns="x"></html>'],
  ["text", '{"error":"account expired"}'],
  ["text", '<?xml version="1.0"?><tv></tv>'],
];
for (const [kind, content] of texts)
  test(`recognise() takes ${JSON.stringify(content.slice(0, 30))}… for ${kind}`, () => {
    assert.equal(recognise(text(content), true).kind, kind);
    assert.equal(recognise(text(content), false), undefined, "short text may go on");
    assert.equal(recognise(text(content + " ".repeat(5000)), false)?.kind, kind);
  });

const box = (type: string, length = 8) => {
  const bytes = new Uint8Array(Math.min(length, 64));
  new DataView(bytes.buffer).setUint32(0, length);
  bytes.set(text(type), 4);
  return bytes;
};
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

test("recognise() sees whether an MP4 can be read as it comes", () => {
  const name = { kind: "media", name: "mp4" };
  assert.deepEqual(recognise(join(box("ftyp", 24), box("moov", 500)), false), name);
  assert.deepEqual(recognise(join(box("styp", 24), box("sidx", 44), box("moof", 500)), false), name);
  assert.deepEqual(recognise(join(box("ftyp", 24), box("free"), box("mdat", 9_000_000)), false), {
    ...name,
    seeks: true,
  });
});

test("recognise() knows containers and bare codecs by their first bytes", () => {
  const named = (...octets: number[]) => {
    const content = recognise(Uint8Array.from([...octets, ...Array<number>(20).fill(0)]), false);
    return content?.kind === "media" ? content.name : content?.kind;
  };
  assert.equal(named(0x46, 0x4c, 0x56, 1), "flv");
  assert.equal(named(0x1a, 0x45, 0xdf, 0xa3), "matroska");
  assert.equal(named(0x4f, 0x67, 0x67, 0x53), "ogg");
  assert.equal(named(0x49, 0x44, 0x33, 4), "mp3");
  assert.equal(named(0xff, 0xfb, 0x90, 0x00), "mp3");
  assert.equal(named(0xff, 0xf1, 0x50, 0x80), "aac");
  assert.equal(named(0xff, 0xff, 0xff, 0xff), undefined);
});

test("recognise() answers for any bytes, and does not change its mind about transport streams", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      const early = recognise(bytes, false);
      assert.ok(recognise(bytes, true));
      if (early?.kind === "ts") assert.deepEqual(recognise(bytes, true), early);
    }),
  );
});

test("readAddressList() reads M3U, PLS and bare lines", () => {
  assert.deepEqual(readAddressList("\ufeff#EXTM3U\n#EXTINF:-1,a\n a.ts \n\nb.ts"), ["a.ts", "b.ts"]);
  assert.deepEqual(readAddressList("[playlist]\r\nNumberOfEntries=1\r\nFile1 = http://a/1\r\nTitle1=x"), [
    "http://a/1",
  ]);
});
