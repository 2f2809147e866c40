// Details of programmes: asked for once, and again some hours later where the web service had none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createInfos } from "../../../providers/movistar/info.ts";
import { createTestClock } from "../../support/clock.ts";

test("what the web service has nothing of is asked for again some hours later, and what it has is not", async () => {
  const clock = createTestClock();
  const asked: unknown[] = [];
  let isBusy = true;
  const appserver = {
    endPoints: [],
    learn() {},
    async ask(_action: string, query: Readonly<Record<string, string | number>> = {}) {
      asked.push(query.productID);
      return isBusy && query.productID === 1 ? undefined : { description: `Sobre ${query.productID}` };
    },
  };
  const infos = createInfos({ appserver, clock, kept: undefined });
  const fetch = async () => {
    asked.length = 0;
    const wanted = [1, 2].map((pid) => ({ pid, channel: 7 }));
    assert.equal(await infos.fetch(wanted, 1000, new AbortController().signal), asked.length);
    return [...asked];
  };
  assert.deepEqual(await fetch(), [1, 2]);
  assert.equal(infos.get(1), undefined);
  isBusy = false;
  assert.deepEqual(await fetch(), []);
  assert.deepEqual([...infos.lines()], ['[2,{"description":"Sobre 2"}]\n']);
  await clock.advance(4 * 3_600_000);
  assert.deepEqual(await fetch(), [1]);
  assert.equal(infos.get(1)?.description, "Sobre 1");
  infos.retain(new Set([2]));
  assert.equal(infos.get(1), undefined);
});
