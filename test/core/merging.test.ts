// When the guide is merged, on a clock that is moved by hand.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GuideKeeper } from "../../core/guide/index.ts";
import type { LineupKeeper } from "../../core/lineup/index.ts";
import { createMerging } from "../../core/merging.ts";
import { createTestClock } from "../support/clock.ts";

function create() {
  const clock = createTestClock();
  const state = { merges: 0, unsettled: true };
  const quiet = () => {};
  const merge = async () => {
    state.merges++;
    await clock.sleep(1000);
    return { unchanged: true };
  };
  const merging = createMerging({
    guide: { merge, size: 0 } as unknown as GuideKeeper,
    lineup: { composed: () => ({ channels: [], get: () => undefined }) } as unknown as LineupKeeper,
    clock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    signal: new AbortController().signal,
    sources: () => [],
    unsettled: () => state.unsettled,
  });
  return { clock, state, merging };
}

describe("createMerging()", () => {
  it("waits 20 s for an instance that never settles, and then no more", async () => {
    const { clock, state, merging } = create();
    void merging.request();
    await clock.advance(19_000);
    assert.equal(state.merges, 0);
    await clock.advance(2_000);
    assert.equal(state.merges, 1);
    await clock.advance(1_000);
    void merging.request();
    await clock.advance(0);
    assert.equal(state.merges, 2);
  });

  it("makes one merge of all requests that come before it begins", async () => {
    const { clock, state, merging } = create();
    state.unsettled = false;
    const requests = Array.from({ length: 5 }, () => merging.request());
    await clock.advance(0);
    assert.equal(state.merges, 1);
    const late = merging.request();
    await clock.advance(2_000);
    await Promise.all([...requests, late]);
    assert.equal(state.merges, 2);
  });
});
