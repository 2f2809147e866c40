// First numbers follow the config's order, but nobody waits for long.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTurns } from "../../../core/lineup/turns.ts";
import { createTestClock } from "../../support/clock.ts";

const order = ["one", "two", "three"];

describe("createTurns()", () => {
  const create = () => {
    const clock = createTestClock();
    const turns = createTurns(clock, 10_000);
    const came: string[] = [];
    const wait = (name: string) => turns.wait(name, order).then(() => void came.push(name));
    return { clock, turns, came, wait };
  };

  it("lets those wait who stand behind somebody expected, until that one has come", async () => {
    const { clock, turns, came, wait } = create();
    for (const name of order) turns.expect(name);
    const all = [wait("three"), wait("two"), wait("one")];
    await clock.advance(0);
    assert.deepEqual(came, ["one"]);
    turns.end("one");
    await clock.advance(0);
    assert.deepEqual(came, ["one", "two"]);
    turns.end("two");
    await Promise.all(all);
    assert.equal(clock.sleeping, 0);
  });

  it("waits for nobody who is not expected, and for nobody longer than the limit", async () => {
    const { clock, turns, came, wait } = create();
    await wait("three");
    turns.expect("one");
    void wait("two");
    await clock.advance(9_999);
    assert.deepEqual(came, ["three"]);
    await clock.advance(1);
    assert.deepEqual(came, ["three", "two"]);
  });
});
