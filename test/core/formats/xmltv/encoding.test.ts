// Documents of every encoding, and with entities of their own, as UTF-8 without a DTD.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { expandEntities, repairElement, toUtf8 } from "../../../../core/formats/xmltv/index.ts";
import { createRandom, cut } from "./documents.ts";

async function* stream(chunks: Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunks;
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts).toString("utf8");
}

/** The same whole and in pieces cut at random. */
async function both(
  bytes: Uint8Array,
  through: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): Promise<string> {
  const whole = await read(through(stream([bytes])));
  for (let seed = 1; seed <= 10; seed++)
    assert.equal(await read(through(stream(cut(createRandom(seed), bytes)))), whole, `seed ${seed}`);
  return whole;
}

const body = (encoding: string, text: string) =>
  `<?xml version="1.0" encoding="${encoding}"?><tv><!-- ${"-".repeat(0)}${" ".repeat(1500)} --><programme channel="${text}"/></tv>`;
const latin1 = (text: string) => Buffer.from(text, "latin1");
const utf16 = (text: string, swap: boolean) => {
  const bytes = Buffer.from(text, "utf16le");
  return swap ? bytes.swap16() : bytes;
};

describe("toUtf8()", () => {
  const cases: [string, Uint8Array, string][] = [
    ["UTF-8", Buffer.from(body("UTF-8", "é台😀")), "é台😀"],
    [
      "UTF-8 with a byte order mark",
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body("UTF-8", "é"))]),
      "é",
    ],
    [
      "UTF-16 little-endian with a mark",
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16(body("UTF-16", "é😀"), false)]),
      "é😀",
    ],
    [
      "UTF-16 big-endian with a mark",
      Buffer.concat([Buffer.from([0xfe, 0xff]), utf16(body("UTF-16", "é😀"), true)]),
      "é😀",
    ],
    ["UTF-16 little-endian without a mark", utf16(body("UTF-16", "é"), false), "é"],
    ["UTF-16 big-endian without a mark", utf16(body("UTF-16", "é"), true), "é"],
    ["ISO-8859-1", latin1(body("ISO-8859-1", "\xe9\xe8")), "éè"],
    ["ISO-8859-2", latin1(body("ISO-8859-2", "\xe8\xb9")), "čš"],
    ["ISO-8859-15", latin1(body("iso-8859-15", "\xa4")), "€"],
    ["windows-1251", latin1(body("windows-1251", "\xcf\xe5\xf0")), "Пер"],
    ["windows-1252", latin1(body("windows-1252", "\x80\x9c")), "€œ"],
    ["UTF-8 that says it is ISO-8859-1", Buffer.from(body("ISO-8859-1", "é台")), "é台"],
    ["UTF-8 that says it is UTF-16", Buffer.from(body("UTF-16", "é")), "é"],
    ["UTF-8 that says it is something unknown", Buffer.from(body("x-klingon", "é")), "é"],
    ["UTF-8 that says nothing", Buffer.from('<tv><programme channel="é"/></tv>'), "é"],
  ];
  for (const [what, bytes, text] of cases) {
    test(`reads ${what}`, async () => {
      const document = await both(bytes, toUtf8);
      assert.ok(document.startsWith("<"), "no mark is left");
      assert.match(document, new RegExp(`channel="${text}"`));
    });
  }

  test("gives nothing for nothing, and passes ASCII that declares another encoding", async () => {
    assert.equal(await both(new Uint8Array(), toUtf8), "");
    const plain = body("windows-1252", "plain");
    assert.equal(await both(Buffer.from(plain), toUtf8), plain);
  });
});

test("repairElement() takes bytes that are no UTF-8 for windows-1252, and leaves what is UTF-8", () => {
  const bytes = Buffer.concat([
    Buffer.from('<programme channel="a"><title>台 '),
    Buffer.from([0x93, 0xe9, 0x94]),
    Buffer.from("</title></programme>"),
  ]);
  const mended: string[] = [];
  assert.equal(
    repairElement(bytes, (what) => mended.push(what))?.toString(),
    '<programme channel="a"><title>台 “é”</title></programme>',
  );
  assert.deepEqual(mended, ["invalid UTF-8"]);
});

describe("expandEntities()", () => {
  const document = (subset: string, text: string) =>
    `<?xml version="1.0"?><!DOCTYPE tv SYSTEM "x" [${subset}]><tv><programme channel="a"><title>${text}</title></programme></tv>`;

  test("puts in what the document declares", async () => {
    const text = document("<!ENTITY rai \"Rai &amp; Co\"><!ENTITY one '&rai; 1'>", "&one; <![CDATA[<x>]]> &lt;&#233;");
    const expanded = await both(Buffer.from(text), expandEntities);
    assert.match(
      expanded,
      /<title>Rai &amp; Co 1 &lt;x> &lt;é<\/title>|<title>Rai &amp; Co 1 &lt;x&gt; &lt;é<\/title>/,
    );
    assert.doesNotMatch(expanded, /DOCTYPE|ENTITY/);
  });

  test("passes documents without entities of their own as they are", async () => {
    for (const text of [
      document("<!ELEMENT tv ANY>", "x &amp; y"),
      '<!DOCTYPE tv SYSTEM "xmltv.dtd"><tv/>',
      "<tv><!-- <!ENTITY --></tv>",
      "",
    ]) {
      assert.equal(await both(Buffer.from(text), expandEntities), text);
    }
  });

  test("refuses entities that expand without bound", async () => {
    const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join("");
    await assert.rejects(
      read(expandEntities(stream([Buffer.from(document(`<!ENTITY l0 "lol">${laughs}`, "&l9;"))]))),
      /without bound/,
    );
    await assert.rejects(
      read(expandEntities(stream([Buffer.from(document('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"))]))),
      /holds itself/,
    );
    const long = document(`<!ENTITY big "${"x".repeat(60_000)}">`, "&big;".repeat(2000));
    await assert.rejects(read(expandEntities(stream([Buffer.from(long)]))), /without bound/);
  });
});
