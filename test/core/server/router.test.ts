// Which app answers, and what happens when none does.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeadendError } from "../../../core/errors.ts";
import { createRouter, type Router } from "../../../core/server/router.ts";
import { createTestLog } from "./support.ts";

function setUp() {
  const log = createTestLog();
  const router = createRouter({ log, derive: (request, init) => new Request(request, init) });
  const ask = async (path: string, method = "GET", headers: Record<string, string> = {}) =>
    router.handle(new Request(`http://tv${path}`, { method, headers }), path);
  return { log, router, ask, text: async (path: string) => (await ask(path)).text() };
}

function mountText(router: Router, name: string, prefix: string, ...paths: string[]): void {
  const app = router.createApp(prefix);
  for (const path of paths) app.get(path, () => `${name} ${path}`);
  router.mount(name, prefix, app);
}

const notFound = (error: unknown) => error instanceof HeadendError && error.code === "not.found";

describe("createRouter()", () => {
  test("asks the instance that the path begins with, then those at the root", async () => {
    const { router, text } = setUp();
    mountText(router, "files", "/", "/", "/playlist.m3u", "/:instance/playlist.m3u", "/:instance/guide.xml");
    mountText(router, "italia", "/italia", "/", "/guide.xml", "/live/:id", "/deep/*");
    assert.equal(await text("/"), "files /");
    assert.equal(await text("/italia"), "italia /");
    assert.equal(await text("/italia/"), "italia /");
    assert.equal(await text("/italia/guide.xml"), "italia /guide.xml");
    assert.equal(await text("/italia/playlist.m3u"), "files /:instance/playlist.m3u");
    assert.equal(await text("/world/guide.xml"), "files /:instance/guide.xml");
    assert.equal(await text("/italia/live/a%2Fb"), "italia /live/:id");
    assert.equal(await text("/italia/deep/a/b"), "italia /deep/*");
    for (const path of ["/nothing", "/italia/live", "/italia/live/a/b", "/italia/other", "/playlist.m3u/x", "/%"]) {
      await assert.rejects(text(path), notFound, path);
    }
  });

  test("asks at the root who says more of the path, whoever came first", async () => {
    const { router, text } = setUp();
    mountText(router, "channels", "/", "/:channel/:spec");
    mountText(router, "files", "/", "/:instance/playlist.m3u");
    assert.equal(await text("/italia/playlist.m3u"), "files /:instance/playlist.m3u");
    assert.equal(await text("/italia/live"), "channels /:channel/:spec");
  });

  test("answers 405 with what is allowed", async () => {
    const { router, ask } = setUp();
    const app = router.createApp("/");
    app
      .get("/a", () => "a")
      .post("/a", () => "posted")
      .post("/b/:id", () => "b");
    router.mount("x", "/", app);
    const refused = await ask("/a", "DELETE");
    assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD, POST"]);
    assert.equal((await ask("/b/1", "GET")).headers.get("allow"), "POST");
    assert.equal(await (await ask("/a", "POST")).text(), "posted");
  });

  test("asks another app when the first knows the path but not the method", async () => {
    const { router, ask } = setUp();
    router.mount(
      "a",
      "/",
      router.createApp("/").post("/:x/y", () => "post"),
    );
    router.mount(
      "b",
      "/",
      router.createApp("/").get("/x/:y", () => "get"),
    );
    assert.equal(await (await ask("/x/y", "GET")).text(), "get");
    assert.equal(await (await ask("/x/y", "POST")).text(), "post");
  });

  test("answers HEAD by the headers of GET, and ends an endless body at once", async () => {
    const { router, ask } = setUp();
    let cancelled = 0;
    const app = router.createApp("/").get("/live/:id", () => {
      const body = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1000)), cancel: () => void cancelled++ });
      return new Response(body, { headers: { "content-type": "video/mp2t" } });
    });
    router.mount("live", "/", app);
    const response = await ask("/live/1", "HEAD");
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, "video/mp2t"]);
    assert.equal(cancelled, 1);
  });

  test("runs a declared HEAD in place of GET, on paths with parameters too", async () => {
    const { router, ask } = setUp();
    const app = router.createApp("/");
    for (const path of ["/live/:id", "/live"]) {
      app
        .get(path, () => assert.fail("a tuner would start"))
        .head(path, () => new Response(null, { headers: { "x-head": "1" } }));
    }
    router.mount("live", "/", app);
    for (const path of ["/live/1", "/live"]) assert.equal((await ask(path, "HEAD")).headers.get("x-head"), "1", path);
  });

  test("refuses two that claim one path, naming both, and stays as it was", async () => {
    const { router, text } = setUp();
    mountText(router, "one", "/", "/a", "/:x/b");
    for (const path of ["/a", "/:other/b"]) {
      assert.throws(() => mountText(router, "two", "/", "/new", path), /two and one both claim/);
    }
    assert.equal(await text("/a"), "one /a");
    await assert.rejects(text("/new"), notFound);
    mountText(router, "one", "/", "/new");
    assert.equal(await text("/new"), "one /new");
    await assert.rejects(text("/a"), notFound);
    router.unmount("one");
    await assert.rejects(text("/new"), notFound);
  });

  test("answers for a refused instance with its error, and nothing else notices", async () => {
    const { router, text } = setUp();
    mountText(router, "files", "/", "/:instance/playlist.m3u");
    const error = new HeadendError("instance.setup", { reason: "no playlist is named" });
    router.refuse("italia", "/italia", error);
    await assert.rejects(text("/italia/live/1"), error);
    await assert.rejects(text("/italia"), error);
    assert.equal(await text("/italia/playlist.m3u"), "files /:instance/playlist.m3u");
    await assert.rejects(text("/world/live/1"), notFound);
    router.refuse("files", "/", error);
    await assert.rejects(text("/world/playlist.m3u"), error);
    await assert.rejects(text("/world/other"), notFound);
    router.refuse("page", "/", error);
    await assert.rejects(text("/anything"), error);
    mountText(router, "italia", "/italia", "/live/:id");
    assert.equal(await text("/italia/live/1"), "italia /live/:id");
  });

  test("keeps hooks and errors of one app from the others", async () => {
    const { router, ask, log } = setUp();
    const bad = router.createApp("/bad");
    bad.onRequest(() => {
      throw new Error("password=secret");
    });
    bad.get("/x", () => "x");
    router.mount("bad", "/bad", bad);
    mountText(router, "good", "/good", "/x");
    const failed = await ask("/bad/x");
    assert.equal(failed.status, 500);
    assert.deepEqual(await failed.json(), {
      error: { code: "internal", sentence: "something went wrong here; the log says what" },
    });
    assert.match(log.lines.join("\n"), /GET \/bad\/x failed/);
    assert.equal(await (await ask("/good/x")).text(), "good /x");
  });

  test("gives every error one form, as text for people", async () => {
    const { router, ask } = setUp();
    const app = router.createApp("/").get("/x", () => {
      throw new HeadendError("not.ready");
    });
    router.mount("x", "/", app);
    const json = await ask("/x");
    assert.deepEqual(
      [json.status, json.headers.get("retry-after"), json.headers.get("cache-control")],
      [503, "30", "no-store"],
    );
    assert.equal((await json.json()).error.code, "not.ready");
    const text = await ask("/x", "GET", { accept: "text/html, */*" });
    assert.equal(
      await text.text(),
      "not there yet: no refresh has succeeded so far; /api/status says how each instance is\n",
    );
  });

  test("finds paths that are not ASCII", async () => {
    const { router, text } = setUp();
    mountText(router, "x", "/", "/m\u00e1s", "/m\u00e1s/:id");
    assert.equal(await text("/m%C3%A1s"), "x /m\u00e1s");
    assert.equal(await text("/m%C3%A1s/1"), "x /m\u00e1s/:id");
  });
});
