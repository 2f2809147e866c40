// How long a viewer has waited for its first byte: told while it watches, and not before.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createReader, createRig, createUpstream } from "./rig.ts";

const never = new AbortController().signal;

test("status tells how long each viewer waited for its first byte, its own wait and nobody else's", async () => {
  const up = createUpstream("a");
  const { hub, clock, tune } = createRig({ one: { upstreams: [up] } });
  const waits = () => hub.streams().flatMap(({ viewers }) => viewers.map(({ name, firstByte }) => [name, firstByte]));
  const first = hub.watch(tune("one"), { name: "tv" }, never);
  await clock.advance(700);
  assert.deepEqual(waits(), [["tv", undefined]]);
  up.send(60);
  await clock.advance(100);
  const one = createReader((await first).body);
  const [[, waited]] = waits() as [[string, number]];
  assert.ok(waited >= 700 && waited <= 800, `${waited} ms`);
  // Who joins what is open waits for nothing.
  const two = createReader((await hub.watch(tune("one"), { name: "phone" }, never)).body);
  await clock.advance(5000);
  assert.deepEqual(waits(), [
    ["tv", waited],
    ["phone", 0],
  ]);
  await one.leave();
  await two.leave();
  await hub.stop();
});
