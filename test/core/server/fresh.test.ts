// "Is it still this?" answered without asking the app: only while the app would say the same.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { artefactOf } from "../../../core/cache.ts";
import type { Server } from "../../../core/server/index.ts";
import { replyFile } from "../../../core/server/reply.ts";
import type { Artefact } from "../../../core/types.ts";
import { openServer, type TestServer } from "./support.ts";

describe("a repeated conditional request", () => {
  let folder: string;
  let artefact: Artefact;
  let asked = 0;
  let version = 0;

  async function put(text: string): Promise<void> {
    // Gzip for those that say so; to the others it is any bytes.
    await writeFile(join(folder, "list"), gzipSync(text));
    artefact = (await artefactOf(join(folder, "list"))) as Artefact;
    version++;
  }

  function mount({ router }: Server): void {
    const app = router.createApp("/");
    const reply = (request: Request, encoding?: "gzip") => {
      asked++;
      const seen = version;
      return replyFile(request, artefact, {
        type: "text/plain",
        holds: () => seen === version,
        ...(encoding && { encoding }),
      });
    };
    app.get("/list", ({ request }) => reply(request));
    // A handler that may look at everything gets its answer made anew by Elysia.
    app.get("/guide", (context) => reply(((given: typeof context) => given.request)(context), "gzip"));
    app.get("/plain", ({ request }) => {
      asked++;
      return replyFile(request, artefact, { type: "text/plain" });
    });
    router.mount("files", "/", app);
  }

  let server: TestServer;
  const get = async (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) => {
    const before = asked;
    const response = await fetch(server.url + path, { ...init, headers: { "accept-encoding": "gzip", ...headers } });
    await response.arrayBuffer().catch(() => {});
    return { response, status: response.status, asked: asked - before, etag: response.headers.get("etag") ?? "" };
  };
  /** Asks until it is known. */
  const known = async (path: string, headers: Record<string, string> = {}) => {
    const { etag } = await get(path, headers);
    const first = await get(path, { ...headers, "if-none-match": etag });
    assert.deepEqual([first.status, first.asked], [304, 1]);
    return { "if-none-match": etag, ...headers };
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-fresh-"));
    await put("one");
    server = await openServer({}, mount);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => put(`version ${version}`));

  test("is answered at once, with the same headers", async () => {
    for (const path of ["/list", "/guide"]) {
      const headers = await known(path);
      const first = await get(path, { ...headers, "cache-control": "no-store" });
      for (let time = 0; time < 2; time++) {
        const again = await get(path, headers);
        assert.deepEqual([again.status, again.asked, again.etag], [304, 0, headers["if-none-match"]]);
        assert.equal(again.response.headers.get("vary"), first.response.headers.get("vary"));
        assert.equal(again.response.headers.get("cache-control"), "no-cache");
      }
    }
  });

  test("reaches the app when it is another question", async () => {
    const headers = await known("/list");
    for (const [path, other, init] of [
      ["/list", { "if-none-match": '"another"' }],
      ["/list", {}],
      ["/list?x=1", headers],
      ["/list", headers, { method: "HEAD" }],
    ] as [string, Record<string, string>, RequestInit?][]) {
      assert.equal((await get(path, other, init)).asked, 1, JSON.stringify([path, other, init]));
    }
    assert.equal((await get("/list", headers)).asked, 0);
    const guide = await known("/guide");
    assert.deepEqual([(await get("/guide", { ...guide, "accept-encoding": "identity" })).asked], [1]);
  });

  test("reaches the app as soon as it would say something else", async () => {
    const headers = await known("/list");
    await put("something new");
    const { status, asked } = await get("/list", headers);
    assert.deepEqual([status, asked], [200, 1]);
  });

  test("reaches the app where it has not said how long its answer holds", async () => {
    const headers = await known("/plain");
    assert.equal((await get("/plain", headers)).asked, 1);
  });

  test("reaches whoever answers now", async () => {
    const headers = await known("/list");
    server.router.unmount("files");
    assert.equal((await get("/list", headers)).status, 404);
    mount(server);
    assert.equal((await get("/list", headers)).asked, 1);
  });

  test("is let in like any other", async () => {
    const headers = await known("/list");
    const proxies = { trustedProxies: [] };
    server.configure({ access: { users: { ana: { password: "secret" } }, tokens: {} }, ...proxies });
    try {
      assert.equal((await get("/list", headers)).status, 401);
      const allowed = { ...headers, authorization: `Basic ${btoa("ana:secret")}` };
      assert.deepEqual([(await get("/list", allowed)).asked, (await get("/list", allowed)).asked], [1, 0]);
      assert.equal((await get("/list", headers)).status, 401);
    } finally {
      server.configure({ access: { users: {}, tokens: {} }, ...proxies });
    }
  });
});
