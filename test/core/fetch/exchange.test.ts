// One request: every way in which an upstream can be slow, broken or hostile ends with a code and a plain sentence.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { createOriginLimiter } from "../../../core/fetch/index.ts";
import { createTestClock } from "../../support/clock.ts";
import { type Bench, createBench, type Handler, startTlsUpstream, startUpstream, type Upstream } from "./upstream.ts";

let bench: Bench;
let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
beforeEach(async () => {
  await bench?.close();
  bench = await createBench();
});
after(() => Promise.all([bench.close(), upstream.close()]));

/** Answers by `handler`; resolves when a request has come and been dealt with. */
function nextRequest(handler: Handler): Promise<ServerResponse> {
  return new Promise((resolve) => {
    upstream.answer = (request, response) => {
      handler(request, response);
      resolve(response);
    };
  });
}

describe("fetch()", () => {
  it("waits for an answer until its deadline and not longer", async () => {
    const clock = createTestClock();
    const arrival = nextRequest(() => {});
    const pending = assert.rejects(bench.again({ clock })(`${upstream.url}/x?key=s3cret`), {
      code: "fetch.timeout",
      message: `${upstream.url}/x?key=***: no answer within 30s`,
    });
    await arrival;
    await clock.advance(29_999);
    assert.equal(clock.sleeping, 1);
    await clock.advance(1);
    await pending;
    assert.equal(clock.sleeping, 0);
  });

  it("counts the deadline over a whole chain of redirects", async () => {
    const clock = createTestClock();
    const arrival = nextRequest(() => {});
    const first = upstream.answer;
    upstream.answer = async (request, response) => {
      if (request.url !== "/start") return first(request, response);
      await clock.advance(4000);
      response.writeHead(302, { location: "/slow" }).end();
    };
    const pending = assert.rejects(bench.again({ clock })(`${upstream.url}/start`, { timeout: 5000 }), {
      code: "fetch.timeout",
      message: /no answer within 5s/,
    });
    await arrival;
    await clock.advance(1000);
    await pending;
  });

  it("gives up on a body that stalls, but not on a reader that is slow", async () => {
    const clock = createTestClock();
    upstream.answer = (_, response) => response.writeHead(200).write("first");
    const response = await bench.again({ clock })(upstream.url, { idle: 5000 });
    const reader = response.body?.getReader();
    assert.equal((await reader?.read())?.value?.length, 5);
    await clock.advance(3_600_000);
    const pending = assert.rejects(async () => reader?.read(), { code: "fetch.stalled", message: /no data for 5s/ });
    await clock.advance(5000);
    await pending;
    assert.equal(clock.sleeping, 0);
  });

  it("takes back the place at the origin of a body that nobody reads, and of one that is cancelled", async () => {
    const clock = createTestClock();
    const limiter = createOriginLimiter(1);
    const fetch = bench.again({ clock, limiter });
    upstream.answer = (request, response) => {
      if (request.method === "HEAD") response.end();
      else response.writeHead(200).write("first");
    };
    const ignored = await fetch(upstream.url);
    const second = fetch(upstream.url);
    await clock.advance(30_000);
    const cancelled = await second;
    await assert.rejects(ignored.text(), { message: /its body was not read within 30s/ });
    const third = fetch(upstream.url, { method: "HEAD" });
    await cancelled.body?.cancel();
    assert.equal((await third).status, 200);
    assert.equal(clock.sleeping, 0);
  });

  it("leaves its place when the body has ended, failed, or never came", async () => {
    const fetch = bench.again({ limiter: createOriginLimiter(1) });
    upstream.answer = (request, response) => {
      if (request.url === "/drop") response.destroy();
      else if (request.url === "/half")
        response.writeHead(200, { "content-length": 10 }).write("half", () => response.destroy());
      else response.end("whole");
    };
    for (let round = 0; round < 3; round++) {
      await assert.rejects(fetch(`${upstream.url}/drop`), {
        code: "fetch.refused",
        message: /the connection was closed before an answer came/,
      });
      await assert.rejects(async () => (await fetch(`${upstream.url}/half`)).text(), { code: "fetch.truncated" });
      assert.equal(await (await fetch(upstream.url)).text(), "whole");
      await assert.rejects(fetch(upstream.url, { maxBytes: 2 }), { code: "fetch.size" });
    }
  });

  it("ends with its caller's reason when the caller aborts, before the answer and in the body", async () => {
    const control = new AbortController();
    const arrival = nextRequest(() => {});
    const pending = assert.rejects(bench.fetch(upstream.url, { signal: control.signal }), /changed my mind/);
    await arrival;
    control.abort(new Error("changed my mind"));
    await pending;
    await assert.rejects(bench.fetch(upstream.url, { signal: control.signal }), /changed my mind/);

    const later = new AbortController();
    upstream.answer = (_, response) => response.writeHead(200).write("first");
    const response = await bench.fetch(upstream.url, { signal: later.signal });
    const reading = assert.rejects(response.text(), /no more/);
    later.abort(new Error("no more"));
    await reading;
  });

  it("takes no body larger than allowed, announced or not", async () => {
    upstream.answer = (request, response) => {
      if (request.url === "/announced")
        return response.writeHead(200, { "content-length": 1 << 20 }).end(new Uint8Array(1 << 20));
      const more = () => {
        while (!response.destroyed && response.write(new Uint8Array(1 << 16)));
      };
      response.on("drain", more);
      more();
    };
    const tooLarge = { code: "fetch.size", message: /larger than the limit of 512KiB/ };
    await assert.rejects(bench.fetch(`${upstream.url}/announced`, { maxBytes: 1 << 19 }), tooLarge);
    await assert.rejects(
      async () => (await bench.fetch(`${upstream.url}/endless`, { maxBytes: 1 << 19 })).arrayBuffer(),
      tooLarge,
    );
  });

  it("undoes a coding and the headers that go with it", async () => {
    const codings = { gzip: gzipSync("coded"), br: brotliCompressSync("coded") };
    for (const [coding, body] of Object.entries(codings)) {
      upstream.answer = (_, response) =>
        response.writeHead(200, { "content-encoding": coding, "content-length": body.length }).end(body);
      const response = await bench.fetch(upstream.url);
      assert.deepEqual(
        [response.headers.get("content-encoding"), response.headers.get("content-length")],
        [null, null],
      );
      assert.equal(await response.text(), "coded");
    }
    assert.equal(upstream.requests.at(-1)?.headers["accept-encoding"], "gzip, br");
  });

  it("says that a coded body is damaged, and refuses one that is a bomb", async () => {
    const bomb = gzipSync(new Uint8Array(40 << 20), { level: 9 });
    upstream.answer = (_, response) =>
      response.writeHead(200, { "content-encoding": "gzip", "content-length": bomb.length }).end(bomb);
    await assert.rejects(async () => (await bench.fetch(upstream.url)).arrayBuffer(), { code: "fetch.ratio" });
    const damaged = gzipSync("x".repeat(100_000)).subarray(0, 60);
    upstream.answer = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(damaged);
    await assert.rejects(async () => (await bench.fetch(upstream.url)).arrayBuffer(), {
      code: "fetch.encoding",
      message: /its Content-Encoding cannot be decoded/,
    });
  });

  it("says in plain words, without the runtime's, why there is no answer", async () => {
    const closed = await startUpstream();
    await closed.close();
    const sockets = new Set<Socket>();
    const babble = createServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      socket.end("220 ftp ready\r\n\r\n");
    });
    await new Promise<void>((resolve) => babble.listen(0, "127.0.0.1", resolve));
    const address = babble.address();
    const port = typeof address === "object" ? address?.port : 0;
    const tls = await startTlsUpstream();
    const cases = {
      [`${closed.url.replace("//", "//ana:pw@")}/x`]:
        /^http:\/\/[^@]*: the connection was refused; nothing listens there$|^http:\/\/\*\*\*@.*: the connection was refused; nothing listens there$/,
      "http://nothing.invalid/list.m3u": /: the host name is not known$/,
      [`http://127.0.0.1:${port}/`]: /: (?:the answer is not HTTP|the connection was closed before an answer came)$/,
      [`${upstream.url.replace("http:", "https:")}/`]:
        /: no TLS is spoken there, or none that fits; is it http:\/\/\?$/,
      [`${tls.url}/`]: /: its TLS certificate is not signed by an authority that this system trusts$/,
    };
    try {
      for (const [url, message] of Object.entries(cases))
        await assert.rejects(bench.fetch(url), { code: "fetch.refused", message });
      assert.equal(tls.requests.length, 0);
    } finally {
      for (const socket of sockets) socket.destroy();
      babble.close();
      await tls.close();
    }
  });
});
