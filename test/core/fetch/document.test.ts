// fetch.document(): one 304 when nothing changed, the last good copy for ever, files only where the config says so.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { artefactOf } from "../../../core/cache.ts";
import { type Bench, createBench, startUpstream, textOf, type Upstream } from "./upstream.ts";

let bench: Bench;
let upstream: Upstream;
/** What the upstream holds, in the ordinary way; undefined: no tags, no conditions. */
let content = "";
let etag: string | undefined;
before(async () => {
  upstream = await startUpstream();
});
beforeEach(async () => {
  await bench?.close();
  bench = await createBench();
  (upstream.requests as IncomingMessage[]).length = 0;
  content = "#EXTM3U\n";
  etag = '"one"';
  upstream.answer = (request, response) => {
    if (etag && request.headers["if-none-match"] === etag) response.writeHead(304, { etag }).end();
    else response.writeHead(200, etag ? { etag } : {}).end(content);
  };
});
after(() => Promise.all([bench.close(), upstream.close()]));

const filesOf = async () => (await readdir(join(bench.folder, "documents"))).filter((name) => !name.endsWith(".json"));
const sidecar = async () => {
  const name = (await readdir(join(bench.folder, "documents"))).find((name) => name.endsWith(".json"));
  return join(bench.folder, "documents", name ?? "none");
};

