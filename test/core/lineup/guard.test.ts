// A lineup that is suddenly far smaller.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Believed, believe } from "../../../core/lineup/guard.ts";

const before = (given: number): Believed => ({ given, strikes: 0, struck: 0 });

describe("believe()", () => {
  it("never believes an empty lineup", () => {
    const last = before(3);
    for (let now = 0; now < 1e9; now += 1e8) assert.throws(() => believe(0, last, 3, now), { code: "instance.empty" });
    assert.throws(() => believe(0, undefined, 3, 0), { code: "instance.empty" });
  });

  it("believes anything of a small lineup, and half of a large one", () => {
    believe(1, before(9), 3, 0);
    believe(20, before(40), 3, 0);
    assert.throws(() => believe(19, before(40), 3, 0), { code: "instance.shrunk" });
  });
});
