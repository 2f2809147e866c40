// parseHls(), formatMedia(), formatMultivariant(), isHls(): what playlists say, and texts that are none.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  expandVariables,
  formatMedia,
  formatMultivariant,
  isHls,
  type MediaPlaylist,
  type Multivariant,
  parseHls,
  rewriteHls,
} from "../../../../core/formats/hls.ts";
import { hostileText, mediaPlaylist, multivariantPlaylist } from "./support.ts";

const data = process.env.HEADEND_DATA ?? "";
const skip = data ? false : "HEADEND_DATA names no folder with real playlists";

function media(...lines: string[]): MediaPlaylist {
  const playlist = parseHls(["#EXTM3U", "#EXT-X-TARGETDURATION:6", ...lines].join("\n"));
  assert.equal(playlist.kind, "media");
  return playlist as MediaPlaylist;
}
const uris = (playlist: MediaPlaylist) => playlist.segments.map(({ uri }) => uri);

describe("parseHls() of media playlists", () => {
  it("numbers segments and discontinuities from what the playlist says", () => {
    const playlist = media(
      ...["#EXT-X-MEDIA-SEQUENCE:41", "#EXT-X-DISCONTINUITY-SEQUENCE:3", "#EXTINF:5.005,One", "a.ts"],
      ...["#EXT-X-DISCONTINUITY", "#EXTINF:4,", "b.ts", "#EXT-X-GAP", "#EXTINF:4", "c.ts", "#EXT-X-ENDLIST"],
    );
    assert.deepEqual(
      playlist.segments.map(({ uri, duration, sequence, discontinuity, title, gap }) => [
        ...[uri, duration, sequence, discontinuity, title, gap],
      ]),
      [
        ["a.ts", 5005, 41, 3, "One", undefined],
        ["b.ts", 4000, 42, 4, undefined, undefined],
        ["c.ts", 4000, 43, 4, undefined, true],
      ],
    );
    assert.equal(playlist.ended, true);
    assert.equal(playlist.targetDuration, 6000);
  });

  it("continues a byte range where the one before ended, of the same resource only", () => {
    const { segments } = media(
      ...["#EXT-X-BYTERANGE:100@50", "#EXTINF:1,", "a", "#EXT-X-BYTERANGE:7", "#EXTINF:1,", "a"],
      ...["#EXT-X-BYTERANGE:9", "#EXTINF:1,", "b", "#EXTINF:1,", "c"],
    );
    assert.deepEqual(
      segments.map(({ range }) => range && [range.length, range.offset]),
      [[100, 50], [7, 150], [9, 0], undefined],
    );
  });

  it("applies keys and maps until they are said anew, and keeps the formats of one key together", () => {
    const { segments } = media(
      ...['#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x0A', '#EXT-X-MAP:URI="i1",BYTERANGE="9@3"', "#EXTINF:1,", "a"],
      ...["#EXTINF:1,", "b", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k2"'],
      ...['#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k2",KEYFORMAT="com.apple.streamingkeydelivery"', "#EXTINF:1,", "c"],
      ...["#EXT-X-KEY:METHOD=NONE", "#EXTINF:1,", "d"],
    );
    assert.deepEqual(
      segments.map(({ keys }) => keys.map(({ uri }) => uri)),
      [["k1"], ["k1"], ["k2", "skd://k2"], []],
    );
    assert.equal(segments[0]?.keys[0]?.iv?.[15], 10);
    assert.deepEqual(segments[3]?.map?.range, { length: 9, offset: 3 });
    assert.equal(segments[3]?.map?.keys[0]?.uri, "k1");
  });

  it("reads playlists that forget what they must have, as players do", () => {
    assert.equal(media("#EXTINF:5,", "a.ts").sequence, 0);
    const noTarget = parseHls("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:7.5,\na.ts\n");
    assert.ok(noTarget.kind === "media" && noTarget.targetDuration === 7500);
    assert.equal(parseHls("#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n1.ts\n").kind, "media");
    const spaced = "\ufeff#EXTM3U\r\n#EXT-X-TARGETDURATION: 10 \r\n  \r\n#EXTINF:10,\r\n\thttp://a/1.ts \r\n";
    const playlist = parseHls(spaced);
    assert.ok(playlist.kind === "media" && playlist.targetDuration === 10_000);
    assert.deepEqual(uris(playlist), ["http://a/1.ts"]);
  });

  it("says in a word why a text is no playlist", () => {
    const reason = (text: string) => {
      const playlist = parseHls(text);
      return playlist.kind === "invalid" ? playlist.reason : playlist.kind;
    };
    assert.match(reason("<!DOCTYPE html><title>Login</title>"), /web page/);
    assert.match(reason(""), /empty/);
    assert.match(reason("Forbidden"), /#EXTM3U/);
    assert.match(reason("#EXTM3U\n"), /neither/);
    assert.match(reason(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n${"x".repeat(2 << 20)}\n`), /longer/);
    assert.match(reason(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n${"a\n".repeat(200_002)}`), /segments/);
    assert.match(reason("#EXTM3U\n".repeat(1_000_001)), /longer/);
  });
});

describe("parseHls() of multivariant playlists", () => {
  it("reads variants, renditions, I-frame playlists, keys and data", () => {
    const playlist = parseHls(
      [
        "#EXTM3U",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a,b",NAME="Deutsch",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,URI="de.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.4d401f, mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.97,AUDIO="a,b"',
        "# a comment between",
        "hi.m3u8?token=1",
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI="if.m3u8"',
        '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"',
        '#EXT-X-SESSION-DATA:DATA-ID="x",VALUE="1=2,3"',
        "orphan.m3u8",
      ].join("\n"),
    ) as Multivariant;
    assert.equal(playlist.kind, "multivariant");
    const { variants, renditions, iFrames, sessionKeys, sessionData } = playlist;
    assert.deepEqual(variants, [
      {
        ...{ uri: "hi.m3u8?token=1", bandwidth: 1280000, codecs: ["avc1.4d401f", "mp4a.40.2"] },
        ...{ resolution: { width: 1280, height: 720 }, frameRate: 29.97, audio: "a,b" },
      },
    ]);
    assert.deepEqual([renditions[0]?.uri, renditions[0]?.group, renditions[0]?.default], ["de.m3u8", "a,b", true]);
    assert.equal(iFrames[0]?.uri, "if.m3u8");
    assert.equal(sessionKeys[0]?.uri, "k");
    assert.equal(sessionData[0]?.value, "1=2,3");
  });
});

describe("formatMedia(), formatMultivariant()", () => {
  it("write what parseHls() reads back", () => {
    fc.assert(
      fc.property(mediaPlaylist, (playlist) => {
        assert.deepEqual(parseHls(formatMedia(playlist)), playlist);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(multivariantPlaylist, (playlist) => {
        assert.deepEqual(parseHls(formatMultivariant(playlist)), playlist);
      }),
      { numRuns: 300 },
    );
  });
});

describe("any text", () => {
  it("is read, recognised and rewritten without an exception", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        isHls(text);
        const { text: expanded } = expandVariables(text, "http://a.example/?x=1");
        const playlist = parseHls(expanded);
        if (playlist.kind === "media") assert.ok(Number.isFinite(playlist.targetDuration));
        rewriteHls(text, ({ uri }) => (uri.length % 2 ? undefined : "x"));
      }),
      { numRuns: 2000 },
    );
  });

  it("is read in a time that grows with its length only", () => {
    const long = 'A="b",'.repeat(100_000);
    const hostile = [
      `#EXT-X-MAP:${long}URI="x"`,
      `#EXT-X-KEY:${'"'.repeat(400_000)}`,
      `#EXTINF:${"1,".repeat(200_000)}`,
    ];
    const started = process.cpuUsage().user;
    for (const line of hostile) {
      const text = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n${line}\na\n`.repeat(4);
      parseHls(text);
      rewriteHls(text, () => "x");
      isHls(` ${text}`);
    }
    // Quadratic work on texts of this length takes minutes.
    assert.ok(process.cpuUsage().user - started < 10e6);
  });
});

describe("isHls()", () => {
  it("tells HLS from lists of channels, which begin alike", () => {
    assert.ok(isHls("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8"));
    assert.ok(isHls("\ufeff\r\n#EXTM3U\r\n#EXT-X-TARGETDURATION:6\r\n"));
    assert.ok(isHls("#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.ts\n"));
    for (const list of [
      '#EXTM3U url-tvg="http://x"\n#EXTINF:-1 tvg-id="a",A\nhttp://x/a.m3u8',
      "#EXTM3U\n#EXTINF:-1,A\n#EXT-X-PLAYLIST-TYPE:VOD\nhttp://x/a",
      "#EXTM3U\n#EXTINF:-1,About #EXT-X-TARGETDURATION:6\nhttp://x/#EXT-X-MAP:",
      "<html>#EXTM3U\n#EXT-X-TARGETDURATION:6</html>",
      "",
    ])
      assert.equal(isHls(list), false, list);
  });

  it("recognises every real HLS playlist, and no real list of channels", { skip }, () => {
    const folders = ["hls/real", "hls/open-m3u8", "hls/m3u8-parser"];
    const files = folders.flatMap((folder) => readdirSync(join(data, folder)).map((file) => join(data, folder, file)));
    assert.ok(files.length > 70);
    // Those have no tag of HLS at all: nothing, the first line alone, and a list of channels.
    const bare = /empty\.m3u8|headerOnly|negativeDuration/;
    for (const file of files) {
      const text = readFileSync(file, "utf8");
      assert.equal(isHls(text), !bare.test(file), file);
      if (isHls(text)) assert.notEqual(parseHls(text).kind, "invalid", file);
    }
    for (const file of readdirSync(join(data, "playlists")))
      assert.equal(isHls(readFileSync(join(data, "playlists", file), "utf8")), false, file);
  });

  it("finds every segment of the real media playlists", { skip }, () => {
    for (const folder of ["hls/open-m3u8", "hls/m3u8-parser"])
      for (const file of readdirSync(join(data, folder))) {
        const text = readFileSync(join(data, folder, file), "utf8");
        const playlist = parseHls(text);
        if (playlist.kind !== "media") continue;
        const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
        assert.deepEqual(
          uris(playlist),
          lines.map((line) => line.trim()),
          file,
        );
      }
  });
});
