// The web page as it is served: whole, in scripts that browsers run, and with nothing from elsewhere.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { createRouter, type Router } from "../../../core/server/router.ts";
import dashboard from "../../../plugins/dashboard/index.ts";
import { createTestHost, type TestHost } from "../../support/host.ts";
import { testPlugin } from "../../support/plugin.ts";

testPlugin(dashboard, { config: {}, invalid: [{ theme: "dark" }] });

interface Stage {
  readonly host: TestHost;
  readonly router: Router;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

async function withPage(work: (stage: Stage) => Promise<void>, mount = "/dashboard"): Promise<void> {
  const host = await createTestHost("dashboard");
  const router = createRouter({ log: host.log, derive: (request, init) => new Request(request, init) });
  try {
    const given = await dashboard.setup(host, {});
    const app = router.createApp(mount);
    router.mount("dashboard", mount, given.routes?.(app) ?? app);
    const root = router.createApp("/");
    router.mount("dashboard root", "/", given.root?.(root) ?? root);
    await work({
      host,
      router,
      get: async (path, headers = {}) =>
        await router.handle(new Request(`http://tv.example${path}`, { headers }), path),
    });
  } finally {
    await host.close();
  }
}

test("the page names its files relative to itself, and forbids all others", async () => {
  await withPage(async ({ get }) => {
    const page = await get("/dashboard/");
    const text = await page.text();
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self';/);
    const named = [...text.matchAll(/(?:src|href)="([^"#]+)"/g)].map((match) => match[1] ?? "");
    assert.ok(named.length >= 3);
    for (const name of named) {
      assert.doesNotMatch(name, /^\/|:/);
      assert.equal((await get(`/dashboard/${name}`)).status, 200, name);
    }
    assert.doesNotMatch(text, /<script(?![^>]*src)|style=|onclick=/);
    const bare = await get("/dashboard");
    assert.deepEqual([bare.status, bare.headers.get("location")], [302, "dashboard/"]);
    const old = await get("/hls_gateway/admin/list/");
    assert.deepEqual([old.status, old.headers.get("location")], [302, "http://tv.example/dashboard/"]);
  });
});

const compilerOptions = { allowJs: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext };

test("every script is JavaScript of its own type, and finds what it imports", async () => {
  await withPage(async ({ get }) => {
    const seen = new Set<string>();
    const visit = async (name: string): Promise<void> => {
      if (seen.has(name)) return;
      seen.add(name);
      const response = await get(`/dashboard/scripts/${name}`);
      assert.equal(response.status, 200, name);
      assert.equal(response.headers.get("content-type"), "text/javascript; charset=utf-8", name);
      const text = await response.text();
      // What is left of types would not be understood.
      const { diagnostics } = ts.transpileModule(text, { fileName: name, reportDiagnostics: true, compilerOptions });
      assert.deepEqual(
        diagnostics?.map(({ messageText }) => messageText),
        [],
        name,
      );
      for (const { fileName: path } of ts.preProcessFile(text, true, true).importedFiles) {
        assert.match(path, /^\.\/[\w-]+\.js$/);
        await visit(path.slice(2));
      }
    };
    await visit("main.js");
    assert.ok(seen.size > 8);
    for (const name of ["hls.js", "hls.worker.js"]) {
      const response = await get(`/dashboard/scripts/${name}`);
      assert.equal(response.headers.get("content-type"), "text/javascript; charset=utf-8");
      assert.ok((await response.bytes()).length > 100_000, name);
    }
  });
});

test("files that a browser has are not sent again, and nothing else of the folder is served", async () => {
  await withPage(async ({ get }) => {
    const first = await get("/dashboard/styles/page.css");
    assert.equal(first.headers.get("content-type"), "text/css; charset=utf-8");
    assert.equal(first.headers.get("cache-control"), "no-cache");
    const again = await get("/dashboard/styles/page.css", { "if-none-match": first.headers.get("etag") ?? "" });
    assert.equal(again.status, 304);
    for (const path of ["/dashboard/version", "/dashboard/scripts/../version", "/dashboard/scripts/%2e%2e/version"])
      await assert.rejects(get(path), path);
  });
});

test("the page knows how far below the headend's own addresses it is", async () => {
  await withPage(async ({ get }) => {
    assert.match(await (await get("/for/people/")).text(), /data-root="..\/..\/"/);
  }, "/for/people");
});

test("it says who asks", async () => {
  await withPage(async ({ host, get }) => {
    host.viewer = () => ({ name: "x", address: "10.0.0.9", user: "bea", admin: false });
    assert.deepEqual(await (await get("/dashboard/me")).json(), { admin: false, user: "bea" });
  });
});

test("its files are made once, and made anew when they have changed", async () => {
  const host = await createTestHost("dashboard");
  try {
    await dashboard.setup(host, {});
    const script = host.cache.path("page/scripts/main.js");
    const before = await readFile(script, "utf8");
    await host.cache.write("page/scripts/main.js", "// kept");
    await dashboard.setup(host, {});
    assert.equal(await readFile(script, "utf8"), "// kept");
    await host.cache.write("page/version", "an older one");
    await host.cache.write("page/scripts/gone.js", "// of an older one");
    await dashboard.setup(host, {});
    assert.equal(await readFile(script, "utf8"), before);
    await assert.rejects(readFile(join(script, "../gone.js")));
  } finally {
    await host.close();
  }
});
