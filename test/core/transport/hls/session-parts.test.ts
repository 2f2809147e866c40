// A session's parts: fetched once, kept within bounds, found again when addresses change.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { HeadendError } from "../../../../core/errors.ts";
import { startUpstream } from "../../fetch/upstream.ts";
import { assertBytes, live, playlistOf, rig, segmentOf, until, useRig } from "./rig.ts";

useRig();

const code = (error: unknown) => (error instanceof HeadendError ? error.code : String(error));
const failure = (work: Promise<unknown>) => work.then(() => "nothing", code);

describe("a session's parts", () => {
  it("are fetched once for any number of viewers, while they come and after", async () => {
    live(1, 3);
    let release = () => {};
    rig.answers.set("/seg3.ts", (_, response) => {
      response.write(segmentOf(3).subarray(0, 100));
      release = () => response.end(segmentOf(3).subarray(100));
    });
    const session = rig.open();
    await session.playlist("");
    const waiting = Promise.all(Array.from({ length: 50 }, () => session.part("main-3.ts")));
    await until(() => rig.count("/seg3.ts") === 1);
    release();
    for (const part of await waiting) {
      assert.equal(part?.type, "video/mp2t");
      assertBytes(part?.bytes, segmentOf(3));
    }
    await session.part("main-3.ts");
    assert.equal(rig.count("/seg3.ts"), 1);
  });

  it("are kept within a bound of bytes, and as long as a playlist names them", async () => {
    live(1, 5);
    const session = rig.open({ maxBytes: 2 * segmentOf(1).length });
    await session.playlist("");
    for (const sequence of [1, 2, 3, 3, 2, 1]) await session.part(`main-${sequence}.ts`);
    assert.equal(rig.count("/seg3.ts"), 1);
    assert.equal(rig.count("/seg2.ts"), 1);
    assert.equal(rig.count("/seg1.ts"), 2, "the one that was not asked for the longest had to go");
    live(30, 35);
    await rig.clock.advance(1000);
    await session.playlist("");
    assert.equal(await session.part("main-1.ts"), undefined);
  });

  it("come from the newest address, whatever its token, under the same name", async () => {
    const secured = (token: number) =>
      live(1, 3, {
        uri: (sequence) => `seg${sequence}.ts?token=${token}`,
        before: (sequence) => (sequence === 1 ? `#EXT-X-KEY:METHOD=AES-128,URI="key?token=${token}"` : undefined),
      });
    rig.answers.set("/key", new Uint8Array(16));
    secured(1);
    const session = rig.open();
    const first = await session.playlist("");
    secured(2);
    await rig.clock.advance(1000);
    assert.equal(await session.playlist(""), first);
    const key = /URI="(k\w+\.key)"/.exec(first)?.[1] ?? "";
    assert.equal((await session.part(key))?.bytes.length, 16);
    await session.part("main-2.ts");
    assert.deepEqual(rig.requests.slice(-2), ["/key?token=2", "/seg2.ts?token=2"]);
  });

  it("whose token has run out are asked for again with a fresh one, from where it all began, not too often", async () => {
    let token = 1;
    const valid = (request: { url?: string | undefined }) => request.url?.endsWith(`token=${token}`) ?? false;
    rig.answers.set("/main.m3u8", (_, response) =>
      response.end(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvar.m3u8?token=${token}\n`),
    );
    rig.answers.set("/var.m3u8", (request, response) =>
      valid(request)
        ? response.end(playlistOf(1, 3, { uri: (sequence) => `s${sequence}.ts?token=${token}` }))
        : response.writeHead(403).end(),
    );
    for (const n of [1, 2, 3])
      rig.answers.set(`/s${n}.ts`, (request, response) =>
        valid(request) ? response.end(segmentOf(n)) : response.writeHead(403).end(),
      );
    const session = rig.open();
    assert.match(await session.playlist(""), /v0\.m3u8/);
    await session.playlist("v0.m3u8");
    token = 2;
    const parts = await Promise.all([session.part("v0-1.ts"), session.part("v0-2.ts")]);
    assert.deepEqual(
      parts.map((part) => part?.bytes[100]),
      [1, 2],
    );
    assert.equal(rig.count("/main.m3u8"), 2);
    // Upstream refuses for good: it is asked for the first playlist at most once in the pause, which grows.
    rig.answers.set("/s3.ts", (_, response) => response.writeHead(410).end());
    for (let n = 0; n < 20; n++) {
      assert.equal(await failure(session.part("v0-3.ts")), "fetch.status");
      await rig.clock.advance(500);
    }
    assert.ok(rig.count("/main.m3u8") <= 4, `${rig.count("/main.m3u8")} requests`);
  });

  it("are byte ranges where the playlist has them, of servers that know ranges and of others", async () => {
    const whole = new Uint8Array([...segmentOf(1), ...segmentOf(2)]);
    const size = segmentOf(1).length;
    const ranges = playlistOf(1, 2, {
      uri: () => "all.ts",
      before: (n) => `#EXT-X-BYTERANGE:${size}@${(n - 1) * size}`,
    });
    rig.answers.set("/main.m3u8", ranges);
    rig.answers.set("/all.ts", whole);
    const plain = rig.open();
    assert.doesNotMatch(await plain.playlist(""), /BYTERANGE/);
    assertBytes((await plain.part("main-2.ts"))?.bytes, segmentOf(2));
    assert.equal(rig.upstream.requests.at(-1)?.headers.range, `bytes=${size}-${2 * size - 1}`);
    rig.answers.set("/all.ts", (request, response) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${whole.length}` });
      response.end(whole.subarray(Number(from), Number(to) + 1));
    });
    const ranged = rig.open();
    await ranged.playlist("");
    assertBytes((await ranged.part("main-1.ts"))?.bytes, segmentOf(1));
  });

  it("are fetched with upstream's headers, account and cookies", async () => {
    rig.answers.set("/main.m3u8", (_, response) =>
      response.writeHead(200, { "set-cookie": "session=1; Path=/" }).end(playlistOf(1, 1)),
    );
    rig.answers.set("/seg1.ts", segmentOf(1));
    const url = rig.url.replace("//", "//me:secret@");
    const session = rig.open({
      source: {
        kind: "hls",
        url: `${rig.url}/main.m3u8`,
        address: `${url}/main.m3u8`,
        headers: { referer: "http://r.example/" },
      },
    });
    await session.playlist("");
    await session.part("main-1.ts");
    const headers = rig.upstream.requests.at(-1)?.headers ?? {};
    assert.equal(headers.referer, "http://r.example/");
    assert.equal(headers.cookie, "session=1");
    assert.equal(headers.authorization, `Basic ${Buffer.from("me:secret").toString("base64")}`);
  });

  it("are fetched elsewhere with upstream's headers, but without its keys", async () => {
    const other = await startUpstream((_, response) => response.end(segmentOf(1)));
    rig.answers.set("/main.m3u8", playlistOf(1, 1, { uri: () => `${other.url}/seg1.ts` }));
    const headers = { referer: "http://r.example/", Authorization: "Bearer 12345678", Cookie: "a=b" };
    const session = rig.open({ source: { kind: "hls", url: `${rig.url}/main.m3u8`, headers } });
    await session.playlist("");
    await session.part("main-1.ts");
    const own = rig.upstream.requests.at(-1)?.headers ?? {};
    assert.deepEqual([own.referer, own.authorization, own.cookie], Object.values(headers));
    const sent = other.requests.at(-1)?.headers ?? {};
    assert.deepEqual([sent.referer, sent.authorization, sent.cookie], [headers.referer, undefined, undefined]);
    await other.close();
  });

  it("are had on the second attempt, or fail with a sentence without secrets", async () => {
    live(1, 3, { uri: (sequence) => `seg${sequence}.ts?token=verysecret` });
    let attempts = 0;
    rig.answers.set("/seg2.ts", (_, response) => {
      // The first breaks off within the segment.
      if (++attempts === 1) {
        response
          .writeHead(200, { "content-length": segmentOf(2).length })
          .write(segmentOf(2).subarray(0, 3000), () => response.destroy());
      } else response.end(segmentOf(2));
    });
    rig.answers.set("/seg3.ts", (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>no</html>"),
    );
    const session = rig.open();
    await session.playlist("");
    assertBytes((await session.part("main-2.ts"))?.bytes, segmentOf(2));
    assert.equal(attempts, 2);
    const thrown = await session.part("main-3.ts").catch((error) => error);
    assert.equal(thrown.code, "dial.content");
    assert.doesNotMatch(thrown.message, /verysecret/);
  });

  it("that are under way end with the session, and nothing can be had after", async () => {
    live(1, 3);
    let closed = false;
    rig.answers.set("/seg1.ts", (_, response) => {
      response.write("x");
      response.on("close", () => {
        closed = true;
      });
    });
    const session = rig.open();
    await session.playlist("");
    const waiting = failure(session.part("main-1.ts"));
    await until(() => rig.count("/seg1.ts") === 1);
    await session.close();
    assert.match(await waiting, /ended/);
    await until(() => closed, "the end of the request");
    await assert.rejects(session.playlist(""));
    assert.equal(rig.clock.sleeping, 0);
  });
});
