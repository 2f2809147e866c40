// Timeshift through the hub: what is recorded, how the past is watched, and what goes wrong.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createReader } from "../hub/rig.ts";
import { createShiftRig, drain, drained, numbersOf, rate, type ShiftOptions, type ShiftRig, seen } from "./rig.ts";

async function withRig(work: (rig: ShiftRig) => Promise<void>, o: ShiftOptions = {}): Promise<void> {
  const rig = await createShiftRig(o);
  try {
    await work(rig);
  } finally {
    await rig.remove();
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, place) => from + place);

describe("a channel with a timeshift", () => {
  test("is recorded while it is watched, and its past begins with the key frame at that instant", () =>
    withRig(async (rig) => {
      await rig.live();
      await rig.seconds(7);
      const [status] = rig.hub.streams();
      assert.deepEqual(
        status?.viewers.map(({ name }) => name),
        ["tv", "timeshift"],
      );
      assert.equal(rig.timeshift.recording, 1);
      const past = await drained(rig, (await rig.watch("a", { at: 3, until: 6 })).body);
      assert.ok(past.ended);
      const contents = seen(past.bytes);
      assert.deepEqual(contents.slice(0, 3), ["PAT", "PMT", "a#00000060"]);
      assert.deepEqual(numbersOf(contents), range(3 * rate, 6 * rate));
      assert.ok(!contents.includes("mark"), "nothing is missing, and nothing says so");
      const between = await drained(rig, (await rig.watch("a", { at: 3.5, until: 5.2 })).body);
      assert.deepEqual(numbersOf(seen(between.bytes)), range(3 * rate, 6 * rate));
    }));

  test("is followed up to live and on with it by who watches its past, when nobody watches live any more", () =>
    withRig(async (rig) => {
      const live = await rig.live();
      await rig.seconds(4);
      const past = createReader((await rig.watch("a", { at: 1 })).body);
      await live.leave();
      await drain(rig, past);
      for (let second = 0; second < 12; second++) {
        await rig.seconds(1);
        await drain(rig, past);
      }
      assert.equal(rig.up("a").open, 1);
      const numbers = numbersOf(seen(past.bytes));
      assert.deepEqual(numbers, range(rate, numbers.length + rate));
      assert.ok(numbers.length >= 15 * rate, `${numbers.length} pictures`);
      await past.leave();
      // Its own linger, then that of live.
      await rig.seconds(12);
      assert.equal(rig.up("a").open, 0);
      assert.equal(rig.timeshift.recording, 0);
    }));

  test("keeps nothing open by being recorded, and shows where it was not", () =>
    withRig(async (rig) => {
      for (let time = 0; time < 2; time++) {
        const live = await rig.live();
        await rig.seconds(3);
        await live.leave();
        await rig.seconds(30);
        assert.equal(rig.up("a").open, 0, "linger is over");
      }
      // Recorded: seconds 0 to 9, and 34 to 43.
      const whole = await drained(rig, (await rig.watch("a", { at: 5, until: 38 })).body);
      const contents = seen(whole.bytes);
      const numbers = numbersOf(contents);
      const gap = numbers.findIndex((number, place) => number !== (numbers[0] ?? 0) + place);
      assert.ok(gap > 0, "there is a gap");
      assert.ok(contents.includes("mark"), "and it is marked");
      assert.equal((numbers[gap] ?? 0) % rate, 0, "it goes on with a key frame");
      await assert.rejects(
        rig.watch("a", { at: 20 }),
        /a: was not recorded at .* 12:00:20 UTC, only until .* again from/,
      );
      const late = await drained(rig, (await rig.watch("a", { at: 30, until: 38 })).body);
      assert.deepEqual(numbersOf(seen(late.bytes)), numbers.slice(gap));
      await assert.rejects(rig.watch("a", { at: 62 }), /only until .*UTC$/);
    }));

  test("says how far it reaches, and begins with the oldest when that is near", () =>
    withRig(async (rig) => {
      await assert.rejects(rig.watch("a", { at: 0 }), /nothing of it has been recorded yet/);
      await rig.clock.advance(30_000);
      await rig.live();
      await rig.seconds(3);
      await assert.rejects(rig.watch("a", { at: 10 }), /its timeshift reaches back to 2026-01-01 12:00:30 UTC/);
      const past = await drained(rig, (await rig.watch("a", { at: 22, until: 32 })).body);
      assert.equal(numbersOf(seen(past.bytes))[0], 0);
    }));

  test("plays what there is when no tuner is free for the rest, and then says why", () =>
    withRig(
      async (rig) => {
        const live = await rig.live("a", "phone");
        await rig.seconds(4);
        await live.leave();
        await rig.seconds(6);
        await rig.live("b", "tv");
        const before = rig.up("a").opened;
        const past = await drained(rig, (await rig.watch("a", { at: 2 }, "phone")).body);
        for (let second = 0; second < 3; second++) {
          await rig.seconds(1, "b");
          await drain(rig, past);
        }
        assert.ok(past.ended);
        assert.ok(numbersOf(seen(past.bytes)).length >= 3 * rate);
        assert.equal(rig.up("a").opened, before);
        assert.equal(rig.up("b").open, 1);
      },
      { channels: [{}, {}], tuners: 1 },
    ));

  test("gives the tuner of its live pictures to another channel for the same client", () =>
    withRig(
      async (rig) => {
        const live = await rig.live("a", "tv");
        await rig.seconds(4);
        const past = createReader((await rig.watch("a", { at: 2 }, "tv")).body);
        await live.leave();
        await drain(rig, past);
        await rig.live("b", "tv");
        assert.deepEqual([rig.up("a").open, rig.up("b").open], [0, 1]);
      },
      { channels: [{}, {}], tuners: 1 },
    ));

  test("is recorded always where that is wanted, again and again, and gives way to viewers", () =>
    withRig(
      async (rig) => {
        assert.equal(rig.up("a").open, 1);
        await rig.seconds(5);
        assert.equal(rig.timeshift.recording, 1);
        rig.up("a").behaviour = "refuse";
        rig.up("a").end();
        await rig.seconds(10);
        assert.equal(rig.timeshift.recording, 0);
        assert.equal(rig.said.filter((each) => /is not recorded/.test(each)).length, 1);
        rig.up("a").behaviour = "open";
        await rig.seconds(20);
        assert.equal(rig.timeshift.recording, 1);
        await rig.live("b", "tv");
        assert.deepEqual([rig.up("a").open, rig.up("b").open], [0, 1]);
      },
      { channels: [{ timeshiftWhen: "always" }, { timeshift: 0 }], tuners: 1 },
    ));

  test("is taken where upstream's own catch-up fails, and not before", () =>
    withRig(
      async (rig) => {
        await rig.live();
        await rig.seconds(4);
        const past = await drained(rig, (await rig.watch("a", { at: 2, until: 3 })).body);
        assert.deepEqual(numbersOf(seen(past.bytes)), range(2 * rate, 3 * rate));
        assert.ok(rig.said.some((each) => /there is nothing/.test(each)));
      },
      { channels: [{ catchup: { mode: "default", source: "http://up.example/past?{utc}" } }] },
    ));

  test("goes on after a restart with what is there", async () => {
    const first = await createShiftRig();
    await first.live();
    await first.seconds(9);
    await first.close();
    const again = await createShiftRig({ folder: first.folder });
    try {
      // The test clock begins anew: it is one second behind what was recorded last.
      assert.ok(again.timeshift.bytes > 0);
      const past = await drained(again, (await again.watch("a", { at: 5, until: 8 })).body);
      assert.deepEqual(numbersOf(seen(past.bytes)), range(5 * rate, 8 * rate));
    } finally {
      await again.remove();
    }
  });

  test("is forgotten some time after it left the lineup, and nothing else is", () =>
    withRig(
      async (rig) => {
        const folder = join(rig.folder, "timeshift");
        await rig.live("a");
        await rig.live("b", "phone");
        await rig.seconds(4, "a", "b");
        await mkdir(join(folder, "lost+found"));
        assert.equal(readdirSync(folder).length, 3);
        rig.publish([rig.channel("b")]);
        await rig.settle();
        assert.equal(rig.timeshift.recording, 1);
        await rig.clock.advance(300_000);
        await rig.settle();
        assert.equal(readdirSync(folder).length, 3);
        await rig.clock.advance(300_000);
        await rig.settle();
        assert.deepEqual(
          readdirSync(folder)
            .map((name) => name.replace(/-[0-9a-f]{16}$/, ""))
            .sort(),
          ["lost+found", "one-b"],
        );
      },
      { channels: [{}, {}] },
    ));

  test("writes no file for a channel that has none", () =>
    withRig(
      async (rig) => {
        await rig.live();
        await rig.seconds(3);
        assert.equal(existsSync(join(rig.folder, "timeshift")), false);
        assert.deepEqual(
          rig.hub.streams()[0]?.viewers.map(({ name }) => name),
          ["tv"],
        );
      },
      { channels: [{ timeshift: 0 }] },
    ));
});
