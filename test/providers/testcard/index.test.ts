// The test card as a plugin: its stream's pace, its end, and what it says to HEAD.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Elysia } from "elysia";
import { isRandomAccess, packetLength, parsePat, parsePmt, pidOf, readPcr } from "../../../core/formats/mpegts.ts";
import testcard from "../../../providers/testcard/index.ts";
import { createTestHost, type TestHost } from "../../support/host.ts";
import { testPlugin } from "../../support/plugin.ts";

testPlugin(testcard, { config: {}, invalid: [{ channels: 3 }, [], "x"] });

async function start() {
  const host = await createTestHost("card");
  const contribution = await testcard.setup(host, {});
  const app = new Elysia().use(contribution.routes?.(new Elysia({ prefix: "/card" as "" })) ?? new Elysia());
  const ask = (path: string, method = "GET") => app.handle(new Request(`http://localhost${path}`, { method }));
  const open = async () => {
    const { body } = await ask("/card/1.ts");
    assert.ok(body);
    return body.getReader();
  };
  return { host, contribution, ask, open };
}

/** What comes while the clock stands still, and the read that then waits. */
async function readReady(reader: ReadableStreamDefaultReader<Uint8Array>, { clock }: TestHost) {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const reading = reader.read();
    const result = await Promise.race([reading, clock.advance(0)]);
    if (!result) return { chunks, reading };
    assert.ok(!result.done);
    chunks.push(result.value);
  }
}

test("channels() names two channels whose addresses this headend answers", async () => {
  const { host, contribution, ask } = await start();
  const urls: string[] = [];
  for await (const { url } of contribution.channels?.(host.signal) ?? []) urls.push(url ?? "");
  assert.deepEqual(urls, ["/card/1.ts", "/card/2.ts"]);
  for (const url of urls) assert.equal((await ask(url, "HEAD")).status, 200);
  await host.close();
});

test("HEAD tells the type and opens nothing", async () => {
  const { host, ask } = await start();
  const answer = await ask("/card/2.ts", "HEAD");
  assert.equal(answer.headers.get("content-type"), "video/mp2t");
  assert.equal((await answer.arrayBuffer()).byteLength, 0);
  assert.equal(host.clock.sleeping, 0);
  await host.close();
});

test("the stream begins at once with tables and a key frame", async () => {
  const { host, open } = await start();
  const reader = await open();
  const { value } = await reader.read();
  assert.ok(value);
  const [map = 0] = [...(parsePat(value, packetLength)?.values() ?? [])];
  assert.equal(pidOf(value, 2 * packetLength), map);
  const pcrPid = parsePmt(value, 2 * packetLength)?.pcrPid;
  assert.equal(pidOf(value, 3 * packetLength), pcrPid);
  assert.ok(isRandomAccess(value, 3 * packetLength));
  await reader.cancel();
  await host.close();
});

test("the stream keeps the pace of its own clock, a second ahead", async () => {
  const { host, open } = await start();
  const reader = await open();
  let { chunks, reading } = await readReady(reader, host);
  let pcr = 0;
  let first: number | undefined;
  for (let second = 0; second < 20; second++) {
    for (const chunk of chunks) {
      assert.equal(chunk.length % packetLength, 0);
      assert.ok(chunk.length <= 65_536);
      for (let at = 0; at < chunk.length; at += packetLength) pcr = readPcr(chunk, at) ?? pcr;
      first ??= readPcr(chunk, 3 * packetLength);
    }
    const ahead = (pcr - (first ?? 0)) / 27_000 - second * 1000;
    assert.ok(ahead > 800 && ahead < 1200, `${ahead} ms ahead after ${second} s`);
    await host.clock.advance(1000);
    const late = await reading;
    const more = await readReady(reader, host);
    chunks = [...(late.value ? [late.value] : []), ...more.chunks];
    reading = more.reading;
  }
  await reader.cancel();
  await host.close();
});

test("a viewer who paused goes on from where it was, at the same pace", async () => {
  const { host, open } = await start();
  const reader = await open();
  const { reading } = await readReady(reader, host);
  await host.clock.advance(3_600_000);
  await reading;
  const { chunks } = await readReady(reader, host);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  assert.ok(bytes < 100_000, `${bytes} bytes came at once after an hour's pause`);
  await reader.cancel();
  await host.close();
});

test("a viewer who reads nothing makes nothing but one batch", async () => {
  const { host, ask } = await start();
  const { body } = await ask("/card/1.ts");
  await host.clock.advance(60_000);
  assert.equal(host.clock.sleeping, 0);
  await body?.cancel();
  await host.close();
});

test("a viewer who goes leaves no sleep behind", async () => {
  const { host, open } = await start();
  const reader = await open();
  await readReady(reader, host);
  assert.equal(host.clock.sleeping, 1);
  await reader.cancel();
  assert.equal(host.clock.sleeping, 0);
  await host.close();
});

test("the stream ends when the instance stops", async () => {
  const { host, open } = await start();
  const reader = await open();
  const { reading } = await readReady(reader, host);
  host.stop();
  assert.equal((await reading).done, true);
  await host.close();
});
