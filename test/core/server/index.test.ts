// createServer() on a socket: hostile requests, tokens, links behind proxies.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { after, before, describe, test } from "node:test";
import type { Server } from "../../../core/server/index.ts";
import { ask, exchange, openServer, readAnswer, type TestServer } from "./support.ts";

function mountEcho({ router, baseUrl }: Server): void {
  const app = router.createApp("/");
  app.get("/base", ({ request }) => baseUrl(request));
  app.all(
    "/echo/*",
    async ({ request }) =>
      Response.json({
        method: request.method,
        url: request.url,
        x: request.headers.get("x"),
        body: await request.text(),
      }),
    { detail: { security: [{ viewer: [] }] } },
  );
  router.mount("echo", "/", app);
}

describe("createServer()", () => {
  let server: TestServer;
  before(async () => {
    server = await openServer({}, mountEcho);
  });
  after(() => server.stop());

  test("makes links of the host that was asked", async () => {
    for (const host of ["tv", "nas:8888", "[::1]:8888", "my_box.lan"]) {
      const { status, body } = readAnswer(await ask(server.port, "GET /base", { Host: host }));
      assert.deepEqual([status, body], [200, `http://${host}`]);
    }
  });

  test("lets no hostile host into a document", async () => {
    for (const host of [
      "a b",
      'a"b',
      "<script>alert(1)</script>",
      "a\tb",
      "\u00e9",
      "a/b",
      "a?b",
      "a#b",
      "user@h",
      "a,b",
      "..",
      "h:99999",
      "h:x",
      "[::1",
      "a\\b",
      "a\0b",
    ]) {
      const raw = await ask(server.port, "GET /base", { Host: host });
      const { status, body } = readAnswer(raw);
      // Deno reads `a/b` as host a and path /b/base, and takes its own address for bytes that are no UTF-8.
      const ours = body === `http://localhost:${server.port}`;
      assert.ok(raw === "" || ours || (status >= 400 && status < 500), `${host}: ${raw}`);
      assert.ok(!body.includes(host), host);
    }
    const twice = readAnswer(
      await exchange(server.port, "GET /base HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"),
    );
    assert.ok(twice.status === 400 || twice.body === "http://a");
    for (const version of ["1.0", "1.1"]) {
      const none = readAnswer(await exchange(server.port, `GET /base HTTP/${version}\r\nConnection: close\r\n\r\n`));
      assert.ok(none.status === 400 || none.body.endsWith(`:${server.port}`), none.body);
    }
  });

  test("survives requests that are none", async () => {
    const requests = [
      "\0\x01\x02\r\n\r\n",
      "GET\r\n\r\n",
      "GET /x HTTP/9.9\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(300_000)}\r\n\r\n`,
      `GET /${"z".repeat(300_000)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      "POST /echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
      "POST /echo/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ];
    for (const text of requests) {
      const raw = await exchange(server.port, text);
      assert.ok(raw === "" || readAnswer(raw).status >= 400, `${text.slice(0, 40)}: ${raw.slice(0, 80)}`);
    }
    assert.equal(readAnswer(await ask(server.port, "GET /healthz")).status, 200);
  });

  test("takes absolute-form, dot segments and pipelining", async () => {
    assert.equal(readAnswer(await ask(server.port, "GET http://other.example/healthz")).status, 200);
    assert.equal(readAnswer(await ask(server.port, "GET /x/../%00/..%2f")).status, 404);
    const both = await exchange(
      server.port,
      "GET /base HTTP/1.1\r\nHost: one\r\n\r\nGET /base HTTP/1.1\r\nHost: two\r\nConnection: close\r\n\r\n",
    );
    assert.ok(both.indexOf("http://one") > 0 && both.indexOf("http://two") > both.indexOf("http://one"));
  });

  test("answers what nobody knows with 404, and wrong methods with 405", async () => {
    assert.equal(readAnswer(await ask(server.port, "GET /nothing")).status, 404);
    const { status, headers } = readAnswer(await ask(server.port, "PUT /base", { "Content-Length": "0" }));
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
  });

  test("believes no forwarded header of a stranger", async () => {
    const { body } = readAnswer(await ask(server.port, "GET /base", { "X-Forwarded-Host": "evil.example" }));
    assert.equal(body, "http://tv");
  });

  test("does not say in HEAD that a body of unknown length is empty", async () => {
    const { status, headers, body } = readAnswer(await ask(server.port, "HEAD /api/status"));
    assert.deepEqual([status, headers.get("content-type"), body], [200, "application/json", ""]);
    assert.notEqual(headers.get("content-length"), "0");
  });
});

describe("createServer() with access", () => {
  const access = { users: { ana: { password: "pw" } }, tokens: { tv: "s3cret-token" } };

  test("asks for a password, and says how", async () => {
    const server = await openServer({ access }, mountEcho);
    try {
      const { status, headers } = readAnswer(await ask(server.port, "GET /base"));
      assert.deepEqual([status, headers.get("www-authenticate")], [401, 'Basic realm="headend", charset="UTF-8"']);
      const authorization = `Basic ${Buffer.from("ana:pw").toString("base64")}`;
      assert.equal(readAnswer(await ask(server.port, "GET /base", { Authorization: authorization })).body, "http://tv");
      assert.equal(readAnswer(await ask(server.port, "GET /healthz")).status, 200);
      assert.equal(readAnswer(await ask(server.port, "GET /nothing")).status, 401);
    } finally {
      await server.stop();
    }
  });

  test("takes the token out of the path, keeps the rest of the request, and puts it into links", async () => {
    const server = await openServer({ access }, mountEcho);
    try {
      assert.equal(readAnswer(await ask(server.port, "GET /t/s3cret-token/base")).body, "http://tv/t/s3cret-token");
      assert.equal(readAnswer(await ask(server.port, "HEAD /t/s3cret-token/base")).status, 200);
      const raw = await exchange(
        server.port,
        "POST /t/s3cret-token/echo/t/s3cret-token/a?b=/t/s3cret-token HTTP/1.1\r\nHost: tv\r\nX: y\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
      );
      assert.deepEqual(JSON.parse(readAnswer(raw).body), {
        method: "POST",
        url: "http://tv/echo/t/s3cret-token/a?b=/t/s3cret-token",
        x: "y",
        body: "hello",
      });
      const wrong = readAnswer(await ask(server.port, "GET /t/guess-guess/base"));
      assert.equal(wrong.status, 403);
      assert.ok(!wrong.body.includes("guess") && !server.log.lines.join().includes("guess"));
      assert.match(server.log.lines.join(), /^127\.0\.0\.1 came with an unknown access token/);
    } finally {
      await server.stop();
    }
  });

  test("tells a vanished client to the rewritten request", async () => {
    let aborted = () => {};
    const gone = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const server = await openServer({ access }, ({ router }) => {
      const app = router.createApp("/").get("/slow", ({ request }) => {
        request.signal.addEventListener("abort", () => aborted());
        return new Promise<Response>(() => {});
      });
      router.mount("slow", "/", app);
    });
    try {
      const client = new AbortController();
      const answer = fetch(`${server.url}/t/s3cret-token/slow`, { signal: client.signal }).catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
      while ((await fetch(`${server.url}/healthz`)).status !== 200);
      client.abort();
      await answer;
      await gone;
    } finally {
      await server.stop();
    }
  });
});

describe("baseUrl()", () => {
  test("is what a believed proxy says", async () => {
    const server = await openServer({ trustedProxies: ["127.0.0.0/8"] }, mountEcho);
    try {
      const headers = { "X-Forwarded-Host": "tv.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/tv" };
      assert.equal(readAnswer(await ask(server.port, "GET /base", headers)).body, "https://tv.example/tv");
      assert.equal(
        readAnswer(await ask(server.port, "GET /base", { "X-Forwarded-Host": '"><script>' })).body,
        "http://tv",
      );
    } finally {
      await server.stop();
    }
  });

  test("is the configured address before all else", async () => {
    const server = await openServer({ publicUrl: "https://tv.example/x/", trustedProxies: ["127.0.0.1"] }, mountEcho);
    try {
      assert.equal(
        readAnswer(await ask(server.port, "GET /base", { "X-Forwarded-Host": "other" })).body,
        "https://tv.example/x",
      );
    } finally {
      await server.stop();
    }
  });
});
