// Instances put together, and what the guide is then made for.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compose, guideTargets } from "../../../core/lineup/compose.ts";
import { publish } from "../../../core/lineup/output.ts";
import type { Channel } from "../../../core/types.ts";

const never = () => undefined;

/** An instance whose channels have these numbers. */
const part = (name: string, channels: readonly (Channel & { number: string })[]) => ({
  name,
  channels: channels.map((channel, place) => publish(channel, name, `${name}:c${place}`, channel.number)),
});

describe("compose()", () => {
  it("puts channels in order of number, whichever way they come", async () => {
    const numbers = async (...given: readonly string[][]) => {
      const parts = given.map((list, place) =>
        part(
          `i${place}`,
          list.map((number) => ({ name: "A", number })),
        ),
      );
      return (await compose(parts, "keep", never)).channels.map(({ number }) => number);
    };
    assert.deepEqual(await numbers(["1", "2.1", "2.10"], ["3"]), ["1", "2.1", "2.10", "3"]);
    assert.deepEqual(await numbers(["7", "2.10", "2.1"], ["3"]), ["2.1", "2.10", "3", "7"]);
    assert.deepEqual(await numbers([]), []);
  });
});

describe("guideTargets()", () => {
  const targets = async (...parts: ReturnType<typeof part>[]) =>
    guideTargets(await compose(parts, "keep", never), never);

  it("makes one target of channels that share a guide id", async () => {
    const [target, ...more] = await targets(
      part("one", [
        { name: "Rai 1", guideId: "Rai1.it", number: "1" },
        { name: "Rai 1 HD", guideId: "Rai1.it", number: "2" },
      ]),
      part("two", [{ name: "Uno", guideId: "Rai1.it", number: "3" }]),
    );
    assert.equal(more.length, 0);
    assert.deepEqual([target?.id, target?.guideId], ["Rai1.it", "Rai1.it"]);
    assert.deepEqual(target?.names, ["Rai 1", "Rai 1 HD", "Uno"]);
    assert.deepEqual(target?.instances, ["one", "two"]);
  });

  it("gives a channel without guide id one in the form that XMLTV wants, matched by name only", async () => {
    const [target] = await targets(part("o_ne", [{ name: "Télé 5", number: "1" }]));
    assert.equal(target?.id, "c0.o-ne");
    assert.equal(target?.guideId, undefined);
  });

  it("gives a shifted channel an id of its own and keeps the unshifted one", async () => {
    const shifted = { name: "Rai 1 +1", guideId: "Rai1.it", guideShift: 3_600_000, number: "1" };
    const all = await targets(part("one", [shifted]));
    assert.deepEqual(
      all.map((t) => [t.id, t.guideId, t.shift]),
      [
        ["Rai1.it.plus60", "Rai1.it", 3_600_000],
        ["Rai1.it", "Rai1.it", 0],
      ],
    );
  });
});
