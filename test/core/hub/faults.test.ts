// What goes wrong with upstreams and viewers, one thing at a time.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contentsOf, createReader, createRig, createUpstream } from "./rig.ts";

const viewer = { name: "tv" };
const never = new AbortController().signal;

describe("hub.watch()", () => {
  test("does not open an upstream again and again that opens only to end", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } }, { slateFor: 60_000 });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    up.send(60);
    const reader = createReader((await watch).body);
    for (let second = 0; second < 20; second++) {
      up.send(10);
      up.end();
      await clock.advance(1000);
      await reader.drain(() => clock.advance(0));
    }
    assert.ok(up.opened >= 3 && up.opened <= 8, `opened ${up.opened} times`);
    await hub.stop();
  });

  test("tries each upstream of a fresh wish once, though all of them open and say nothing of use", async () => {
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a, b] } }, { slateFor: 60_000 });
    const watch = assert.rejects(hub.watch(tune("one"), viewer, never), /no data within 10s/);
    for (let second = 0; second < 40; second++) {
      for (const up of [a, b]) up.sendBytes(new TextEncoder().encode("<html>not today</html>"));
      await clock.advance(1000);
    }
    await watch;
    assert.deepEqual([a.opened, b.opened, a.open, b.open], [1, 1, 0, 0]);
    assert.deepEqual(hub.streams(), []);
  });

  test("sees at once that much of anything else is no transport stream", async () => {
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const { hub, clock, tune, said } = createRig({ one: { upstreams: [a, b] } });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    for (let count = 0; count < 20; count++) a.sendBytes(new Uint8Array(65_536).fill(0x20));
    await clock.advance(0);
    b.send(60);
    await watch;
    assert.ok(said.some((each) => /no transport stream/.test(each)));
    await hub.stop();
  });

  test("takes an upstream that turns to garbage for a silent one", async () => {
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a, b] } });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    a.send(60);
    await watch;
    for (let count = 0; count < 12; count++) {
      a.sendBytes(new Uint8Array(5000).fill(0x20));
      await clock.advance(250);
    }
    assert.deepEqual([a.open, b.open], [0, 1]);
    await hub.stop();
  });

  test("fails the body of a past that breaks off, and does not begin it anew", async () => {
    const [a, b] = [createUpstream("a", 50, true), createUpstream("b", 50, true)];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a, b] } });
    const watch = hub.watch(tune("one", { at: 1000 }), viewer, never);
    await clock.advance(0);
    a.send(100);
    const { body } = await watch;
    a.fail(new Error("archive went away"));
    await clock.advance(100);
    let bytes = 0;
    await assert.rejects(async () => {
      for await (const chunk of body) bytes += chunk.length;
    }, /archive went away/);
    assert.equal(bytes, 104 * 188, "what came is given first");
    assert.deepEqual([a.open, b.opened], [0, 0]);
    await clock.advance(1000);
    assert.deepEqual(hub.streams(), []);
  });

  test("starts a past whose first chunk is less than a packet", async () => {
    const up = createUpstream("a", 50, true);
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one", { at: 1000 }), viewer, never);
    await clock.advance(0);
    up.sendBytes(Uint8Array.of(1));
    await clock.advance(0);
    up.send(100);
    up.end();
    await clock.advance(100);
    const reader = createReader((await watch).body);
    await reader.drain(() => clock.advance(0));
    assert.equal(contentsOf(reader.bytes).filter((each) => each.startsWith("a#")).length, 100);
    await clock.advance(1000);
  });

  test("frees what an ended stream has kept for a viewer that reads no more", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    for (let count = 0; count < 10; count++) up.send(1000);
    const { body } = await watch;
    await clock.advance(100);
    await hub.stop();
    assert.equal(up.open, 0);
    assert.equal(hub.streams().length, 1, "the viewer may have the rest");
    await clock.advance(61_000);
    assert.deepEqual(hub.streams(), []);
    await assert.rejects(async () => await body.getReader().read());
    assert.equal(clock.sleeping, 0);
  });

  test("answers at once who is dismissed while it waits, and does not open again", async () => {
    const up = createUpstream("a");
    up.behaviour = "hang";
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = assert.rejects(hub.watch(tune("one"), viewer, never), /ended by hand/);
    await clock.advance(0);
    assert.equal(hub.end(hub.streams()[0]?.viewers[0]?.id ?? ""), true);
    await watch;
    await clock.advance(6000);
    assert.equal(up.opened, 1);
    assert.deepEqual(hub.streams(), []);
    const whole = assert.rejects(hub.watch(tune("one"), viewer, never), /ended by hand/);
    await clock.advance(0);
    assert.equal(hub.end(hub.streams()[0]?.id ?? ""), true);
    await whole;
    await clock.advance(1000);
    assert.deepEqual([up.opened, hub.streams().length], [2, 0]);
  });

  test("lets a client that zaps have the last channel, and takes it from the one before only", async () => {
    const wants = [{ key: "tuners one", amount: 1, limit: 1 }];
    const ups = ["a", "b", "c"].map((name) => createUpstream(name));
    const channels = Object.fromEntries(ups.map((up) => [up.name, { upstreams: [up], wants }]));
    const { hub, clock, tune } = createRig(channels);
    const asked = ups.map(({ name }) => hub.watch(tune(name), viewer, never));
    for (const each of asked.slice(0, 2)) each.catch(() => {});
    await clock.advance(0);
    for (const up of ups) up.send(60);
    await clock.advance(100);
    await assert.rejects(asked[0] ?? Promise.resolve(), /somebody who needs its tuner/);
    assert.equal((await asked[2])?.kind, "ts");
    assert.deepEqual(
      ups.map(({ open }) => open),
      [0, 0, 1],
    );
    assert.ok(
      ups.every(({ opened }) => opened <= 1),
      "nobody comes back for what was taken",
    );
    await hub.stop();
  });

  test("does not end one recording for another of the same recorder", async () => {
    const wants = [{ key: "tuners one", amount: 1, limit: 1 }];
    const [a, b] = [createUpstream("a"), createUpstream("b")];
    const { hub, clock, tune } = createRig({ one: { upstreams: [a], wants }, two: { upstreams: [b], wants } });
    const recorder = { name: "recordings", priority: "recording" } as const;
    const first = hub.watch(tune("one"), recorder, never);
    await clock.advance(0);
    a.send(60);
    await first;
    await assert.rejects(hub.watch(tune("two"), recorder, never), /all 1 tuners are in use/);
    assert.deepEqual([a.open, b.opened], [1, 0]);
    await hub.stop();
  });

  test("closes a source that came too late, though nobody had begun to read it", async () => {
    let closed = false;
    const late = createUpstream("a");
    late.source = async () => {
      await clock.sleep(15_000);
      return {
        kind: "ts",
        chunks: (async function* () {
          try {
            yield new Uint8Array(188);
          } finally {
            closed = true;
          }
        })(),
      };
    };
    const { hub, clock, tune } = createRig({ one: { upstreams: [late] } });
    const watch = assert.rejects(hub.watch(tune("one"), viewer, never), /no data within 10s/);
    await clock.advance(25_000);
    await watch;
    assert.equal(closed, true);
    assert.equal(clock.sleeping, 0);
  });

  test("hub.stop() of an instance ends what is opening an alternate of it, and leaves others alone", async () => {
    const [a, b, c] = [createUpstream("a"), createUpstream("b"), createUpstream("c")];
    a.behaviour = "refuse";
    b.behaviour = "hang";
    const { hub, clock, tune } = createRig({
      one: { upstreams: [a, b], instances: ["one", "two"] },
      two: { upstreams: [c] },
    });
    const opening = assert.rejects(hub.watch(tune("one"), viewer, never), /two has stopped/);
    const running = hub.watch(tune("two"), viewer, never);
    await clock.advance(0);
    c.send(60);
    await running;
    await hub.stop("two");
    await opening;
    assert.deepEqual([b.open, c.open, hub.streams().length], [0, 1, 1]);
    await hub.stop();
  });

  test("gives an upstream that failed soon a second chance, also without a slate, and no third", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const watch = hub.watch(tune("one"), viewer, never);
    await clock.advance(0);
    up.send(60);
    const reader = createReader((await watch).body);
    up.fail(new Error("gone"));
    await clock.advance(1100);
    assert.deepEqual([up.opened, up.open], [2, 1]);
    up.send(60);
    await clock.advance(100);
    await reader.drain(() => clock.advance(0));
    assert.deepEqual([reader.ended, contentsOf(reader.bytes).includes("mark")], [false, true]);
    up.fail(new Error("gone again"));
    await clock.advance(1600);
    await reader.drain(() => clock.advance(0));
    assert.deepEqual([up.opened, up.open, reader.ended], [2, 0, true]);
  });

  test("leaves when its signal aborts, also once it watches", async () => {
    const up = createUpstream("a");
    const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
    const control = new AbortController();
    const watch = hub.watch(tune("one"), viewer, control.signal);
    await clock.advance(0);
    up.send(60);
    await watch;
    assert.equal(hub.streams()[0]?.viewers.length, 1);
    control.abort();
    assert.equal(hub.streams()[0]?.viewers.length, 0);
    await clock.advance(6000);
    assert.equal(up.open, 0);
  });
});
