// A virtual HDHomeRun device watched as Plex, Jellyfin and Kodi do it, with real pictures: tuners, zapping, leaving.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { faultsOf, until, watch } from "../streams/headend.ts";
import { type DeviceRig, errorOf, openDevice, options } from "./device.ts";

let rig: DeviceRig;
let base: string;
before(async () => {
  if (options.skip) return;
  rig = await openDevice();
  base = rig.base;
});
after(() => rig?.close());

const plex = { "user-agent": "PlexTuner/1.0" };

test("a channel plays from its tables on, and one tuner more than there are is refused", options, async () => {
  const [one, two] = await Promise.all([
    watch(`${base}/auto/v1`, { "user-agent": "a" }),
    watch(`${base}/tuner1/v2`, { "user-agent": "b" }),
  ]);
  for (const each of [one, two]) {
    assert.equal(each.status, 200);
    await each.more(200_000);
    assert.deepEqual(faultsOf(each.bytes()), []);
  }
  assert.equal(errorOf(await fetch(`${base}/auto/v3`)), "503 805 All Tuners In Use");
  assert.equal(errorOf(await fetch(`${base}/tuner1/v3`)), "503 804 Tuner In Use");
  assert.equal(rig.feedOf("three").came, 0);
  const left = performance.now();
  await one.close();
  let three = await watch(`${base}/auto/v3`, { "user-agent": "c" });
  while (three.status === 503) {
    await three.close();
    three = await watch(`${base}/auto/v3`, { "user-agent": "c" });
  }
  assert.ok(performance.now() - left < 2000, "its tuner is free within two seconds");
  await three.more(1);
  await Promise.all([two.close(), three.close()]);
  await rig.streaming.quiet();
});

test(
  "who opens the next channel before closing the last gets it on a full device, and disturbs nobody",
  options,
  async () => {
    const other = await watch(`${base}/auto/v1`, { "user-agent": "other" });
    let current = await watch(`${base}/auto/v2`, plex);
    for (const number of ["3", "2", "3"]) {
      const next = await watch(`${base}/auto/v${number}`, plex);
      assert.equal(next.status, 200, errorOf(next));
      await next.more(100_000);
      await current.close();
      current = next;
    }
    assert.equal(
      errorOf(await fetch(`${base}/auto/v3`, { headers: { "user-agent": "third" } })),
      "503 805 All Tuners In Use",
    );
    // One that never closes is closed: a tuner is promised once.
    const over = await watch(`${base}/auto/v2`, plex);
    await until(() => current.ended || current.broken, "the channel before goes on");
    await over.more(100_000);
    await other.more(100_000);
    assert.deepEqual(faultsOf(other.bytes()), []);
    assert.deepEqual(faultsOf(over.bytes()), []);
    await Promise.all([other.close(), over.close(), current.close()]);
    await rig.streaming.quiet();
  },
);

test("an operator who allows one connection sees one, while Plex zaps and others wait", options, async () => {
  let current = await watch(`${base}/auto/v51`, plex);
  for (const number of ["52", "51", "52"]) {
    const next = await watch(`${base}/auto/v${number}`, plex);
    assert.equal(next.status, 200, errorOf(next));
    await next.more(50_000);
    assert.equal(rig.feedOf("lone").open + rig.feedOf("sole").open, 1);
    await current.close();
    current = next;
  }
  assert.equal(errorOf(await fetch(`${base}/auto/v51`)), "503 805 All Tuners In Use");
  await current.close();
  await rig.streaming.quiet();
});

test("a client that leaves before a picture has come leaves nothing behind", options, async () => {
  rig.upstream.answers.set("/two", () => {});
  const control = new AbortController();
  const waiting = fetch(`${base}/tuner0/v2`, { signal: control.signal, headers: { "user-agent": "a" } });
  await until(async () => (await rig.streaming.streams()).length === 1, "it does not ask");
  assert.equal(errorOf(await fetch(`${base}/tuner0/v1`)), "503 804 Tuner In Use");
  control.abort();
  await assert.rejects(waiting);
  const left = performance.now();
  await until(async () => {
    const next = await watch(`${base}/tuner0/v1`, { "user-agent": "b" });
    await next.close();
    return next.status === 200;
  }, "its tuner stays taken");
  assert.ok(performance.now() - left < 2000, "its tuner is free within two seconds");
  rig.upstream.answers.set("/two", rig.feedOf("two").answer);
  await rig.streaming.quiet();
});

test("a probe that opens, closes and opens again finds its upstream still there", options, async () => {
  const came = rig.feedOf("one").came;
  const first = await watch(`${base}/auto/v1`, { "user-agent": "Kodi" });
  await first.more(1);
  await first.close();
  const second = await watch(`${base}/auto/v1`, { "user-agent": "Kodi" });
  await second.more(100_000);
  assert.equal(rig.feedOf("one").came, came + 1);
  await second.close();
  await rig.streaming.quiet();
});

test("?duration= ends the stream in order after so many seconds", options, async () => {
  const began = performance.now();
  const watching = await watch(`${base}/auto/v1?duration=1`);
  await until(() => watching.ended, "it does not end");
  assert.ok(performance.now() - began < 5000);
  assert.deepEqual(faultsOf(watching.bytes()), []);
  assert.equal((await fetch(`${base}/auto/v1?duration=soon`)).status, 400);
  await rig.streaming.quiet();
});
