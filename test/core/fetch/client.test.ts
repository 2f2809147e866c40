// fetch(): redirects, cookies and who gets a password, against real servers.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Bench, createBench, startUpstream, type Upstream } from "./upstream.ts";

let bench: Bench;
let upstream: Upstream;
let other: Upstream;
before(async () => {
  upstream = await startUpstream();
  other = await startUpstream();
});
beforeEach(async () => {
  await bench?.close();
  bench = await createBench();
  for (const server of [upstream, other]) {
    (server.requests as IncomingMessage[]).length = 0;
    server.answer = (_, response) => response.end("ok");
  }
});
after(() => Promise.all([bench.close(), upstream.close(), other.close()]));

const redirect = (
  server: Upstream,
  status: number,
  location: string,
  headers: Record<string, string | string[]> = {},
) => {
  server.answer = (request, response) => {
    if (request.url === "/end") return response.end("end");
    response.writeHead(status, { location, ...headers }).end("moved");
  };
};
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

/** How often a signal is listened to now. */
function countListeners(signal: AbortSignal): () => number {
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  const listeners = new Set<unknown>();
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    if (!listeners.has(given[1])) count++;
    listeners.add(given[1]);
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    if (listeners.delete(given[1])) count--;
    removeEventListener.apply(signal, given);
  };
  return () => count;
}

