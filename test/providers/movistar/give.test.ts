// Channels give their guide as soon as it is known, and the first ones wait for details.
import assert from "node:assert/strict";
import { test } from "node:test";
import { giveByChannel } from "../../../providers/movistar/give.ts";

const ids = Array.from({ length: 100 }, (_, index) => String(index));

/** Gives `services` one after the other when they are told; what was given is in `given`. */
function open(services: AsyncIterable<number>, isGuideOf = (service: number, id: string) => Number(id) === service) {
  const given: string[] = [];
  const control = new AbortController();
  const details = Promise.withResolvers<void>();
  let asked = 0;
  const ended = (async () => {
    const all = giveByChannel({
      ...{ ids, services, isGuideOf, signal: control.signal },
      ask() {
        asked++;
        return details.promise;
      },
      of: (id) => [`${id} a`, `${id} b`],
    });
    for await (const item of all) given.push(item);
  })();
  ended.catch(() => {});
  return {
    ...{ given, control, details, ended },
    get asked() {
      return asked;
    },
  };
}

/** Services that are told by hand. */
function byHand() {
  const told: (number | undefined)[] = [];
  let wake = Promise.withResolvers<void>();
  async function* services() {
    for (;;) {
      while (told.length === 0) await wake.promise;
      const service = told.shift();
      if (service === undefined) return;
      yield service;
    }
  }
  const tell = async (...more: (number | undefined)[]) => {
    told.push(...more);
    wake.resolve();
    wake = Promise.withResolvers();
    await new Promise(setImmediate);
  };
  return { services: services(), tell };
}

const twice = (some: readonly number[]) => some.flatMap((id) => [`${id} a`, `${id} b`]);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test("a channel gives its guide once its service is whole; those of which details are asked for wait for them", async () => {
  const { services, tell } = byHand();
  const all = open(services);
  await tell(99, 3, 80);
  assert.deepEqual(all.given, twice([99, 80]));
  assert.equal(all.asked, 0);
  await tell(...range(0, 60));
  assert.equal(all.asked, 1, "all of the first ones are known");
  assert.deepEqual(all.given, twice([99, 80]));
  all.details.resolve();
  await tell(70);
  assert.deepEqual(all.given, twice([99, 80, 70, ...range(0, 60)]));
  await tell(undefined);
  await all.ended;
  assert.deepEqual(new Set(all.given), new Set(twice(range(0, 100))));
  assert.equal(all.given.length, 200);
  assert.equal(all.asked, 1);
});

test("what was never whole comes at the end, and so do details that nobody could ask for before", async () => {
  const { services, tell } = byHand();
  const all = open(services);
  await tell(undefined);
  assert.deepEqual(all.given, twice(range(60, 100)));
  assert.equal(all.asked, 1);
  all.details.resolve();
  await all.ended;
  assert.deepEqual(all.given, twice([...range(60, 100), ...range(0, 60)]));
});

test("several channels may have the guide of one service", async () => {
  const { services, tell } = byHand();
  const all = open(services, (service, id) => service === 7 && Number(id) >= 98);
  await tell(7, 7);
  assert.deepEqual(all.given, twice([98, 99]));
});

test("it ends with what the services end with, and when it is told to", async () => {
  const failing = open(
    (async function* () {
      yield 99;
      throw new Error("no data");
    })(),
  );
  await assert.rejects(failing.ended, /no data/);
  assert.deepEqual(failing.given, twice([99]));
  const { services, tell } = byHand();
  const all = open(services);
  all.control.abort(new Error("stopped"));
  await tell(99);
  await assert.rejects(all.ended, /stopped/);
  assert.deepEqual(all.given, []);
});
