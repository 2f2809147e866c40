// findNearest(): suggests what was meant, and nothing when nothing was near.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findNearest, hintNearest } from "../../../core/config/nearest.ts";

describe("findNearest()", () => {
  const known = ["playlist", "guides", "port", "use", "publicUrl", "m3u"];
  const cases: readonly [word: string, nearest: string | undefined][] = [
    ["playlst", "playlist"],
    ["palylist", "playlist"],
    ["Playlists", "playlist"],
    ["guide", "guides"],
    ["publicURL", "publicUrl"],
    ["prot", "port"],
    ["m3y", "m3u"],
    ["esu", undefined],
    ["x", undefined],
    ["", undefined],
    ["completely", undefined],
    ["playlist".repeat(50), undefined],
  ];
  for (const [word, nearest] of cases) {
    it(`gives ${nearest} for ${word.slice(0, 20)}`, () => assert.equal(findNearest(word, known), nearest));
  }

  it("finds any word of some length again after one slip", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{4,12}$/), fc.nat(), fc.stringMatching(/^[a-z]$/), (word, at, letter) => {
        const index = at % word.length;
        assert.equal(findNearest(word.slice(0, index) + letter + word.slice(index), [word, "0123456789"]), word);
        assert.equal(findNearest(word.slice(0, index) + word.slice(index + 1), [word, "0123456789"]), word);
      }),
      { seed: 3 },
    );
  });
});

describe("hintNearest()", () => {
  it("is ready to follow a sentence", () => {
    assert.equal(hintNearest("serv", ["serve"]), "; did you mean serve?");
    assert.equal(hintNearest("zzz", ["serve"]), "");
  });
});
