// createHlsSession() for viewers of HLS: what they are given, and what upstream is asked for.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { HeadendError } from "../../../../core/errors.ts";
import { assertBytes, live, playlistOf, rig, segmentOf, useRig } from "./rig.ts";

useRig();

const code = (error: unknown) => (error instanceof HeadendError ? error.code : String(error));
const failure = (work: Promise<unknown>) => work.then(() => "nothing", code);

describe("a session's playlists", () => {
  it("name segments by rendition and number, and nothing of upstream's addresses", async () => {
    live(7, 8, { uri: (sequence) => `http://cdn.example/a/${sequence}.ts?token=secret` });
    const session = rig.open();
    assert.equal(await session.playlist(""), playlistOf(7, 8, { uri: (sequence) => `main-${sequence}.ts` }));
  });

  it("are loaded once for all who ask, and again only after a target duration, or half of it when nothing was new", async () => {
    live(1, 3);
    const session = rig.open();
    await Promise.all(Array.from({ length: 20 }, () => session.playlist("")));
    assert.equal(rig.count("/main.m3u8"), 1);
    await rig.clock.advance(999);
    await session.playlist("");
    assert.equal(rig.count("/main.m3u8"), 1);
    await rig.clock.advance(1);
    await Promise.all([session.playlist(""), session.playlist("")]);
    assert.equal(rig.count("/main.m3u8"), 2);
    await rig.clock.advance(499);
    await session.playlist("");
    assert.equal(rig.count("/main.m3u8"), 2);
    live(2, 4);
    await rig.clock.advance(1);
    assert.match(await session.playlist(""), /main-4\.ts/);
    assert.equal(rig.count("/main.m3u8"), 3);
  });

  it("of a day's segments let others go first, again and again", async () => {
    live(1, 43_200);
    const session = rig.open();
    let turns = 0;
    let waiting = true;
    const count = (): unknown => waiting && ++turns && setImmediate(count);
    count();
    const text = await session.playlist("");
    waiting = false;
    assert.equal(text, playlistOf(1, 43_200, { uri: (sequence) => `main-${sequence}.ts` }));
    // Some thousand lines a turn: reading, naming, writing.
    assert.ok(turns > 200, `${turns} turns`);
  });

  it("cost upstream nothing while nobody asks", async () => {
    live(1, 3);
    await rig.open().playlist("");
    await rig.clock.advance(3_600_000);
    assert.equal(rig.requests.length, 1);
    assert.equal(rig.clock.sleeping, 0);
  });

  it("of several variants and renditions have names of their own, and their parts too", async () => {
    const variants = (token: string) =>
      [
        ...["#EXTM3U", '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="de",DEFAULT=YES,URI="audio/de.m3u8"'],
        ...['#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="de",URI="subs.m3u8"'],
        ...['#EXT-X-STREAM-INF:BANDWIDTH=2000,AUDIO="a"', `hi.m3u8?t=${token}`],
        ...['#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="a"', `lo.m3u8?t=${token}`],
        ...['#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="if.m3u8"', ""],
      ].join("\n");
    rig.answers.set("/main.m3u8", variants("1"));
    rig.answers.set("/lo.m3u8", playlistOf(1, 2));
    rig.answers.set("/audio/de.m3u8", playlistOf(1, 2, { uri: (sequence) => `a${sequence}.aac` }));
    rig.answers.set("/audio/a2.aac", "sound");
    rig.answers.set("/seg2.ts", segmentOf(2));
    const session = rig.open();
    const top = await session.playlist("");
    assert.deepEqual(top.match(/[\w.]+\.m3u8/g), ["a0.m3u8", "s0.m3u8", "v0.m3u8", "v1.m3u8", "i0.m3u8"]);
    assert.match(await session.playlist("v1.m3u8"), /\nv1-2\.ts\n/);
    assert.match(await session.playlist("a0.m3u8"), /\na0-2\.aac\n/);
    assert.equal(String.fromCharCode(...((await session.part("a0-2.aac"))?.bytes ?? [])), "sound");
    assert.equal((await session.part("a0-2.aac"))?.type, "audio/aac");
    assertBytes((await session.part("v1-2.ts"))?.bytes, segmentOf(2));
    assert.equal(await failure(session.playlist("v9.m3u8")), "not.found");
    assert.equal(await session.part("v1-99.ts"), undefined);
  });

  it("say what came instead of one", async () => {
    const session = rig.open();
    assert.equal(await failure(session.playlist("")), "fetch.status");
    rig.answers.set("/main.m3u8", "<html><body>Please log in</body></html>");
    await assert.rejects(session.playlist(""), /not an HLS playlist: a web page came where a playlist was expected/);
    rig.answers.set("/main.m3u8", (_, response) => response.writeHead(302, { location: "/main.m3u8" }).end());
    assert.equal(await failure(session.playlist("")), "fetch.redirects");
    rig.answers.set("/main.m3u8", (_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(playlistOf(1, 2)));
    });
    assert.match(await session.playlist(""), /main-2\.ts/);
  });

  it("are read when they are compressed and nothing says so", async () => {
    rig.answers.set("/main.m3u8", gzipSync(playlistOf(1, 2)));
    assert.match(await rig.open().playlist(""), /main-2\.ts/);
    rig.answers.set("/main.m3u8", gzipSync(playlistOf(1, 2)).subarray(0, 40));
    assert.equal(await failure(rig.open().playlist("")), "dial.content");
  });

  it("stay the last good ones while upstream fails, for three target durations", async () => {
    live(1, 3);
    const session = rig.open();
    const good = await session.playlist("");
    rig.answers.set("/main.m3u8", (_, response) => response.writeHead(500).end());
    for (const ms of [1000, 1900]) {
      await rig.clock.advance(ms);
      assert.equal(await session.playlist(""), good);
    }
    await rig.clock.advance(600);
    assert.equal(await failure(session.playlist("")), "fetch.status");
  });

  it("say that upstream has frozen when they stay the same for three target durations, and not before somebody asks", async () => {
    rig.answers.set("/main.m3u8", playlistOf(1, 3));
    const session = rig.open();
    await session.playlist("");
    await rig.clock.advance(60_000);
    for (let half = 0; half < 6; half++) {
      assert.match(await session.playlist(""), /main-3/);
      await rig.clock.advance(500);
    }
    await assert.rejects(session.playlist(""), { code: "dial.stalled" });
    rig.answers.set("/main.m3u8", playlistOf(2, 4));
    await rig.clock.advance(500);
    assert.match(await session.playlist(""), /main-4/);
  });

  it("take no heed of an old copy, but of an upstream that counts anew", async () => {
    live(100, 104);
    const session = rig.open();
    await session.playlist("");
    const reload = async (from: number, to: number) => {
      live(from, to);
      await rig.clock.advance(1000);
      return /#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(await session.playlist(""))?.[1];
    };
    assert.equal(await reload(99, 103), "100");
    assert.equal(await reload(101, 105), "101");
    assert.equal(await reload(0, 2), "101");
    assert.equal(await reload(1, 3), "1");
    assert.match(await session.playlist(""), /\nmainr1-3\.ts\n/, "the same numbers are other segments now");
    assertBytes((await session.part("mainr1-3.ts"))?.bytes, segmentOf(3));
    assert.equal(await session.part("main-103.ts"), undefined);
  });

  it("are relative to where redirects led, which is asked again until it refuses", async () => {
    let edge = 1;
    rig.answers.set("/main.m3u8", (_, response) =>
      response.writeHead(302, { location: `/edge${edge}/list.m3u8?session=${edge}` }).end(),
    );
    for (const name of ["edge1", "edge2"]) {
      rig.answers.set(`/${name}/list.m3u8`, playlistOf(1, 3));
      rig.answers.set(`/${name}/seg3.ts`, name);
    }
    const session = rig.open();
    await session.playlist("");
    await rig.clock.advance(1000);
    await session.playlist("");
    assert.equal(rig.count("/main.m3u8"), 1, "upstream's session is not begun anew");
    assert.equal(rig.count("/edge1/list.m3u8"), 2);
    edge = 2;
    rig.answers.delete("/edge1/list.m3u8");
    rig.answers.delete("/edge1/seg3.ts");
    assert.equal(Buffer.from((await session.part("main-3.ts"))?.bytes ?? []).toString(), "edge2");
  });

  it("work where each address serves but once", async () => {
    let issued = 0;
    rig.answers.set("/main.m3u8", (_, response) =>
      response.writeHead(302, { location: `/once/list.m3u8?n=${++issued}` }).end(),
    );
    const used = new Set<string>();
    let last = 3;
    rig.answers.set("/once/list.m3u8", (request, response) => {
      const again = used.has(request.url ?? "");
      used.add(request.url ?? "");
      return again ? response.writeHead(403).end() : response.end(playlistOf(last - 2, last));
    });
    const session = rig.open();
    for (; last < 9; last++) {
      assert.match(await session.playlist(""), new RegExp(`main-${last}\\.ts`));
      await rig.clock.advance(1000);
    }
    assert.ok(rig.requests.length <= 2 * 6 + 1, `${rig.requests.length} requests`);
  });
});
