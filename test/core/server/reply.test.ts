// replyFile() over real sockets: conditions, parts, encodings, replaced files, slow and vanished readers.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readlink, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { replyFile } from "../../../core/server/reply.ts";
import type { Artefact } from "../../../core/types.ts";
import { ask, openServer, readAnswer, type TestServer } from "./support.ts";

const text = "0123456789".repeat(100_000);
const modified = Date.UTC(2026, 0, 2, 3, 4, 5);
const date = "Fri, 02 Jan 2026 03:04:05 GMT";

describe("replyFile()", () => {
  let folder: string;
  let server: TestServer;
  const artefacts = new Map<string, Artefact>();

  async function put(name: string, content: string | Uint8Array): Promise<Artefact> {
    const path = join(folder, name);
    await writeFile(`${path}.new`, content);
    await utimes(`${path}.new`, modified / 1000, modified / 1000);
    await rename(`${path}.new`, path);
    const artefact = { path, bytes: Buffer.byteLength(content), etag: `"${name}-1"`, modified };
    artefacts.set(name, artefact);
    return artefact;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-reply-"));
    await put("list", text);
    await put("empty", "");
    await put("guide", gzipSync(text));
    artefacts.set("gone", { path: join(folder, "gone"), bytes: 1, etag: '"gone"', modified });
    server = await openServer({}, ({ router }) => {
      const app = router.createApp("/");
      for (const method of ["GET", "HEAD"]) {
        app.route(
          method,
          "/files/:name",
          ({ params, request }: { params: Record<string, string>; request: Request }) => {
            const artefact = artefacts.get(params.name ?? "");
            assert.ok(artefact);
            return replyFile(request, artefact, {
              type: "text/plain",
              filename: "l\u00edst.m3u",
              ...(params.name?.startsWith("guide") ? { encoding: "gzip" as const } : {}),
            });
          },
        );
      }
      router.mount("files", "/", app);
    });
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const get = async (name: string, headers: Record<string, string> = {}, method = "GET") =>
    readAnswer(await ask(server.port, `${method} /files/${name}`, headers));

  test("sends a file whole, with its length and what identifies it", async () => {
    const { status, headers, body } = await get("list");
    assert.equal(status, 200);
    assert.equal(body, text);
    assert.equal(headers.get("content-length"), String(text.length));
    assert.equal(headers.get("etag"), '"list-1"');
    assert.equal(headers.get("last-modified"), date);
    assert.equal(headers.get("cache-control"), "no-cache");
    assert.equal(headers.get("content-type"), "text/plain");
    assert.equal(headers.get("accept-ranges"), "bytes");
    assert.equal(headers.get("content-disposition"), `inline; filename="l_st.m3u"; filename*=UTF-8''l%C3%ADst.m3u`);
  });

  test("sends an empty file", async () => {
    const { status, headers, body } = await get("empty");
    assert.deepEqual([status, headers.get("content-length"), body], [200, "0", ""]);
  });

  test("answers HEAD like GET, without the body", async () => {
    const { status, headers, body } = await get("list", {}, "HEAD");
    assert.deepEqual([status, headers.get("content-length"), body], [200, String(text.length), ""]);
    const guide = await get("guide", {}, "HEAD");
    assert.deepEqual([guide.status, guide.headers.get("etag"), guide.body], [200, '"guide-1-identity"', ""]);
  });

  test("answers 304 to who has it, even when the file is gone", async () => {
    for (const tags of ['"gone"', 'W/"gone"', '"a,b", "gone"', "*", '"x",W/"gone"']) {
      const { status, headers, body } = await get("gone", { "If-None-Match": tags });
      assert.deepEqual([status, headers.get("etag"), body], [304, '"gone"', ""], tags);
    }
    assert.equal((await get("gone", { "If-Modified-Since": date })).status, 304);
    assert.equal((await get("list", { "If-None-Match": '"other"', "If-Modified-Since": date })).status, 200);
    assert.equal((await get("list", { "If-Modified-Since": "Fri, 02 Jan 2026 03:04:04 GMT" })).status, 200);
    assert.equal((await get("list", { "If-Modified-Since": "tomorrow" })).status, 200);
  });

  test("answers 503 when the file is not there", async () => {
    const { status, headers, body } = await get("gone");
    assert.equal(status, 503);
    assert.equal(headers.get("retry-after"), "30");
    assert.match(body, /not\.ready/);
    assert.equal((await get("gone", {}, "HEAD")).status, 503);
  });

  test("sends the part that is asked for", async () => {
    const size = text.length;
    const cases: [range: string, start: number, end: number][] = [
      ["bytes=0-", 0, size],
      ["bytes=0-0", 0, 1],
      ["bytes=3-12", 3, 13],
      ["bytes=999990-", 999_990, size],
      ["bytes=-7", size - 7, size],
      ["bytes=-99999999", 0, size],
      ["bytes=5-99999999", 5, size],
      ["bytes=100-700000", 100, 700_001],
    ];
    for (const [range, start, end] of cases) {
      const { status, headers, body } = await get("list", { Range: range });
      assert.equal(status, 206, range);
      assert.equal(headers.get("accept-ranges"), "bytes", range);
      assert.equal(headers.get("content-range"), `bytes ${start}-${end - 1}/${size}`, range);
      assert.ok(body === text.slice(start, end), range);
    }
  });

  test("answers 416 to a part outside, and sends the whole for ranges it does not do", async () => {
    for (const range of ["bytes=1000000-", "bytes=5000000-6000000", "bytes=-0"]) {
      const { status, headers, body } = await get("list", { Range: range });
      assert.deepEqual([status, headers.get("content-range"), body], [416, `bytes */${text.length}`, ""], range);
    }
    for (const range of ["bytes=1-2,4-5", "bytes=9-5", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b", "x"]) {
      const { status, body } = await get("list", { Range: range });
      assert.equal(status, 200, range);
      assert.equal(body.length, text.length, range);
    }
    assert.equal((await get("list", { Range: "bytes=0-3" }, "HEAD")).status, 200);
  });

  test("sends a part only of the version that If-Range names", async () => {
    for (const fits of ['"list-1"', date])
      assert.equal((await get("list", { Range: "bytes=5-9", "If-Range": fits })).status, 206, fits);
    for (const other of ['"list-0"', 'W/"list-1"', "Fri, 02 Jan 2026 03:04:06 GMT", "x"]) {
      const { status, body } = await get("list", { Range: "bytes=5-9", "If-Range": other });
      assert.deepEqual([status, body.length], [200, text.length], other);
    }
  });

  test("sends gzip as it is to who accepts it, inflated to others", async () => {
    for (const accepts of ["gzip", "deflate, gzip;q=0.5", "*", "x-gzip", "GZIP"]) {
      const { status, headers, body } = await get("guide", { "Accept-Encoding": accepts });
      assert.deepEqual(
        [status, headers.get("content-encoding"), headers.get("etag")],
        [200, "gzip", '"guide-1"'],
        accepts,
      );
      assert.equal(headers.get("vary"), "Accept-Encoding");
      assert.deepEqual(Buffer.from(body, "latin1"), gzipSync(text));
    }
    for (const accepts of ["", "identity", "gzip;q=0", "*;q=0", "br", "gzip;q=0.1, identity"]) {
      const { status, headers, body } = await get("guide", { "Accept-Encoding": accepts, Range: "bytes=3-9" });
      assert.deepEqual(
        [status, headers.get("content-encoding"), headers.get("etag")],
        [200, undefined, '"guide-1-identity"'],
        accepts,
      );
      assert.equal(headers.get("vary"), "Accept-Encoding");
      assert.ok(body === text, accepts);
    }
    const part = await get("guide", { "Accept-Encoding": "gzip", Range: "bytes=2-5" });
    assert.deepEqual([part.status, part.body], [206, gzipSync(text).subarray(2, 6).toString("latin1")]);
    assert.equal((await get("guide", { "If-None-Match": '"guide-1-identity"' })).status, 304);
    assert.equal((await get("guide", { "If-None-Match": '"guide-1"' })).status, 200);
  });

  test("never mixes two versions of a replaced file", async () => {
    const old = await put("moving", text);
    await writeFile(`${old.path}.new`, "x".repeat(text.length));
    await rename(`${old.path}.new`, old.path);
    // The caller still holds the old artefact: same size, other content.
    const part = await get("moving", { Range: "bytes=5-9", "If-Range": old.etag });
    assert.deepEqual([part.status, part.body], [200, "x".repeat(text.length)]);
    await writeFile(`${old.path}.new`, "short");
    await rename(`${old.path}.new`, old.path);
    const whole = await get("moving");
    assert.deepEqual([whole.status, whole.headers.get("content-length"), whole.body], [200, "5", "short"]);
    const asked = await get("moving", { Range: "bytes=900000-", "If-Range": old.etag });
    assert.deepEqual([asked.status, asked.body], [200, "short"]);
  });

  test("sends one version whole while the file is replaced again and again", async () => {
    const versions = ["a", "b"].map((letter) => letter.repeat(300_000 + letter.charCodeAt(0)));
    const artefact = await put("swapped", versions[0] ?? "");
    let going = true;
    const swapping = (async () => {
      for (let i = 0; going; i++) {
        await writeFile(`${artefact.path}.new`, versions[i % 2] ?? "");
        await rename(`${artefact.path}.new`, artefact.path);
      }
    })();
    for (let i = 0; i < 100; i++) {
      const { status, body } = await get("swapped", i % 2 ? { Range: "bytes=0-" } : {});
      assert.ok(status === 200 || status === 206);
      assert.ok(versions.includes(body), `answer ${i} is no version: ${body.length} bytes`);
    }
    going = false;
    await swapping;
  });

  test("holds little memory and no loop for a reader that stalls, and closes the file when it is gone", {
    skip: process.platform !== "linux",
  }, async () => {
    const big = await put(
      "guide-big",
      gzipSync(Buffer.concat([Buffer.alloc(200 << 20), randomBytes(1 << 20)]), { level: 1 }),
    );
    const before = process.memoryUsage().rss;
    const sockets = Array.from({ length: 8 }, () => {
      const socket = net.connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.pause();
      socket.write("GET /files/guide-big HTTP/1.1\r\nHost: tv\r\n\r\n");
      return socket;
    });
    while ((await openCount(big.path)) < sockets.length) await wait(5);
    // Time enough to read far ahead, if that were done.
    for (let i = 0; i < 30; i++) assert.equal((await get("list")).status, 200);
    assert.equal(await openCount(big.path), sockets.length);
    const grown = (process.memoryUsage().rss - before) / (1 << 20);
    assert.ok(grown < 200, `${grown} MiB more for 8 stalled readers of 201 MiB each`);
    for (const socket of sockets) socket.destroy();
    for (let turn = 0; turn < 200 && (await openCount(big.path)) > 0; turn++) await wait(10);
    assert.equal(await openCount(big.path), 0);
    await stat(big.path);
  });
});

/** How many of this process's descriptors are a file. */
async function openCount(path: string): Promise<number> {
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return links.filter((link) => link === path).length;
}
