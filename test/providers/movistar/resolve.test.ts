// Names of the operator's network: asked of its name server, kept, and not asked for again and again while it is silent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createResolve } from "../../../providers/movistar/resolve.ts";
import { createTestClock } from "../../support/clock.ts";
import { openNameServer } from "../../support/movistar/dns.ts";

test("a name becomes an address, and stays in a header; of TLS, and where there is an address, nothing changes", async () => {
  const names = await openNameServer();
  try {
    const resolve = createResolve(names.address, createTestClock());
    const found = { url: "http://127.0.0.1:2001/a?b=c", headers: { host: "app.test:2001" } };
    for (let round = 0; round < 3; round++) assert.deepEqual(await resolve("http://app.test:2001/a?b=c"), found);
    assert.equal(names.asked.length, 1);
    for (const url of ["https://app.test/", "rtsp://10.0.0.1/x"])
      assert.deepEqual(await resolve(url), { url, headers: {} });
  } finally {
    await names.close();
  }
});

test("a name server that has no answer is left alone for a while", async () => {
  const answer: number[] = [];
  const names = await openNameServer(answer);
  try {
    const clock = createTestClock();
    const resolve = createResolve(names.address, clock);
    const asks = async (url: string) => {
      const before = names.asked.length;
      const resolved = await resolve(url);
      return [resolved.url, names.asked.length > before];
    };
    assert.deepEqual(await asks("http://other.test/"), ["http://other.test/", true]);
    assert.deepEqual(await asks("http://other.test/"), ["http://other.test/", false]);
    answer.push(127, 0, 0, 2);
    await clock.advance(16_000);
    assert.deepEqual(await asks("http://other.test/"), ["http://127.0.0.2/", true]);
  } finally {
    await names.close();
  }
});
