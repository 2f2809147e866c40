// One upstream and its viewers: joining, leaving, lagging, failing, ending.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contentsOf, createReader, createRig, createUpstream } from "./rig.ts";

const viewer = { name: "tv" };
const never = new AbortController().signal;

describe("hub.watch()", () => {
  test("opens one upstream for all viewers and closes it when linger is over", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const first = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    up.send(60);
    const one = createReader((await first).body);
    const two = createReader((await hub.watch(tune("one"), { name: "phone" }, never)).body);
    up.send(30);
    await clock.advance(100);
    await one.drain(() => clock.advance(0));
    await two.drain(() => clock.advance(0));
    assert.equal(up.opened, 1);
    const seen = contentsOf(one.bytes);
    assert.deepEqual(seen.slice(0, 3), ["PAT", "PMT", "a#00000000"]);
    assert.equal(seen.at(-1), "a#00000089");
    const late = contentsOf(two.bytes);
    assert.deepEqual(late.slice(0, 3), ["PAT", "PMT", "a#00000050"]);
    assert.equal(late.at(-1), "a#00000089");
    await one.leave();
    await two.leave();
    for (let second = 0; second < 4; second++) {
      up.send(10);
      await clock.advance(1000);
    }
    assert.equal(up.open, 1);
    up.send(10);
    await clock.advance(2000);
    assert.equal(up.open, 0);
    assert.deepEqual(hub.streams(), []);
    assert.equal(clock.sleeping, 0);
  });

  test("gives a viewer that comes back within linger the same upstream", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    for (let round = 0; round < 5; round++) {
      const watch = hub.watch(tune("one"), viewer, never);
      await clock.advance(0);
      up.send(60);
      await createReader((await watch).body).leave();
      for (let second = 0; second < 3; second++) {
        up.send(60);
        await clock.advance(1000);
      }
    }
    assert.equal(up.opened, 1);
    await hub.stop();
    assert.equal(up.open, 0);
  });

  test("moves a viewer that lags forward to a picture, and marks the gap", async () => {
    const up = createUpstream("a", 500);
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    up.send(600);
    const reader = createReader((await watch).body);
    for (let round = 0; round < 80; round++) {
      up.send(500);
      await clock.advance(100);
    }
    const [status] = hub.streams();
    assert.ok((status?.ringBytes ?? 0) < 5 * 2 ** 20, "what is kept is bounded");
    await reader.drain(() => clock.advance(0));
    const seen = contentsOf(reader.bytes);
    assert.ok(seen.includes("mark"));
    assert.equal(seen.at(-1), `a#${String(80 * 500 + 599).padStart(8, "0")}`);
    const after = seen.lastIndexOf("mark");
    assert.deepEqual(seen.slice(after + 1, after + 3), ["PAT", "PMT"]);
    assert.match(seen[after + 3] ?? "", /#\d+[05]00$/);
    await hub.stop();
  });

  test("goes over to the next upstream when one falls silent, at a picture and with marks", async () => {
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a, b] } });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    a.send(60);
    const reader = createReader((await watch).body);
    await clock.advance(2600);
    assert.deepEqual([a.open, b.open], [0, 1]);
    b.send(10);
    await clock.advance(0);
    b.send(100);
    await clock.advance(200);
    await reader.drain(() => clock.advance(0));
    const seen = contentsOf(reader.bytes);
    const splice = seen.indexOf("mark");
    assert.equal(seen[splice - 1], "a#00000059");
    assert.deepEqual(seen.filter((each) => each !== "mark").slice(splice, splice + 3), ["PAT", "PMT", "b#00000000"]);
    const [status] = hub.streams();
    assert.deepEqual([status?.stalls, status?.failovers], [1, 1]);
    await hub.stop();
  });

  test("says why when no upstream opens, and leaves nothing open", async () => {
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    a.behaviour = b.behaviour = "refuse";
    const { hub, clock, tune } = createRig({ one: { upstreams: [a, b] } });
    const watch = assert.rejects(hub.watch(tune("one"), viewer, never), /b refuses/);
    await clock.advance(100);
    await watch;
    assert.deepEqual([a.opened, b.opened], [1, 1]);
    assert.deepEqual(hub.streams(), []);
  });

  test("gives up on an upstream that never answers", async () => {
    const up = createUpstream("a");
    up.behaviour = "hang";
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = assert.rejects(hub.watch(tune("one"), viewer, never), /no data within 10s/);
    await clock.advance(11_000);
    await watch;
  });

  test("ends a past cleanly after its last byte, at the viewer's pace", async () => {
    const up = createUpstream("a", 50, true);
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one", { at: 1000 }), viewer, never);
    await clock.advance(0);
    for (let round = 0; round < 40; round++) up.send(1000);
    up.end();
    const reader = createReader((await watch).body);
    await clock.advance(20_000);
    assert.equal(up.open, 1, "waits while the viewer has enough");
    for (let round = 0; round < 400 && !reader.ended; round++) await reader.drain(() => clock.advance(100));
    const seen = contentsOf(reader.bytes).filter((each) => each.startsWith("a#"));
    assert.equal(seen.length, 40_000, "nothing is left out");
    assert.ok(reader.ended);
    assert.equal(up.open, 0);
    await clock.advance(1000);
    assert.deepEqual(hub.streams(), []);
  });

  test("hands the one tuner over to the client that holds it", async () => {
    const wants = [{ key: "tuners one", amount: 1, limit: 1 }];
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a], wants }, two: { upstreams: [b], wants } });
    const first = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    a.send(60);
    const reader = createReader((await first).body);
    await assert.rejects(hub.watch(tune("two"), { name: "another" }, never), /all 1 tuners are in use/);
    const second = hub.watch(tune("two"), viewer, never);
    await clock.advance(0);
    b.send(60);
    await second;
    await reader.drain(() => clock.advance(0));
    assert.ok(reader.ended);
    assert.deepEqual([a.open, b.open], [0, 1]);
    assert.equal(hub.ledger.used("tuners one"), 1);
    await hub.stop();
    assert.equal(hub.ledger.used("tuners one"), 0);
  });
});
