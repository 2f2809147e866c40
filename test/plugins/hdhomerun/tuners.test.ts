// Tuners of a device: who gets one, who is refused, and who hands on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadendError } from "../../../core/plugin.ts";
import { createTuners, type Seat } from "../../../plugins/hdhomerun/tuners.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel } from "../../support/host.ts";

const channel = (name: string) => lineupChannel({ name });

function open(count: number) {
  const clock = createTestClock();
  const control = new AbortController();
  const tuners = createTuners({ count, name: "Den", clock, signal: control.signal });
  const take = (client: string, name: string, wanted?: number) => tuners.take(client, channel(name), wanted);
  const probe = (name: string) => tuners.take("doctor", channel(name), undefined, true);
  const shown = () => Array.from({ length: count }, (_, tuner) => tuners.at(tuner)?.name);
  return { clock, control, take, probe, shown };
}

const refusal = (code: string) => (thrown: unknown) => thrown instanceof HeadendError && thrown.code === code;
const over = (...seats: readonly Seat[]) => seats.map((seat) => seat.signal.aborted);

test("take() gives every tuner once, and refuses who comes then", () => {
  const { take, shown } = open(2);
  const a = take("a", "A");
  take("b", "B");
  assert.deepEqual(shown(), ["A", "B"]);
  assert.throws(() => take("c", "C"), refusal("tune.busy"));
  a.leave();
  a.leave();
  take("c", "C");
  assert.deepEqual(shown(), ["C", "B"]);
  assert.throws(() => take("a", "A"), refusal("tune.busy"));
});

test("take() of a certain tuner gives that or says that it is taken", () => {
  const { take, shown } = open(2);
  take("a", "A", 1);
  assert.deepEqual(shown(), [undefined, "A"]);
  assert.throws(() => take("b", "B", 1), refusal("tune.taken"));
  assert.throws(() => take("b", "B", 2), refusal("tune.unknown"));
  take("a", "A2", 1);
  assert.deepEqual(shown(), ["A", "A2"], "while there are others, nobody is cut off");
});

test("a client on a full device hands its latest on, and has two seconds to close it itself", async () => {
  const { clock, take, shown } = open(2);
  const stays = take("plex", "Stays");
  const first = take("plex", "First");
  const second = take("plex", "Second");
  assert.deepEqual(shown(), ["Stays", "Second"]);
  await clock.advance(1900);
  assert.deepEqual(over(stays, first, second), [false, false, false]);
  await clock.advance(200);
  assert.deepEqual(over(stays, first, second), [false, true, false]);
});

test("a client that closes another than the one handed on keeps that", async () => {
  const { clock, take, shown } = open(2);
  const old = take("plex", "Old");
  const watched = take("plex", "Watched");
  const next = take("plex", "Next");
  old.leave();
  assert.deepEqual(shown(), ["Watched", "Next"]);
  await clock.advance(10_000);
  assert.deepEqual(over(watched, next), [false, false]);
});

test("a client that opens many at once has one more than there are tuners, and no more", () => {
  const { take } = open(1);
  const seats = ["A", "B", "C", "D"].map((name) => take("plex", name));
  assert.deepEqual(over(...seats), [true, true, false, false]);
});

test("a tune that fails gives the tuner back to the one that was to hand it on", async () => {
  const { clock, take, shown } = open(1);
  const watched = take("plex", "Watched");
  take("plex", "Broken").leave();
  assert.deepEqual(shown(), ["Watched"]);
  await clock.advance(10_000);
  assert.deepEqual(over(watched), [false]);
});

test("everybody is let go when the instance stops", () => {
  const { control, take } = open(2);
  const seats = [take("a", "A"), take("b", "B")];
  control.abort();
  assert.deepEqual(over(...seats), [true, true]);
  assert.throws(() => take("c", "C"));
});

test("a probe takes what is free and gives it up to whoever wants it; it takes nothing from anybody", () => {
  const { take, shown, probe } = open(2);
  const first = probe("P");
  take("a", "A");
  assert.deepEqual(shown(), ["P", "A"]);
  const b = take("b", "B");
  assert.deepEqual(shown(), ["B", "A"]);
  assert.deepEqual(over(first, b), [true, false]);
  assert.throws(() => probe("P"), refusal("tune.busy"));
  assert.deepEqual(over(b), [false]);
  b.leave();
  const second = probe("P");
  take("c", "C", 0);
  assert.deepEqual(shown(), ["C", "A"]);
  assert.deepEqual(over(second), [true]);
});
