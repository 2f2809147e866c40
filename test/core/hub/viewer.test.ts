// One viewer: what its body gets, when it lags, when it ends.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createCutter } from "../../../core/hub/cutter.ts";
import { createRing } from "../../../core/hub/ring.ts";
import { createTransportViewer } from "../../../core/hub/viewer.ts";
import { contentsOf, createReader, createUpstream } from "./rig.ts";

const settle = async () => {
  for (let turn = 0; turn < 4; turn++) await setImmediate();
};

/** A ring of some 50 packets that an upstream's packets go into. */
async function setup(group = 20) {
  const ring = createRing(50 * 188, 100 * 188);
  const cutter = createCutter(ring);
  const up = createUpstream("a", group);
  const source = await up.source(new AbortController().signal);
  assert.ok(source.kind === "ts");
  const chunks = source.chunks[Symbol.asyncIterator]();
  const calls = { wants: 0, left: 0 };
  const viewer = (room = 10 * 188) =>
    createTransportViewer({
      ring,
      room,
      edge: cutter.edge,
      wants: () => void calls.wants++,
      left: () => void calls.left++,
    });
  return {
    ring,
    calls,
    viewer,
    async send(count: number) {
      up.send(count);
      const { value } = await chunks.next();
      if (value) cutter.write(value);
      cutter.flush();
    },
    close: async () => void (await chunks.return?.()),
  };
}

describe("createTransportViewer()", () => {
  test("begins at the newest picture that is there, with its tables", async () => {
    const { viewer, send, close } = await setup();
    for (let count = 0; count < 5; count++) await send(9);
    const reader = createReader(viewer().body);
    await reader.drain(settle);
    assert.deepEqual(contentsOf(reader.bytes).slice(0, 4), ["PAT", "PMT", "a#00000040", "a#00000041"]);
    await close();
  });

  test("takes no more than its body has room for, and tells when it wants more", async () => {
    const { viewer, send, calls, close } = await setup();
    await send(9);
    const one = viewer(10 * 188);
    for (let count = 0; count < 3; count++) {
      await send(9);
      one.feed();
    }
    assert.ok(one.waiting >= 10 * 188 && one.waiting <= 20 * 188, `${one.waiting}`);
    // 36 packets, and tables before each of two pictures.
    assert.equal(one.behind() + one.bytes, 40 * 188);
    const before = calls.wants;
    const reader = createReader(one.body);
    await reader.drain(settle);
    assert.ok(calls.wants > before);
    assert.deepEqual([one.waiting, one.behind()], [0, 0]);
    await close();
  });

  test("is moved forward to a picture when what comes next for it is gone, every gap marked", async () => {
    const { viewer, send, close } = await setup();
    await send(9);
    const one = viewer();
    one.feed();
    for (let count = 0; count < 20; count++) {
      await send(9);
      one.feed();
    }
    const reader = createReader(one.body);
    await reader.drain(settle);
    assert.equal(one.skips, 1);
    const seen = contentsOf(reader.bytes);
    const gap = seen.indexOf("mark");
    const [head, tail] = [seen.slice(0, gap), seen.slice(gap)];
    assert.match(head.at(-1) ?? "", /^a#/);
    assert.deepEqual(tail.slice(0, 6), ["mark", "mark", "mark", "PAT", "PMT", "a#00000180"]);
    assert.equal(seen.at(-1), "a#00000188");
    await close();
  });

  test("goes on at the end, marked, when no picture is kept at all", async () => {
    const { viewer, send, close, ring } = await setup(10_000);
    await send(9);
    const one = viewer();
    one.feed();
    for (let count = 0; count < 40; count++) await send(9);
    assert.equal(ring.joint, undefined);
    const reader = createReader(one.body);
    await reader.drain(settle);
    await send(9);
    one.feed();
    await reader.drain(settle);
    const seen = contentsOf(reader.bytes);
    assert.ok(seen.indexOf("mark") > 0);
    assert.equal(seen.at(-1), "a#00000377");
    await close();
  });

  test("end() gives what there still is; with a reason, the body fails after it", async () => {
    for (const reason of [undefined, new Error("cut off")]) {
      const { viewer, send, calls, close } = await setup();
      await send(30);
      const one = viewer(188);
      one.end(reason);
      assert.equal(calls.left, 0);
      let bytes = 0;
      const read = async () => {
        for await (const chunk of one.body) bytes += chunk.length;
      };
      if (reason) await assert.rejects(read, /cut off/);
      else await read();
      assert.equal(bytes, 12 * 188);
      assert.equal(calls.left, 1);
      await close();
    }
  });

  test("leaves once, whether it cancels, is dropped or ends", async () => {
    const { viewer, send, calls, close } = await setup();
    await send(9);
    const [cancelled, dropped, stuck] = [viewer(), viewer(), viewer()];
    await cancelled.body.cancel();
    dropped.drop();
    dropped.drop();
    stuck.drop(true);
    for (const each of [cancelled, dropped, stuck]) {
      each.end();
      assert.ok(each.gone && !each.feed());
    }
    assert.equal(calls.left, 3);
    assert.equal(stuck.waiting, 0, "what waited is let go");
    await close();
  });
});