describe("fetch.document()", () => {
  it("keeps what came and asks the next time, even after a restart, whether it has changed", async () => {
    const first = await bench.fetch.document(`${upstream.url}/list.m3u`);
    assert.deepEqual([first.changed, first.received, first.bytes], [true, 8, 8]);
    assert.equal(await textOf(first), content);
    assert.equal(await readFile(first.path, "utf8"), content);

    const second = await bench.again().document(`${upstream.url}/list.m3u`);
    assert.equal(upstream.requests[1]?.headers["if-none-match"], '"one"');
    assert.deepEqual([second.changed, second.received], [false, 0]);
    assert.deepEqual([second.etag, second.digest, second.modified], [first.etag, first.digest, first.modified]);

    content = "#EXTM3U new\n";
    etag = '"two"';
    const third = await bench.fetch.document(`${upstream.url}/list.m3u`);
    assert.equal(third.changed, true);
    assert.notEqual(third.digest, first.digest);
    assert.equal(await textOf(third), content);
    assert.equal((await filesOf()).length, 1);
  });

  it("asks by date where upstream has no tags", async () => {
    const date = "Thu, 01 Jan 2026 12:00:00 GMT";
    upstream.answer = (request, response) => {
      if (request.headers["if-modified-since"] === date) response.writeHead(304).end();
      else response.writeHead(200, { "last-modified": date }).end(content);
    };
    await bench.fetch.document(upstream.url);
    assert.equal((await bench.fetch.document(upstream.url)).changed, false);
  });

  it("leaves the file untouched when the same bytes come again", async () => {
    etag = undefined;
    const first = await bench.fetch.document(upstream.url);
    const second = await bench.fetch.document(upstream.url);
    assert.deepEqual([second.changed, second.received, second.etag], [false, 8, first.etag]);
    assert.equal((await filesOf()).length, 1);
  });

  it("asks conditionally only where the tag came from", async () => {
    upstream.answer = (request, response) => {
      if (request.url === "/list") response.writeHead(302, { location: "/a?signature=1" }).end();
      else response.writeHead(200, { etag: '"1"' }).end("a");
    };
    await bench.fetch.document(`${upstream.url}/list`);
    await bench.fetch.document(`${upstream.url}/list`);
    assert.deepEqual(
      upstream.requests.map((request) => request.headers["if-none-match"]),
      [undefined, undefined, undefined, '"1"'],
    );
    upstream.answer = (request, response) => {
      if (request.url === "/list") response.writeHead(302, { location: "/expired.html" }).end();
      else if (request.headers["if-none-match"]) response.writeHead(304).end();
      else response.end("<html>");
    };
    assert.equal(await textOf(await bench.fetch.document(`${upstream.url}/list`)), "<html>");
  });

  it("keeps the last good copy through every failure", async () => {
    const url = `${upstream.url}/list.m3u?token=s3cret`;
    assert.equal(await bench.fetch.lastGood(url), undefined);
    const good = await bench.fetch.document(url);
    const failures: [code: string, answer: Upstream["answer"]][] = [
      ["fetch.status", (_, response) => response.writeHead(404).end("no")],
      ["fetch.status", (_, response) => response.writeHead(500).end("broken")],
      ["fetch.status", (_, response) => response.writeHead(206, { "content-range": "bytes 0-0/9" }).end("#")],
      ["fetch.empty", (_, response) => response.end()],
      ["fetch.empty", (_, response) => response.writeHead(204).end()],
      ["fetch.refused", (_, response) => response.destroy()],
      [
        "fetch.truncated",
        (_, response) => response.writeHead(200, { "content-length": 100 }).write("#EXT", () => response.destroy()),
      ],
      ["fetch.truncated", (_, response) => response.writeHead(200).write("#EXT", () => response.destroy())],
      ["fetch.redirects", (_, response) => response.writeHead(302, { location: "/" }).end()],
      ["fetch.size", (_, response) => response.end("x".repeat(5000))],
    ];
    for (const [code, answer] of failures) {
      upstream.answer = answer;
      await assert.rejects(bench.fetch.document(url, { maxBytes: 1000 }), (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.ok(!error.message.includes("s3cret"));
        return true;
      });
      const last = await bench.again().lastGood(url);
      assert.deepEqual([last?.etag, last?.digest, last?.changed], [good.etag, good.digest, false], code);
      assert.deepEqual(
        await readdir(join(bench.folder, "documents")),
        (await readdir(join(bench.folder, "documents"))).filter((name) => !name.startsWith(".")),
      );
    }
  });

  it("believes no 304 that it did not ask for", async () => {
    upstream.answer = (_, response) => response.writeHead(304).end();
    await assert.rejects(bench.fetch.document(upstream.url), { code: "fetch.status", message: /answered 304/ });
  });

  it("does not judge what it brings: a web page is a document", async () => {
    content = "<!DOCTYPE html><p>Your account has expired";
    assert.equal(await textOf(await bench.fetch.document(`${upstream.url}/list.m3u`)), content);
  });

  it("opens as its content what is compressed as a file, as a coding, or both", async () => {
    const packed = gzipSync("<tv/>");
    const kinds: [headers: Record<string, string>, body: Uint8Array][] = [
      [{ "content-type": "application/gzip" }, packed],
      [{ "content-encoding": "gzip" }, packed],
      [{ "content-encoding": "x-gzip" }, packed],
      [{ "content-encoding": "gzip" }, gzipSync(packed)],
    ];
    for (const [index, [headers, body]] of kinds.entries()) {
      upstream.answer = (_, response) => response.writeHead(200, headers).end(body);
      assert.equal(await textOf(await bench.fetch.document(`${upstream.url}/${index}.xml.gz`)), "<tv/>");
    }
  });

  it("fetches whole again when file and sidecar are not of one run", async () => {
    const url = `${upstream.url}/list.m3u`;
    const first = await bench.fetch.document(url);
    const damages = [
      // Killed between the two renames: a newer file with the older sidecar.
      () => writeFile(first.path, "#EXTM3U other\n"),
      async () => rm(await sidecar()),
      async () => writeFile(await sidecar(), '{"file":1'),
      async () => writeFile(await sidecar(), '{"file":"\\"x\\"","digest":"x","validators":{"from":1}}'),
      () => rm(first.path),
    ];
    for (const damage of damages) {
      await damage();
      const last = await bench.again().lastGood(url);
      assert.equal(last === undefined, (await artefactOf(first.path)) === undefined);
      const again = await bench.again().document(url);
      assert.equal(upstream.requests.at(-1)?.headers["if-none-match"], undefined);
      assert.equal(await textOf(again), content);
      assert.equal(again.digest, first.digest);
    }
  });

  it("sends one request for all who want the same at the same time", async () => {
    const documents = await Promise.all([1, 2, 3].map(() => bench.fetch.document(upstream.url)));
    assert.equal(upstream.requests.length, 1);
    assert.deepEqual(new Set(documents.map((document) => document.etag)).size, 1);
  });

  it("goes on for those who still wait when one of them gives up, and stops when nobody does", async () => {
    let gone = () => {};
    const closed = new Promise<void>((resolve) => {
      gone = resolve;
    });
    let release = () => {};
    const asked = new Promise<void>((resolve) => {
      upstream.answer = (_, response) => {
        release = () => response.end(content);
        response.on("close", gone);
        resolve();
      };
    });
    const [impatient, other] = [new AbortController(), new AbortController()];
    const first = assert.rejects(bench.fetch.document(upstream.url, { signal: impatient.signal }), /enough/);
    const second = bench.fetch.document(upstream.url, { signal: other.signal });
    await asked;
    impatient.abort(new Error("enough"));
    await first;
    release();
    assert.equal(await textOf(await second), content);

    upstream.answer = (_, response) => {
      response.on("close", gone).write("half");
      other.abort(new Error("enough"));
    };
    await assert.rejects(bench.fetch.document(`${upstream.url}/x`, { signal: other.signal }), /enough/);
    await closed;
  });
});

