// Filters and renames as data.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRules, rulesSchema } from "../../../core/lineup/rules.ts";
import type { Channel } from "../../../core/types.ts";

const channels: Channel[] = [
  { name: "Rai 1", guideId: "Rai1.it", groups: ["Italia", "News"] },
  { name: "RAI 2 (test)", guideId: "Rai2.it", groups: ["Italia"] },
  { name: "TF1", id: "tf1", groups: ["France"] },
  { name: "Loose" },
];

function run(rules: unknown) {
  const apply = compileRules(rulesSchema.parse(rules));
  return channels.flatMap((channel) => {
    const ruled = apply ? apply(channel) : { channel, pinned: false };
    return ruled ? [ruled] : [];
  });
}

const names = (rules: unknown) => run(rules).map((r) => r.channel.name);

describe("compileRules()", () => {
  it("gives nothing to apply for no rules", () => assert.equal(compileRules({}), undefined));

  it("includes by group, name and id, upper and lower case alike", () => {
    assert.deepEqual(names({ include: [{ group: "ITALIA" }] }), ["Rai 1", "RAI 2 (test)"]);
    assert.deepEqual(names({ include: [{ name: "rai*" }, { id: "TF?" }] }), ["Rai 1", "RAI 2 (test)", "TF1"]);
  });

  it("wants every key of a selector", () => {
    assert.deepEqual(names({ include: [{ group: "News", name: "Rai*" }] }), ["Rai 1"]);
  });

  it("excludes after it includes, and takes other signs literally", () => {
    assert.deepEqual(names({ include: [{ name: "rai*" }], exclude: [{ name: "*(test)" }] }), ["Rai 1"]);
  });

  it("selects channels without a group by an empty one", () => {
    assert.deepEqual(names({ exclude: [{ group: ["*a*"] }] }), ["Loose"]);
  });

  it("sets group, number, name and logo; a later entry wins; a number is pinned", () => {
    const [first] = run({
      set: [
        { where: { name: "Rai 1" }, name: "RAI Uno", group: "A;B", number: 101, logo: "http://l.example/1.png" },
        { where: { id: "rai1.it" }, name: "Uno" },
      ],
    });
    assert.deepEqual(first, {
      channel: { name: "Uno", guideId: "Rai1.it", groups: ["A", "B"], number: "101", logo: "http://l.example/1.png" },
      pinned: true,
    });
  });

  it("sets what is kept of live pictures, and takes it away", () => {
    const [first, second] = run({
      set: [
        { where: { name: "*" }, timeshift: "2h", timeshiftSize: "4GB", timeshiftWhen: "always" },
        { where: { name: "Rai 1" }, timeshift: "0s" },
      ],
    });
    assert.equal(first?.channel.timeshift, 0);
    const { timeshift, timeshiftSize, timeshiftWhen } = second?.channel ?? {};
    assert.deepEqual(
      { timeshift, timeshiftSize, timeshiftWhen },
      { timeshift: 7_200_000, timeshiftSize: 4e9, timeshiftWhen: "always" },
    );
    for (const wrong of [{ timeshift: "2 hours" }, { timeshiftSize: "1MB" }, { timeshiftWhen: "never" }])
      assert.equal(rulesSchema.safeParse({ set: [{ where: { name: "*" }, ...wrong }] }).success, false);
  });

  it("refuses an empty selector and an unknown key", () => {
    assert.equal(rulesSchema.safeParse({ include: [{}] }).success, false);
    assert.equal(rulesSchema.safeParse({ exclude: [{ nam: "x" }] }).success, false);
  });

  it("is not slowed by many wildcards", () => {
    const apply = compileRules(rulesSchema.parse({ include: [{ name: `${"*a".repeat(12)}b` }] }));
    const started = performance.now();
    assert.equal(apply?.({ name: "a".repeat(60) }), undefined);
    assert.ok(performance.now() - started < 2000);
  });
});