describe("fetch()", () => {
  it("leaves nothing on a signal that lives longer, and listens to it as long as the body lasts", async () => {
    const controller = new AbortController();
    const listening = countListeners(controller.signal);
    const { signal } = controller;
    redirect(upstream, 302, "/end");
    for (let time = 0; time < 3; time++) await (await bench.fetch(upstream.url, { signal })).text();
    await (await bench.fetch(upstream.url, { signal })).body?.cancel();
    await assert.rejects(bench.fetch("http://127.0.0.1:1/", { signal }));
    assert.equal(listening(), 0);
    upstream.answer = (_, response) => void response.write("the beginning");
    const response = await bench.fetch(upstream.url, { signal });
    assert.ok(listening() > 0);
    const reading = response.text();
    controller.abort(new Error("enough"));
    await assert.rejects(reading, /enough/);
  });

  it("returns an answer of any status, with its address and headers", async () => {
    upstream.answer = (_, response) => response.writeHead(404, { "x-why": "gone" }).end("not here");
    const response = await bench.fetch(`${upstream.url}/x`);
    assert.equal(response.status, 404);
    assert.equal(response.headers.get("x-why"), "gone");
    assert.equal(response.url, `${upstream.url}/x`);
    assert.equal(await response.text(), "not here");
    assert.equal(upstream.requests[0]?.headers["user-agent"], "Headend/test");
  });

  it("sends method, body and headers; what is given wins over what is usual", async () => {
    let received = "";
    upstream.answer = async (request, response) => {
      for await (const chunk of request) received += chunk;
      response.end();
    };
    const headers = { "user-agent": "VLC/3.0", "X-Own": "1" };
    const response = await bench.fetch(upstream.url, { method: "post", body: "a=b", headers });
    assert.equal(await response.text(), "");
    assert.equal(received, "a=b");
    assert.equal(upstream.requests[0]?.method, "POST");
    assert.equal(upstream.requests[0]?.headers["user-agent"], "VLC/3.0");
    assert.equal(upstream.requests[0]?.headers["x-own"], "1");
  });

  it("answers HEAD and 304 and 204 with no body and no wait", async () => {
    upstream.answer = (request, response) => {
      response.writeHead(request.url === "/304" ? 304 : request.url === "/204" ? 204 : 200, { etag: '"1"' }).end();
    };
    for (const [path, status] of [
      ["/", 200],
      ["/204", 204],
      ["/304", 304],
    ] as const) {
      for (const method of ["HEAD", "GET"]) {
        const response = await bench.fetch(upstream.url + path, { method });
        assert.equal(response.status, status);
        assert.equal(response.headers.get("etag"), '"1"');
        assert.equal(await response.text(), "");
      }
    }
  });

  it("carries a cookie that a redirect sets to where it leads, and to later requests", async () => {
    redirect(upstream, 302, "/end", { "set-cookie": ["session=1; Path=/; HttpOnly", "other=2; Path=/elsewhere"] });
    assert.equal(await (await bench.fetch(`${upstream.url}/start`)).text(), "end");
    assert.equal(upstream.requests[1]?.headers.cookie, "session=1");
    await (await bench.fetch(`${upstream.url}/end`, { headers: { cookie: "mine=3" } })).text();
    assert.equal(upstream.requests[2]?.headers.cookie, "mine=3; session=1");
  });

  it("shares no cookie with another instance", async () => {
    upstream.answer = (_, response) => response.writeHead(200, { "set-cookie": "a=1" }).end();
    await (await bench.fetch(upstream.url)).text();
    await (await bench.again()(upstream.url)).text();
    assert.equal(upstream.requests[1]?.headers.cookie, undefined);
  });

  it("makes the userinfo of an address a header and shows it to its own origin only", async () => {
    const address = upstream.url.replace("//", "//ana:p%40ss@");
    redirect(upstream, 302, "/end");
    const response = await bench.fetch(address);
    await response.text();
    assert.equal(response.url, `${upstream.url}/end`);
    assert.equal(upstream.requests[0]?.headers.authorization, basic("ana:p@ss"));
    assert.equal(upstream.requests[1]?.headers.authorization, basic("ana:p@ss"));

    redirect(upstream, 307, `${other.url}/end`);
    await (await bench.fetch(address, { headers: { cookie: "secret=1", "proxy-authorization": "x" } })).text();
    const { authorization, cookie, "proxy-authorization": proxy } = other.requests[0]?.headers ?? { cookie: "absent" };
    assert.deepEqual([authorization, cookie, proxy], [undefined, undefined, undefined]);

    redirect(upstream, 302, `${other.url.replace("//", "//new:pw@")}/end`);
    await (await bench.fetch(address)).text();
    assert.equal(other.requests[1]?.headers.authorization, basic("new:pw"));
  });

  it("turns a POST into a GET where HTTP says so, and only there", async () => {
    for (const [status, method] of [
      [301, "GET"],
      [302, "GET"],
      [303, "GET"],
      [307, "POST"],
      [308, "POST"],
    ] as const) {
      redirect(upstream, status, "/end");
      await (
        await bench.fetch(`${upstream.url}/x`, {
          method: "POST",
          body: "data",
          headers: { "content-type": "text/plain" },
        })
      ).text();
      assert.equal(upstream.requests.at(-1)?.method, method, String(status));
      assert.equal(upstream.requests.at(-1)?.headers["content-type"], method === "GET" ? undefined : "text/plain");
    }
  });

  it("gives up on a redirect loop", async () => {
    redirect(upstream, 302, "/again?token=hidden");
    await assert.rejects(bench.fetch(`${upstream.url}/x?token=hidden`), {
      code: "fetch.redirects",
      message: `${upstream.url}/x?token=***: more than 10 redirects`,
    });
    assert.equal(upstream.requests.length, 11);
  });

  it("goes nowhere but to http and https, by address or by redirect", async () => {
    for (const address of ["ftp://host/x", "file:///etc/passwd", "data:text/plain,x", "javascript:1"]) {
      await assert.rejects(bench.fetch(address), { code: "fetch.scheme" });
      redirect(upstream, 302, address);
      await assert.rejects(bench.fetch(`${upstream.url}/x`), { code: "fetch.scheme" });
    }
    redirect(upstream, 302, "http://[");
    await assert.rejects(bench.fetch(`${upstream.url}/x`), {
      code: "fetch.refused",
      message: /redirects there, but it is not an address/,
    });
    await assert.rejects(bench.fetch("list.m3u"), {
      code: "fetch.refused",
      message: "list.m3u: this is not an address",
    });
  });

  it("returns a redirect that leads nowhere as it is", async () => {
    upstream.answer = (_, response) => response.writeHead(302).end("nowhere");
    assert.equal(await (await bench.fetch(upstream.url)).text(), "nowhere");
  });

  it("does not quote a header that cannot be sent", async () => {
    await assert.rejects(bench.fetch(upstream.url, { headers: { authorization: "sec\nret" } }), (error: Error) => {
      assert.match(error.message, /a name or a value that HTTP does not allow/);
      assert.ok(!`${error.stack} ${error.cause}`.includes("ret\n"));
      return true;
    });
  });

  it("lets an instance that stopped neither begin nor end a request", async () => {
    const life = new AbortController();
    const fetch = bench.again({ signal: life.signal });
    let asked = () => {};
    const arrival = new Promise<void>((resolve) => {
      asked = resolve;
    });
    upstream.answer = () => asked();
    const pending = fetch(upstream.url);
    await arrival;
    life.abort();
    await assert.rejects(pending, { code: "instance.stopped", message: "italia has stopped" });
    await assert.rejects(fetch(upstream.url), { code: "instance.stopped" });
    await assert.rejects(fetch.document(upstream.url), { code: "instance.stopped" });
    assert.equal(upstream.requests.length, 1);
  });
});
