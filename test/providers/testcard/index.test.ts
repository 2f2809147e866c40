// The test card as a plugin: its stream's pace and its end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Elysia } from "elysia";
import { isRandomAccess, packetLength, parsePat, parsePmt, pidOf, readPcr } from "../../../core/formats/mpegts.ts";
import testcard from "../../../providers/testcard/index.ts";
import { createTestHost, lineupChannel, type TestHost } from "../../support/host.ts";
import { listChannels, testPlugin } from "../../support/plugin.ts";

testPlugin(testcard, { config: {}, invalid: [{ channels: 3 }, [], "x"] });

async function start() {
  const host = await createTestHost("card");
  const contribution = await testcard.setup(host, {});
  const gone = new AbortController();
  const open = async () => {
    const tune = { channel: lineupChannel({ name: "Test card 1", instance: "card", id: "card:1", ownId: "1" }) };
    const source = await contribution.open?.(tune, AbortSignal.any([gone.signal, host.signal]));
    assert.equal(source?.kind, "ts");
    return source.chunks[Symbol.asyncIterator]();
  };
  return { host, contribution, open, leave: () => gone.abort() };
}

/** What comes while the clock stands still, and the read that then waits. */
async function readReady(reader: AsyncIterator<Uint8Array>, { clock }: TestHost) {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const reading = reader.next();
    const result = await Promise.race([reading, clock.advance(0)]);
    if (!result) return { chunks, reading };
    assert.ok(!result.done);
    chunks.push(result.value);
  }
}

test("channels() names two channels, and earlier addresses of theirs lead to where they are now", async () => {
  const { host, contribution } = await start();
  const urls = (await listChannels(contribution)).map(({ url }) => url);
  assert.deepEqual(urls, ["/card/1.ts", "/card/2.ts"]);
  const app = contribution.routes?.(new Elysia({ prefix: "/card" as "" })) ?? new Elysia();
  const answer = await app.handle(new Request("http://head.example/card/2.ts"));
  assert.deepEqual([answer.status, answer.headers.get("location")], [302, "http://head.example/live/card:2.ts"]);
  await host.close();
});

test("the stream begins at once with tables and a key frame", async () => {
  const { host, open } = await start();
  const reader = await open();
  const { value } = await reader.next();
  assert.ok(value);
  const [map = 0] = [...(parsePat(value, packetLength)?.values() ?? [])];
  assert.equal(pidOf(value, 2 * packetLength), map);
  const pcrPid = parsePmt(value, 2 * packetLength)?.pcrPid;
  assert.equal(pidOf(value, 3 * packetLength), pcrPid);
  assert.ok(isRandomAccess(value, 3 * packetLength));
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
  await host.close();
});

test("a viewer who reads nothing makes nothing", async () => {
  const { host, open } = await start();
  await open();
  await host.clock.advance(60_000);
  assert.equal(host.clock.sleeping, 0);
  await host.close();
});

test("a viewer who goes leaves no sleep behind", async () => {
  const { host, open, leave } = await start();
  const reader = await open();
  await readReady(reader, host);
  assert.equal(host.clock.sleeping, 1);
  leave();
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

test("channels() leaves the low numbers, which are given once, to what people bring", async () => {
  const { host, contribution } = await start();
  const numbers = (await listChannels(contribution)).map(({ number }) => number);
  assert.deepEqual(numbers, ["9991", "9992"]);
  await host.close();
});
