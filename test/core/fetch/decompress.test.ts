// Files that are told by their first bytes, whole and damaged.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openDecompressed, sniffCompression } from "../../../core/fetch/decompress.ts";

/** `xz` of "headend\n" 40 times, as Debian's xz writes it. */
const xz = Buffer.from(
  "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AE/ABBdADQZSEhqdQRo29x4/ClwoAAArzhKDkcMLJwAASzAAgAAAMAxJ/CxxGf7AgAAAAAEWVo=",
  "base64",
);
const text = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${Math.imul(i, 2654435761) >>> 0}\n`).join(""));

describe("openDecompressed()", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-decompress-"));
  });
  after(() => rm(folder, { recursive: true }));

  async function read(bytes: Uint8Array, options = {}): Promise<{ content: Buffer; code: string }> {
    const path = join(folder, "file");
    await writeFile(path, bytes);
    const parts: Uint8Array[] = [];
    let code = "";
    try {
      for await (const chunk of openDecompressed(path, options)) parts.push(Buffer.from(chunk));
    } catch (error) {
      code = (error as { code: string }).code;
    }
    return { content: Buffer.concat(parts), code };
  }

  test("reads plain, gzip, zstd and xz files", async () => {
    assert.deepEqual(await read(text), { content: text, code: "" });
    assert.deepEqual(await read(gzipSync(text)), { content: text, code: "" });
    assert.deepEqual(await read(zstdCompressSync(text)), { content: text, code: "" });
    assert.deepEqual(await read(xz), { content: Buffer.from("headend\n".repeat(40)), code: "" });
    assert.deepEqual(await read(new Uint8Array()), { content: Buffer.alloc(0), code: "" });
  });

  test("gives the same when chunks do not last, which it then frees", async () => {
    const large = Buffer.concat(Array.from({ length: 20 }, () => text));
    const path = join(folder, "file");
    for (const pack of [gzipSync, zstdCompressSync, (bytes: Buffer) => bytes]) {
      const packed = pack(large);
      assert.deepEqual(await read(packed, { fleeting: true }), { content: large, code: "" });
      const lasting: Uint8Array[] = [];
      for await (const chunk of openDecompressed(path)) lasting.push(chunk);
      assert.ok(Buffer.concat(lasting).equals(large));
      const fleeting: Uint8Array[] = [];
      for await (const chunk of openDecompressed(path, { fleeting: true })) fleeting.push(chunk);
      if (packed !== large) assert.ok(fleeting.some((chunk) => chunk.length === 0));
    }
    assert.deepEqual(await read(xz, { fleeting: true }), { content: Buffer.from("headend\n".repeat(40)), code: "" });
  });

  test("reads several gzip members as one, and passes over what is not gzip after them", async () => {
    const members = Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))]);
    assert.deepEqual(await read(members), { content: text, code: "" });
    assert.deepEqual(await read(Buffer.concat([gzipSync(text), Buffer.alloc(64), Buffer.from("junk")])), {
      content: text,
      code: "",
    });
  });

  test("gives everything before the damage, and then throws", async () => {
    const whole = gzipSync(text);
    const truncated = await read(whole.subarray(0, whole.length - 1000));
    assert.equal(truncated.code, "fetch.encoding");
    assert.ok(truncated.content.length > text.length * 0.9);
    assert.deepEqual(truncated.content, text.subarray(0, truncated.content.length));

    const wrongSum = Buffer.from(whole);
    wrongSum.writeUInt8(wrongSum.readUInt8(whole.length - 6) ^ 0xff, whole.length - 6);
    assert.deepEqual(await read(wrongSum), { content: text, code: "fetch.encoding" });

    const named = Buffer.concat([
      whole.subarray(0, 3),
      Buffer.from([8]),
      whole.subarray(4, 10),
      Buffer.from("name.xml\0"),
      wrongSum.subarray(10),
    ]);
    assert.deepEqual(await read(named), { content: text, code: "fetch.encoding" });

    const torn = Buffer.from(whole);
    torn.fill(0xff, whole.length / 2, whole.length / 2 + 16);
    const { content, code } = await read(torn);
    assert.equal(code, "fetch.encoding");
    assert.ok(content.length > text.length * 0.3, `${content.length}`);
    assert.deepEqual(await read(xz.subarray(0, xz.length - 30)).then((result) => result.code), "fetch.encoding");
  });

  test("refuses a file that expands beyond its limit, once it is large", async () => {
    const bomb = gzipSync(new Uint8Array(70 * 1024 * 1024));
    const { content, code } = await read(bomb);
    assert.equal(code, "fetch.ratio");
    assert.ok(content.length <= 65 * 1024 * 1024);
    assert.equal((await read(gzipSync(new Uint8Array(1024 * 1024)))).code, "");
    assert.equal((await read(bomb, { maxRatio: 5000 })).code, "");
  });

  test("stops when it is aborted, and when nobody reads on", async () => {
    const path = join(folder, "long");
    await writeFile(path, gzipSync(Buffer.concat(Array.from({ length: 20 }, () => text))));
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of openDecompressed(path, { signal: controller.signal }))
        controller.abort(new Error("enough"));
    });
    for await (const _ of openDecompressed(path)) break;
  });
});

test("sniffCompression() goes by magic bytes alone", () => {
  assert.deepEqual([gzipSync(text), zstdCompressSync(text), xz, text, new Uint8Array([0x1f])].map(sniffCompression), [
    "gzip",
    "zstd",
    "xz",
    "none",
    "none",
  ]);
});
