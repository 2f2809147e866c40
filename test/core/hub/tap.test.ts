// Taps: they see what is open, keep nothing open, and neither hurry nor hold up anybody.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contentsOf, createReader, createRig, createUpstream } from "./rig.ts";

const never = new AbortController().signal;
const tap = { name: "timeshift", priority: "tap" } as const;

describe("a tap", () => {
  test("does not open what nobody watches", async () => {
    const up = createUpstream("a");
    const { hub, tune } = createRig({ one: { upstreams: [up] } });
    await assert.rejects(hub.watch(tune("one"), tap, never), /ended by nobody watching/);
    assert.equal(up.opened, 0);
    assert.deepEqual(hub.streams(), []);
  });

  test("gets every byte, until linger is over", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one"), { name: "tv" }, never);
    const tapping = hub.watch(tune("one"), tap, never);
    await clock.advance(0);
    up.send(100);
    const reader = createReader((await tapping).body);
    const viewer = createReader((await watch).body);
    await clock.advance(100);
    await viewer.leave();
    for (let second = 0; second < 8 && !reader.ended; second++) {
      up.send(50);
      await clock.advance(1000);
      await reader.drain(() => clock.advance(0));
    }
    assert.ok(reader.ended);
    assert.equal(up.open, 0);
    const seen = contentsOf(reader.bytes).filter((each) => each.startsWith("a#"));
    assert.equal(seen[0], "a#00000000");
    assert.equal(Number(seen.at(-1)?.slice(2)), seen.length - 1);
    assert.ok(seen.length >= 300, `${seen.length}`);
  });

  test("does not count when a tuner is wanted", async () => {
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const wants = [{ key: "tuners one", amount: 1, limit: 1 }];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a], wants }, two: { upstreams: [b], wants } });
    const watch = hub.watch(tune("one"), { name: "tv" }, never);
    const tapping = hub.watch(tune("one"), tap, never);
    await clock.advance(0);
    a.send(60);
    await tapping;
    await createReader((await watch).body).leave();
    // Only the tap is left: another client gets the tuner at once.
    const other = hub.watch(tune("two"), { name: "phone" }, never);
    await clock.advance(0);
    b.send(60);
    await other;
    assert.deepEqual([a.open, b.open], [0, 1]);
    await hub.stop();
  });

  test("is no viewer to the figures, nor is a recording", async () => {
    const up = createUpstream("a");
    let joined = 0;
    let left = 0;
    const observer = { joined: () => void joined++, left: () => void left++ };
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } }, { observer });
    const watches = [{ name: "tv" }, tap, { name: "recordings", priority: "recording" } as const].map((viewer) =>
      hub.watch(tune("one"), viewer, never),
    );
    await clock.advance(0);
    up.send(60);
    await Promise.all(watches);
    assert.deepEqual([joined, left], [1, 0]);
    await hub.stop();
    for (const watch of watches) await createReader((await watch).body).leave();
    assert.deepEqual([joined, left], [1, 1]);
  });

  test("does not hurry upstream that waits for its viewer, and goes on when the viewer pauses", async () => {
    const up = createUpstream("a", 500, true);
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one"), { name: "tv" }, never);
    const tapping = hub.watch(tune("one"), tap, never);
    await clock.advance(0);
    // Some twelve megabytes at once, as segments come.
    for (let segment = 0; segment < 64; segment++) up.send(1000);
    const reader = createReader((await tapping).body);
    const body = (await watch).body.getReader();
    const taken: Uint8Array[] = [];
    for (let turn = 0; turn < 60; turn++) {
      const { value } = await body.read();
      if (value) taken.push(value);
      await clock.advance(250);
      await reader.drain(() => clock.advance(0));
    }
    const [stream] = hub.streams();
    assert.deepEqual(
      stream?.viewers.map(({ skips }) => skips),
      [0, 0],
    );
    assert.ok(reader.bytes.length < 8 * 2 ** 20, "the tap has not run ahead");
    for (let second = 0; second < 30; second++) {
      await clock.advance(1000);
      await reader.drain(() => clock.advance(0));
    }
    const seen = contentsOf(reader.bytes).filter((each) => each.startsWith("a#"));
    assert.equal(seen.length, 64_000);
    await body.cancel();
    await hub.stop();
  });
});
