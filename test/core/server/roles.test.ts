// Who may change things: by role, by where a request comes from, and by which route it is for.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { createServer, type Server, type ServerOptions } from "../../../core/server/index.ts";
import { hashPassword } from "../../../core/server/passwords.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestHeadend, createTestLog, noStreams } from "./support.ts";

function create(options: Partial<ServerOptions> = {}): Server {
  const server = createServer({
    headend: createTestHeadend(),
    streams: noStreams,
    access: { users: {}, tokens: {} },
    trustedProxies: [],
    log: createTestLog(),
    clock: createTestClock(),
    ...options,
  });
  const app = server.router.createApp("/");
  const who = ({ request }: { request: Request }) => Response.json(server.viewer(request));
  app.get("/who", who).post("/change", who).all("/all", who);
  app.post("/watch/:what", who, { detail: { security: [{ viewer: [] }] } });
  server.router.mount("test", "/", app);
  return server;
}

const send = async (server: Server, url: string, address: string, init: RequestInit = {}) =>
  server.fetch(new Request(url, init), { address });

const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });

describe("where everybody may come in", () => {
  const isAdmin = async (server: Server, url: string, address: string, headers: Record<string, string> = {}) => {
    const { admin } = (await (await send(server, `${url}/who`, address, { headers })).json()) as { admin: boolean };
    const { status } = await send(server, `${url}/change`, address, { headers, method: "POST" });
    assert.equal(status, admin ? 200 : 403, `${url} from ${address}`);
    return admin;
  };

  test("an admin is who asks from this network, by a name that only this network has", async () => {
    const server = create();
    for (const address of ["127.0.0.1", "::1", "192.168.1.9", "::ffff:10.0.0.2", "fe80::1%eth0", "fd00::2"])
      for (const host of [
        "127.0.0.1:8888",
        "192.168.1.5",
        "[::1]:8888",
        "localhost:8888",
        "tv",
        "nas.local",
        "tv.lan:1",
        "tv.home.arpa.",
      ])
        assert.ok(await isAdmin(server, `http://${host}`, address), `${host} from ${address}`);
    for (const address of ["203.0.113.9", "2001:db8::1", "100.64.0.1", ""])
      assert.ok(!(await isAdmin(server, "http://192.168.1.5:8888", address)), address);
    // A page of another site can have its name lead here.
    for (const host of [
      "evil.example",
      "evil.example:8888",
      "localhost.evil.example",
      "local",
      "127.0.0.1.evil.example",
      "203.0.113.5",
      "[2001:db8::1]:8888",
    ])
      assert.equal(await isAdmin(server, `http://${host}`, "192.168.1.9"), host === "local", host);
  });

  test("a proxy is no neighbour for those who come by it, unless it is believed and says that they are", async () => {
    const strange = create({ publicUrl: "https://tv.example" });
    assert.ok(await isAdmin(strange, "http://tv.example", "192.168.1.9"));
    for (const header of ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
      assert.ok(!(await isAdmin(strange, "http://tv.example", "192.168.1.9", { [header]: "10.0.0.1" })), header);

    const believed = create({ publicUrl: "https://tv.example", trustedProxies: ["192.168.1.9", "10.9.0.0/16"] });
    const by = (chain: string) => isAdmin(believed, "http://tv.example", "192.168.1.9", { "x-forwarded-for": chain });
    assert.ok(await by("192.168.1.77"));
    assert.ok(await by("[fd00::9]:4711"));
    assert.ok(await by("203.0.113.9, 192.168.1.77:80"));
    assert.ok(await by("192.168.1.77, 10.9.3.4"));
    for (const chain of [
      "203.0.113.9",
      "192.168.1.77, 203.0.113.9",
      "unknown",
      "",
      "10.9.0.1",
      "192.168.1.77, nonsense",
    ])
      assert.ok(!(await by(chain)), chain);
    assert.ok(!(await isAdmin(believed, "http://tv.example", "192.168.1.9")));
  });
});

test("where everybody may come in, nobody need log in", async () => {
  const answer = await send(create(), "http://tv/login?next=%2Fwho", "192.168.1.9");
  assert.deepEqual([answer.status, answer.headers.get("location")], [303, "./who"]);
});

test("a person is sent to the form, everything else is asked for a password", async () => {
  const server = create({ access: { users: { ana: { password: "a" } }, tokens: {} } });
  const ask = async (headers: Record<string, string>, method = "GET") => {
    const answer = await send(server, "http://tv/who/is/this?a=b", "127.0.0.1", { method, headers });
    return answer.headers.get("location") ?? answer.headers.get("www-authenticate")?.slice(0, 5) ?? answer.status;
  };
  const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
  const form = "../../login?next=%2Fwho%2Fis%2Fthis%3Fa%3Db";
  assert.equal(await ask(browser), form);
  assert.equal(await ask({ ...browser, "sec-fetch-mode": "navigate" }), form);
  assert.equal(await ask({ ...browser, ...basic("ana:b") }), "Basic");
  assert.equal(await ask(browser, "POST"), "Basic");
  assert.equal(await ask({}), "Basic");
  assert.equal(await ask({ accept: "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" }), "Basic");
  // A page of ours sees to it itself: the browser's own question would come in between.
  assert.equal(await ask({ accept: "*/*", "sec-fetch-mode": "cors" }), 401);
  assert.equal(await ask({ accept: "*/*", cookie: "headend=old" }), 401);
});

test("viewers may send what is meant for them, and nothing else that changes", async () => {
  const server = create({
    access: {
      users: { ana: { password: "a", role: "admin" }, bob: { password: "b" }, eve: { password: "e", role: "viewer" } },
      tokens: { tv: "0123456789" },
    },
  });
  const status = async (path: string, method: string, headers: Record<string, string> = {}) =>
    (await send(server, `http://tv${path}`, "127.0.0.1", { method, headers })).status;
  for (const pair of ["bob:b", "eve:e"]) {
    assert.equal(await status("/watch/this", "POST", basic(pair)), 200);
    for (const [path, method] of [
      ["/change", "POST"],
      ["/all", "PUT"],
      ["/all", "DELETE"],
      ["/api/instances/italia/refresh", "POST"],
      ["/api/streams/1", "DELETE"],
      ["/nothing", "POST"],
      ["/watch/this/too", "POST"],
    ] as const)
      assert.equal(await status(path, method, basic(pair)), 403, `${method} ${path}`);
    for (const path of ["/who", "/all", "/api/status", "/metrics"])
      assert.equal(await status(path, "GET", basic(pair)), 200, path);
  }
  assert.equal(await status("/watch/this", "POST", { ...basic("eve:e"), origin: "http://evil.example" }), 403);
  assert.equal(await status("/t/0123456789/watch/this", "POST"), 200);
  assert.equal(await status("/t/0123456789/change", "POST"), 403);
  assert.equal(await status("/change", "POST", basic("ana:a")), 200);
  assert.equal(await status("/api/instances/italia/refresh", "POST", basic("ana:a")), 202);
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "http://evil.example" },
    { origin: "null" },
  ])
    assert.equal(await status("/change", "POST", { ...basic("ana:a"), ...headers }), 403, JSON.stringify(headers));
  const known = (await (
    await send(server, "http://tv/who", "127.0.0.1", { headers: basic("bob:b") })
  ).json()) as object;
  assert.deepEqual(known, { name: "127.0.0.1", address: "127.0.0.1", admin: false, user: "bob" });
});

