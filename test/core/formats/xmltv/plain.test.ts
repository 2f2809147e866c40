// What passes at a glance, and what is left to a closer look. That the first is always right, the agreement with sax tests.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { isPlain, programmeRanks } from "../../../../core/formats/xmltv/index.ts";

const tag = '<programme start="20260101120000 +0000" stop="20260101130000 +0000" channel="a &amp; b">';
const plain = (content: string, open = tag) => {
  const bytes = Buffer.from(`before${open}${content}</programme>after`);
  return isPlain(bytes, 6, bytes.length - 5, programmeRanks);
};

describe("isPlain()", () => {
  test("passes what guides are full of", () => {
    assert.ok(plain(""));
    assert.ok(plain('\n  <title lang="it">Caffè &#233; &lt;</title>\n  <desc>x "y" \'z\' ﬁ 😀</desc>\n'));
    assert.ok(plain('<title>t</title><category lang="en">News</category><icon src="http://a/b?c=d&amp;e" />'));
    assert.ok(plain('<title/><rating system="MPAA"><value>PG</value></rating><unheard-of a="1" b="2"/>'));
  });

  test("leaves what is wrong to the verifier", () => {
    const wrong = [
      "<title>a & b</title>",
      "<title>t",
      "<title>t</titles>",
      "<title>t</title></title>",
      "a < b",
      "</desc>",
    ];
    const odd = [
      "<title a=1>t</title>",
      '<title a="1" a="2">t</title>',
      '<title a="<">t</title>',
      '<title a="1"b="2"/>',
    ];
    const letters = ["<title>\u0001</title>", "<title>\ufffe</title>", "<title>]]></title>", "<title>&nbsp;</title>"];
    for (const content of [...wrong, ...odd, ...letters]) assert.ok(!plain(content), content);
    assert.ok(!plain("", '<programme start="x" channel="y>'));
    assert.ok(!plain("", "<programme/>"));
  });

  test("leaves what is rare to the verifier", () => {
    const rare = [
      "<!-- c -->",
      "<desc><![CDATA[x]]></desc>",
      "<?p i?>",
      "<title lang='it'>t</title>",
      "<desc>a > b</desc>",
    ];
    for (const content of rare) assert.ok(!plain(content), content);
    assert.ok(!plain("<desc>d</desc><title>t</title>"), "children out of order");
  });

  test("takes nothing beyond the element", () => {
    const bytes = Buffer.from(`${tag}<title>t</title></programme>`);
    assert.ok(isPlain(bytes, 0, bytes.length, programmeRanks));
    for (let end = 0; end < bytes.length; end++) {
      assert.ok(!isPlain(bytes, 0, end, programmeRanks));
      assert.ok(!isPlain(bytes.subarray(0, end), 0, end, programmeRanks));
    }
  });
});
