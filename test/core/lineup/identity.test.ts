// Channels are recognised through renames, reorderings, rotating tokens and absences.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type Departed,
  departedOf,
  IdMaker,
  type Known,
  localIdOf,
  Recogniser,
  slug,
} from "../../../core/lineup/identity.ts";
import { publish } from "../../../core/lineup/output.ts";
import type { Channel, LineupChannel } from "../../../core/types.ts";

const never = () => undefined;

interface Memory {
  readonly live: readonly LineupChannel[];
  readonly departed: readonly Departed[];
}

const nothing: Memory = { live: [], departed: [] };

/** One refresh: the ids given, and what is remembered after it, as the lineup does it. */
async function round(channels: readonly Channel[], { live, departed }: Memory) {
  const recogniser = new Recogniser(live);
  for (const channel of channels) recogniser.take(channel);
  const { found, gone } = await recogniser.settle(channels, departed, never);
  const maker = new IdMaker([...departed.map((d) => d.id), ...live.map((c) => c.id.slice(2))]);
  const idOf = (known: Known | undefined) => known && localIdOf(known);
  const ids = channels.map((channel, place) => idOf(found[place]) ?? maker.make(channel));
  const next = channels.map((channel, place) => publish(channel, "i", `i:${ids[place]}`, "1"));
  return { ids, memory: { live: next, departed: [...departed, ...gone.map(departedOf)] } };
}

const rai1: Channel = { name: "Rai 1", guideId: "Rai1.it", groups: ["Italia"], url: "http://a.example/1.ts" };
const rai1hd: Channel = { name: "Rai 1 HD", guideId: "Rai1.it", groups: ["Italia"], url: "http://a.example/1hd.ts" };
const radio: Channel = { name: "Radio Due", url: "http://a.example/due.mp3" };

describe("Recogniser", () => {
  it("names a new channel by its guide id, else by its name", async () => {
    assert.deepEqual((await round([rai1, radio], nothing)).ids, ["rai1.it", "radio-due"]);
  });

  it("uses the provider's own id as it is", async () => {
    assert.deepEqual((await round([{ name: "A", id: "MAIN_7" }], nothing)).ids, ["MAIN_7"]);
  });

  it("keeps ids when upstream reorders", async () => {
    const first = await round([rai1, rai1hd, radio], nothing);
    const second = await round([radio, rai1hd, rai1], first.memory);
    assert.deepEqual(second.ids, [...first.ids].reverse());
  });

  it("does not let a new duplicate take an old channel's id", async () => {
    const first = await round([rai1], nothing);
    assert.deepEqual((await round([rai1hd, rai1], first.memory)).ids, ["rai1.it-2", "rai1.it"]);
  });

  it("recognises a renamed channel by its guide id", async () => {
    const first = await round([rai1], nothing);
    assert.deepEqual((await round([{ ...rai1, name: "RAI UNO", url: "http://b.example/x" }], first.memory)).ids, [
      "rai1.it",
    ]);
  });

  it("recognises a channel without guide id by its address when it is renamed", async () => {
    const first = await round([radio], nothing);
    assert.deepEqual((await round([{ ...radio, name: "Rai Radio 2" }], first.memory)).ids, ["radio-due"]);
  });

  it("recognises every channel when all addresses change", async () => {
    const first = await round([rai1, rai1hd, radio], nothing);
    const moved = [radio, rai1, rai1hd].map((c) => ({ ...c, url: `${c.url}?token=${c.name.length}` }));
    assert.deepEqual((await round(moved, first.memory)).ids, ["radio-due", "rai1.it", "rai1.it-2"]);
  });

  it("gives a channel that comes back its old id", async () => {
    const first = await round([rai1, radio], nothing);
    const second = await round([radio], first.memory);
    assert.deepEqual((await round([rai1, radio], second.memory)).ids, first.ids);
  });

  it("never gives one id twice, and gives the same ids to the same entries in any order", async () => {
    const channel = fc.record({
      name: fc.constantFrom("A", "B", "Ünï", "日本", "🎬"),
      guideId: fc.constantFrom("", "x.it", "y.it"),
      url: fc.webUrl(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(channel, { maxLength: 12 }), fc.infiniteStream(fc.nat()), async (channels, order) => {
        const first = await round(channels, nothing);
        assert.equal(new Set(first.ids).size, channels.length);
        const pairs = channels.map((c, i) => ({ c, id: first.ids[i], key: order.next().value as number }));
        pairs.sort((a, b) => a.key - b.key);
        const second = await round(
          pairs.map((p) => p.c),
          first.memory,
        );
        assert.equal(new Set(second.ids).size, channels.length);
        assert.deepEqual([...second.ids].sort(), [...first.ids].sort());
        if (new Set(channels.map((c) => c.url)).size === channels.length) {
          assert.deepEqual(
            second.ids,
            pairs.map((p) => p.id),
          );
        }
      }),
    );
  });

  it("remembers no address of a channel that left, only its hash", async () => {
    const { memory } = await round([{ name: "A", url: "http://h.example/secretuser/secretpass/1.ts" }], nothing);
    const { departed } = (await round([{ name: "B" }], memory)).memory;
    assert.equal(departed.length, 1);
    assert.doesNotMatch(JSON.stringify(departed), /secret/);
  });
});

describe("slug()", () => {
  it("gives something for every text", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => /^[a-z0-9][a-z0-9.-]*$/.test(slug(text))));
    assert.equal(slug("Télé Québec"), "tele-quebec");
  });
});