test("a session's answers are its own, and it is renewed when half gone", async () => {
  const clock = createTestClock();
  const server = create({ clock, access: { users: { ana: { password: "a" } }, tokens: {} } });
  const app = server.router.createApp("/more");
  app
    .get("/list", () => new Response("x", { headers: { "cache-control": "max-age=60" } }))
    .get("/elsewhere", () => Response.redirect("http://tv/who", 302));
  server.router.mount("more", "/more", app);
  const body = new URLSearchParams({ user: "ana", password: "a" });
  const login = await send(server, "http://tv/login", "127.0.0.1", { method: "POST", body });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  const ask = async (path: string) => {
    const { status, headers } = await send(server, `http://tv${path}`, "127.0.0.1", { headers: { cookie } });
    return [status, headers.get("cache-control"), headers.get("set-cookie")?.replace(/=v1[^;]*/, "")];
  };
  assert.deepEqual(await ask("/more/list"), [200, "private, max-age=60", undefined]);
  assert.deepEqual(await ask("/api/status"), [200, "no-store", undefined]);
  assert.deepEqual(await ask("/more/elsewhere"), [302, "private, no-cache", undefined]);
  await clock.advance(16 * 86_400_000);
  const renewed = "headend; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax";
  assert.deepEqual(await ask("/more/list"), [200, "private, max-age=60", renewed]);
  assert.deepEqual(await ask("/more/elsewhere"), [302, "private, no-cache", renewed]);
  await clock.advance(16 * 86_400_000);
  assert.deepEqual((await ask("/more/list"))[0], 401);
});

