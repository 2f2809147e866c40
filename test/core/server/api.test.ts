// The core's own routes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createServer, type Headend } from "../../../core/server/index.ts";
import { createTestClock } from "../../support/clock.ts";
import { createTestHeadend, createTestLog, noStreams } from "./support.ts";

function setUp(changes: Partial<Headend> = {}, channels = 3, tokens: Record<string, string> = {}) {
  const server = createServer({
    headend: createTestHeadend(changes, channels),
    streams: noStreams,
    access: { users: {}, tokens },
    trustedProxies: [],
    log: createTestLog(),
    clock: createTestClock(),
  });
  const ask = async (path: string, init: RequestInit = {}) =>
    server.fetch(new Request(`http://tv${path}`, init), { address: "::1" });
  return { server, ask, json: async (path: string) => (await ask(path)).json() };
}

describe("createApi()", () => {
  test("says in /healthz what is too old", async () => {
    const well = await setUp().ask("/healthz");
    assert.deepEqual([well.status, await well.json()], [200, { ok: true, problems: [] }]);
    const ill = await setUp({ health: () => ({ ok: false, problems: ["guide.xml is 3 days old"] }) }).ask("/healthz");
    assert.deepEqual([ill.status, ill.headers.get("retry-after")], [503, "30"]);
    assert.deepEqual(await ill.json(), { ok: false, problems: ["guide.xml is 3 days old"] });
  });

  test("tells strangers in /healthz no more than whether all is well", async () => {
    const problems = ["/home/ana/list.m3u cannot be read"];
    const { json } = setUp({ health: () => ({ ok: false, problems }) }, 3, { tv: "s3cret-token" });
    assert.deepEqual(await json("/healthz"), { ok: false });
    assert.deepEqual(await json("/t/s3cret-token/healthz"), { ok: false, problems });
  });

  test("says in /readyz whether the first round is over", async () => {
    assert.equal((await setUp().ask("/readyz")).status, 200);
    assert.equal((await setUp({ ready: () => false }).ask("/readyz")).status, 503);
  });

  test("writes the status anew only when it has changed", async () => {
    let report = createTestHeadend().status();
    let written = 0;
    const toJSON = () => {
      written++;
      return "text";
    };
    const counted = () => Object.assign(Object.create({ toJSON }), report);
    let current = counted();
    const { json } = setUp({ status: () => current });
    await json("/api/status");
    await json("/api/status");
    assert.equal(written, 1);
    report = { ...report, version: "2" };
    current = counted();
    await json("/api/status");
    assert.equal(written, 2);
  });

  test("lists by itself what only Kodi can play", async () => {
    const { lineup } = createTestHeadend();
    const [first, ...others] = lineup.channels();
    assert.ok(first);
    const channels = [{ ...first, url: "plugin://plugin.video.example/1" }, ...others];
    const { json } = setUp({ lineup: { ...lineup, channels: () => channels } });
    const { total, channels: listed } = await json("/api/lineup?only=kodi");
    assert.deepEqual([total, listed.map((each: { id: string }) => each.id)], [1, [first.id]]);
  });

  test("starts a refresh, clean or not, and does not wait for it", async () => {
    const started: [string, boolean][] = [];
    const { ask } = setUp({
      refresh: (instance, clean) => {
        started.push([instance, clean]);
        return new Promise(() => {});
      },
    });
    const response = await ask("/api/instances/italia/refresh", { method: "POST" });
    assert.deepEqual(
      [response.status, await response.json()],
      [202, { instance: "italia", status: "http://tv/api/status" }],
    );
    assert.equal((await ask("/api/instances/world/refresh?clean=1", { method: "POST" })).status, 202);
    assert.deepEqual(started, [
      ["italia", false],
      ["world", true],
    ]);
    assert.equal((await ask("/api/instances/nobody/refresh", { method: "POST" })).status, 404);
    assert.equal((await ask("/api/instances/italia/refresh?clean=yes", { method: "POST" })).status, 400);
    assert.equal((await ask("/api/instances/italia/refresh")).status, 405);
    assert.equal(started.length, 2);
  });

  test("refuses a refresh that a page of another site asks for", async () => {
    const { ask } = setUp({ refresh: () => assert.fail("it was started") });
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
      assert.equal((await ask("/api/instances/italia/refresh", { method: "POST", headers })).status, 403);
    }
  });

  test("pages the lineup, without what may hold credentials", async () => {
    const { json, ask } = setUp({}, 250);
    const first = await json("/api/lineup");
    assert.deepEqual([first.total, first.channels.length, first.channels[0].id], [250, 100, "italia:1"]);
    assert.ok(!JSON.stringify(first).includes("secret"));
    const last = await json("/api/lineup?offset=240&limit=100");
    assert.deepEqual([last.offset, last.channels.length], [240, 10]);
    assert.equal((await json("/api/lineup?instance=world")).total, 0);
    for (const query of ["limit=1001", "limit=0", "offset=-1", "offset=x", "limit=1.5"]) {
      const response = await ask(`/api/lineup?${query}`);
      const { error } = await response.json();
      assert.deepEqual([response.status, error.code], [400, "request.invalid"], query);
      assert.match(error.sentence, /^(limit|offset): /);
    }
  });

  test("gives a channel's now and next, or a span of at most seven days", async () => {
    const spans: unknown[] = [];
    const headend = createTestHeadend();
    const { json, ask } = setUp({
      guide: {
        ...headend.guide,
        programmes: async (_, span) => {
          spans.push(span);
          return Array.from({ length: 1500 }, (_, i) => ({ channel: "x", start: i, titles: [] }));
        },
      },
    });
    assert.equal((await json("/api/guide/italia%3A1")).now.titles[0].value, "News");
    const page = await json("/api/guide/italia:1?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z");
    assert.deepEqual([page.programmes.length, page.more], [1000, true]);
    await json("/api/guide/italia:1?from=1000");
    const start = Date.UTC(2026, 0, 1);
    assert.deepEqual(spans, [
      { from: start, to: start + 7 * 86_400_000 },
      { from: 1000, to: 1000 + 86_400_000 },
    ]);
    assert.equal((await ask("/api/guide/italia:99")).status, 404);
    assert.equal((await ask("/api/guide/italia:1?from=yesterday")).status, 400);
  });

  test("lists matches and what found none", async () => {
    const matches = await setUp().json("/api/guide/matches");
    assert.deepEqual([matches.total, matches.matches[0].step, matches.unmatched], [1, "normalised", { epg: ["Ch9"] }]);
  });

  test("describes its routes and those of every plugin", async () => {
    const { server, json } = setUp();
    server.router.mount(
      "x",
      "/x",
      server.router.createApp("/x").get("/list.m3u", () => "x", { detail: { summary: "A list" } }),
    );
    const document = await json("/openapi/json");
    assert.equal(document.openapi, "3.1.2");
    assert.equal(document.paths["/x/list.m3u"].get.summary, "A list");
    assert.ok(document.paths["/api/instances/{instance}/refresh"].post);
    assert.deepEqual(document.paths["/api/lineup"].get.parameters.map((each: { name: string }) => each.name).sort(), [
      "instance",
      "limit",
      "offset",
      "only",
    ]);
    assert.deepEqual(await json("/openapi"), document);
  });
});