describe("fetch.document() of a file", () => {
  it("reads a file, by path or address, only where the config named it", async () => {
    const path = join(bench.folder, "my list.m3u");
    await writeFile(path, content);
    for (const url of [path, "my list.m3u", pathToFileURL(path).href]) {
      await assert.rejects(bench.fetch.document(url), { code: "fetch.local" });
      assert.equal(await bench.again().lastGood(url), undefined);
      const document = await bench.fetch.document(url, { local: true });
      assert.deepEqual([document.changed, document.received, document.path], [true, 0, path]);
      assert.equal(await textOf(document), content);
      assert.equal((await bench.again().document(url, { local: true })).changed, false);
      assert.equal((await bench.again().lastGood(url))?.digest, document.digest);
      await assert.rejects(bench.fetch.document(url), { code: "fetch.local" });
      await bench.fetch.clean();
    }
    await bench.fetch.document(path, { local: true });
    await writeFile(path, "#EXTM3U changed\n");
    assert.equal((await bench.fetch.document(path, { local: true })).changed, true);
  });

  it("says what is wrong with a file", async () => {
    await mkdir(join(bench.folder, "sub"));
    await writeFile(join(bench.folder, "empty"), "");
    await writeFile(join(bench.folder, "large"), "12345");
    const get = (url: string) => bench.fetch.document(url, { local: true, maxBytes: 4 });
    await assert.rejects(get("absent"), { code: "fetch.refused", message: /there is no such file/ });
    await assert.rejects(get("sub"), { code: "fetch.refused" });
    await assert.rejects(get("/dev/zero"), { code: "fetch.refused" });
    await assert.rejects(get("file://elsewhere/x"), { code: "fetch.refused" });
    await assert.rejects(get("empty"), { code: "fetch.empty" });
    await assert.rejects(get("large"), { code: "fetch.size", message: "large: larger than the limit of 4B" });
  });
});

describe("fetch.clean()", () => {
  it("forgets all documents, and a 304 for one of them too", async () => {
    const url = `${upstream.url}/list.m3u`;
    await bench.fetch.document(url);
    await bench.fetch.clean();
    assert.equal(await bench.fetch.lastGood(url), undefined);
    assert.equal((await bench.fetch.document(url)).changed, true);

    let cleaned = false;
    upstream.answer = async (request, response) => {
      if (!cleaned) await bench.fetch.clean();
      cleaned = true;
      if (request.headers["if-none-match"]) response.writeHead(304).end();
      else response.end(content);
    };
    assert.equal(await textOf(await bench.fetch.document(url)), content);
  });
});
