// The web page from a clone, on each runtime and from the executable: whole, of the right types, and there again after a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchUntil, serving, withFolder } from "./process.ts";

const types: Readonly<Record<string, RegExp>> = {
  "": /^text\/html/,
  "scripts/main.js": /^text\/javascript/,
  "scripts/hls.js": /^text\/javascript/,
  "styles/page.css": /^text\/css/,
  "images/icon.svg": /^image\/svg\+xml/,
};

test("the page is served with its scripts, which are JavaScript, and a browser is led to it", async () => {
  await withFolder(async (folder) => {
    for (const start of ["first", "second"])
      await serving(folder, async ({ base, end, output }) => {
        for (const [path, type] of Object.entries(types)) {
          const response = await fetchUntil(200, `${base}/dashboard/${path}`);
          assert.match(response.headers.get("content-type") ?? "", type, `${start}: ${path}`);
          assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/, path);
          const text = await response.text();
          assert.ok(text.length > 100, path);
          if (path === "scripts/main.js") assert.doesNotMatch(text, /\.ts"|: string\b/);
        }
        const led = await fetch(`${base}/`, { headers: { accept: "text/html" }, redirect: "manual" });
        assert.deepEqual([led.status, led.headers.get("location")], [302, `${base}/dashboard/`]);
        assert.equal((await end("SIGTERM")).code, 0);
        assert.doesNotMatch(output(), /"level":"(?:warn|error)"/);
      });
  });
});