describe("passwords that are hashes", () => {
  test("are checked once for who comes again, in either encoding, and never held against those of others", async () => {
    const server = create({
      access: { users: { ana: { password: await hashPassword("p\u00e4ss:w") }, bob: { password: "b" } }, tokens: {} },
    });
    const ask = async (pair: string, encoding: "utf8" | "latin1" = "utf8", address = "10.0.0.1") => {
      const authorization = `Basic ${Buffer.from(pair, encoding).toString("base64")}`;
      return (await send(server, "http://tv/who", address, { headers: { authorization } })).status;
    };
    assert.deepEqual(
      await Promise.all([ask("ana:p\u00e4ss:w"), ask("ana:p\u00e4ss:w", "latin1"), ask("bob:b")]),
      [200, 200, 200],
    );
    // Players ask for a list, its guide and its logos at once, before any of it is answered.
    const many = await Promise.all(Array.from({ length: 20 }, () => ask("ana:p\u00e4ss:w", "utf8", "10.0.0.2")));
    assert.ok(
      many.every((status) => status === 200),
      String(many),
    );
    const wrong = ["ana:p\u00e4ss", "ana:", "ana", "bob:p\u00e4ss:w", "eve:p\u00e4ss:w", `ana:${"x".repeat(5000)}`];
    for (const [index, pair] of wrong.entries()) assert.equal(await ask(pair, "utf8", `10.0.1.${index}`), 401, pair);
  });

  test("go on being right for others while somebody guesses", async () => {
    const server = create({ access: { users: { ana: { password: await hashPassword("right") } }, tokens: {} } });
    const ask = async (password: string, address: string) =>
      (await send(server, "http://tv/who", address, { headers: basic(`ana:${password}`) })).status;
    assert.equal(await ask("right", "10.0.0.1"), 200);
    const guesses = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(`guess ${i}`, "10.0.0.66")));
    assert.ok(guesses.every((status) => status === 401 || status === 429));
    // What is dear is done for four of one client's requests at a time.
    assert.equal(guesses.filter((status) => status === 401).length, 4);
    while ((await ask(`guess ${Math.random()}`, "10.0.0.66")) !== 429);
    assert.deepEqual([await ask("right", "10.0.0.1"), await ask("right", "10.0.0.2")], [200, 200]);
    while ((await ask(`guess ${Math.random()}`, "10.0.0.1")) !== 429);
    assert.deepEqual([await ask("right", "10.0.0.1"), await ask("right", "10.0.0.66")], [200, 429]);
  });
});

test("a token's path is judged as the route is found: after `..` and backslashes are gone", async () => {
  const server = create({ access: { users: {}, tokens: { tv: "0123456789" } } });
  const app = server.router.createApp("/deep");
  app.post("/*", () => "for viewers", { detail: { security: [{ viewer: [] }] } }).post("/admin", () => "for admins");
  server.router.mount("deep", "/deep", app);
  for (const path of ["/deep/x/../admin", "/deep/x/%2e%2e/admin", "/deep/x\\..\\admin", "/../deep/admin"]) {
    const request = new Request("http://tv/", { method: "POST" });
    // Deno gives the address as it was sent; what makes requests here would mend it.
    Object.defineProperty(request, "url", { value: `http://tv/t/0123456789${path}` });
    const answer = await server.fetch(request, { address: "127.0.0.1" });
    assert.equal(answer.status, 403, `${path}: ${await answer.text()}`);
  }
});
