// rewriteHls() and expandVariables(): other addresses, everything else byte for byte.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { expandVariables, formatMedia, formatMultivariant, rewriteHls } from "../../../../core/formats/hls.ts";
import { hostileText, mediaPlaylist, multivariantPlaylist } from "./support.ts";

const same = ({ uri }: { uri: string }) => uri;

describe("rewriteHls()", () => {
  it("changes no byte when no address changes", () => {
    const text =
      '\ufeff#EXTM3U \r\n\r\n#EXT-X-TARGETDURATION:6\r\n# made by x\r\n#EXT-X-NEW-TAG:A=1,URI="q?a=1,2",B="x, y"\n' +
      '#EXT-X-KEY: METHOD=AES-128 , URI="k" ,X-OWN=1\n#EXTINF:6.000,URI="no attribute"\n  a.ts \n#EXT-X-ENDLIST';
    assert.equal(rewriteHls(text, same), text);
    fc.assert(
      fc.property(mediaPlaylist, (playlist) => rewriteHls(formatMedia(playlist), same) === formatMedia(playlist)),
    );
    fc.assert(
      fc.property(multivariantPlaylist, (playlist) => {
        assert.equal(rewriteHls(formatMultivariant(playlist), same), formatMultivariant(playlist));
      }),
    );
    fc.assert(
      fc.property(
        hostileText.filter((text) => !/-SKIP|SERVER-CONTROL/.test(text)),
        (text) => {
          assert.equal(rewriteHls(text, same), text);
        },
      ),
    );
  });

  it("gives every address with where it stands, and puts others in their place", () => {
    const text = [
      "#EXTM3U",
      '#EXT-X-KEY:METHOD=AES-128,URI="k$&",IV=0x1',
      '#EXT-X-MAP:URI="i",BYTERANGE="9@0"',
      '#EXT-X-DATERANGE:ID="1",X-ASSET-URI="ad.m3u8",START-DATE="2026"',
      "#EXTINF:1,",
      "a.ts",
      "#EXTINF:1,",
      " a.ts\r",
    ].join("\n");
    const seen: string[] = [];
    const out = rewriteHls(text, ({ uri, tag, attribute, index }) => {
      seen.push([uri, tag, attribute, index].join(" "));
      return `<${index}$&>`;
    });
    assert.deepEqual(seen, [
      "k$& #EXT-X-KEY URI 0",
      "i #EXT-X-MAP URI 0",
      "ad.m3u8 #EXT-X-DATERANGE X-ASSET-URI 0",
      "a.ts   0",
      "a.ts   1",
    ]);
    assert.equal(
      out,
      [
        "#EXTM3U",
        '#EXT-X-KEY:METHOD=AES-128,URI="<0$&>",IV=0x1',
        '#EXT-X-MAP:URI="<0$&>",BYTERANGE="9@0"',
        '#EXT-X-DATERANGE:ID="1",X-ASSET-URI="<0$&>",START-DATE="2026"',
        "#EXTINF:1,",
        "<0$&>",
        "#EXTINF:1,",
        " <1$&>\r",
      ].join("\n"),
    );
  });

  it("leaves out what has no address any more, a variant with its tag", () => {
    const text =
      '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="no"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n# note\nno\n#EXT-X-STREAM-INF:BANDWIDTH=2\nyes\n';
    assert.equal(
      rewriteHls(text, ({ uri }) => (uri === "no" ? undefined : uri)),
      "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\nyes\n",
    );
  });

  it("makes no promise of partial segments, and drops byte ranges where each part is given whole", () => {
    const text = [
      "#EXTM3U",
      "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,HOLD-BACK=12.0,CAN-SKIP-UNTIL=12.0",
      "#EXT-X-PART-INF:PART-TARGET=0.3",
      '#EXT-X-MAP:URI="i",BYTERANGE="9@0"',
      '#EXT-X-PART:DURATION=0.3,URI="p"',
      "#EXT-X-BYTERANGE:5@7",
      "#EXTINF:1,",
      "a",
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p2"',
      '#EXT-X-RENDITION-REPORT:URI="../o"',
      "",
    ].join("\n");
    assert.equal(
      rewriteHls(text, same, { whole: true }),
      '#EXTM3U\n#EXT-X-SERVER-CONTROL:HOLD-BACK=12.0\n#EXT-X-MAP:URI="i"\n#EXTINF:1,\na\n',
    );
    assert.equal(rewriteHls("#EXTM3U\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n", same), "#EXTM3U\n");
  });
});

describe("expandVariables()", () => {
  it("puts values of the playlist, of the address and of the parent in their places", () => {
    const text = [
      "#EXTM3U",
      '#EXT-X-DEFINE:NAME="host",VALUE="http://a.example"',
      '#EXT-X-DEFINE:QUERYPARAM="token"',
      '#EXT-X-DEFINE:IMPORT="path"',
      "{$host}/{$path}/1.ts?t={$token}&x={$unknown}",
      "",
    ].join("\n");
    const { text: expanded, variables } = expandVariables(
      text,
      "http://b.example/x?token=s%26t#f",
      new Map([["path", "live"]]),
    );
    assert.equal(expanded, "#EXTM3U\nhttp://a.example/live/1.ts?t=s&t&x={$unknown}\n");
    assert.equal(variables.get("host"), "http://a.example");
  });

  it("does not grow without bound", () => {
    const value = "x".repeat(500_000);
    const text = `#EXTM3U\n#EXT-X-DEFINE:NAME="a",VALUE="${value}"\n${`${"{$a}".repeat(200)}\n`.repeat(100)}`;
    assert.ok(expandVariables(text, "http://a.example/").text.length < 30e6);
  });
});
