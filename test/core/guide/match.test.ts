// Keys of ids and names, and which targets they mean.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Matcher, normaliseId, normaliseName } from "../../../core/guide/match.ts";
import { target } from "./rig.ts";

describe("normaliseId()", () => {
  const same: [string, string][] = [
    ["Italia 1", "Italia 1.it"],
    ["Italia 1", "italia1"],
    ["RAI UNO", "rai uno"],
    ["Rai-1.it", "Rai 1"],
    ["Canal+.fr", "canal"],
    ["BBC One.uk", "bbcone"],
    ["Rai1.it@HD", "Rai1.it"],
    ["Rai1.it@SD", "Rai 1"],
    ["  La 7 ", "La7.it"],
    ["ČT 1", "čt1"],
  ];
  for (const [a, b] of same)
    test(`gives ${JSON.stringify(a)} and ${JSON.stringify(b)} one key`, () =>
      assert.equal(normaliseId(a), normaliseId(b)));

  const codes = ["it", "uk", "de", "com", "us", "es", "fr", "pt", "nl", "be", "at", "ch"];
  for (const code of codes)
    test(`cuts .${code} at the end`, () => assert.equal(normaliseId(`Kanal5.${code}`), "kanal5"));

  const kept: [string, string][] = [
    ["channel.tv", "channeltv"],
    ["ita.italia1", "itaitalia1"],
    ["summit", "summit"],
    ["Sky.it.it", "skyit"],
    ["a.it.x", "aitx"],
    ["Первый канал", "первыйканал"],
    ["中央电视台1", "中央电视台1"],
    ["ช่อง 3", "ช่อง3"],
    ["+++", ""],
  ];
  for (const [id, key] of kept)
    test(`makes ${JSON.stringify(id)} ${JSON.stringify(key)}`, () => assert.equal(normaliseId(id), key));
});

test("normaliseName() keeps what looks like a country", () => {
  assert.equal(normaliseName("TV.it"), "tvit");
  assert.equal(normaliseName("Sky  Sport-24"), "skysport24");
});

describe("Matcher", () => {
  const options = { match: "name", map: new Map() } as const;

  test("byId() means every target of a key, each by its best step", () => {
    const matcher = new Matcher([target("Rai1.it"), target("Rai1.it@HD"), target("RAI 2")]);
    assert.deepEqual(matcher.byId("Rai1.it", options), [
      { target: 0, step: "exact" },
      { target: 1, step: "normalised" },
    ]);
    assert.deepEqual(matcher.byId("Rai1.it", { ...options, match: "exact" }), [{ target: 0, step: "exact" }]);
  });

  test("byId() follows the map and nothing else where there is one", () => {
    const matcher = new Matcher([target("a"), target("b")]);
    const map = new Map([
      ["a", "b"],
      ["x", "nowhere"],
    ]);
    assert.deepEqual(matcher.byId("a", { ...options, map }), [{ target: 1, step: "map" }]);
    assert.deepEqual(matcher.byId("x", { ...options, map }), []);
  });

  test("byId() matches an instance's own ids as they are", () => {
    const matcher = new Matcher([target("g", { channelIds: ["cams:7"] })]);
    assert.deepEqual(matcher.byId("7", { ...options, channelsOf: "cams" }), [{ target: 0, step: "exact" }]);
    assert.deepEqual(matcher.byId("7", { ...options, channelsOf: "other" }), []);
    assert.deepEqual(matcher.byId("g", { ...options, channelsOf: "cams" }), []);
  });

  test("byName() means all targets that share a name, and none of a key that different names share", () => {
    const matcher = new Matcher([
      target("1", { names: ["Canal"] }),
      target("2", { names: ["Canal +"] }),
      target("3", { names: ["News"] }),
      target("4", { names: ["NEWS"] }),
    ]);
    const meant = (name: string) => matcher.byName([name]).map((found) => found.target);
    assert.deepEqual(meant("Canal +"), [1]);
    assert.deepEqual(meant("canal"), [0]);
    assert.deepEqual(meant("CANAL-"), []);
    assert.deepEqual(meant("news"), [2, 3]);
  });

  test("byName() takes a number for a name only where there is no other", () => {
    const matcher = new Matcher([target("1", { names: ["20"] }), target("2", { names: ["Mediaset Extra"] })]);
    assert.deepEqual(
      matcher.byName(["20", "Mediaset Extra"]).map((found) => found.target),
      [1],
    );
    assert.deepEqual(
      matcher.byName(["20"]).map((found) => found.target),
      [0],
    );
  });
});
