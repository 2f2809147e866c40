// Channels as lines are what JSON says.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { createLineReader, encodeChannels } from "../../../core/lineup/lines.ts";
import { publish } from "../../../core/lineup/output.ts";
import type { Channel } from "../../../core/types.ts";

test("encodeChannels() gives what JSON.stringify() gives, and createLineReader() the channels again", () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      fc.constantFrom('"', "\\", "\u0001", "\ud800", "é", "日"),
    ),
  });
  const channel: fc.Arbitrary<Channel> = fc.record(
    {
      name: text,
      url: text,
      logo: text,
      groups: fc.array(text, { maxLength: 3 }),
      radio: fc.boolean(),
      guideShift: fc.integer(),
      attributes: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
    },
    { requiredKeys: ["name"] },
  );
  fc.assert(
    fc.property(fc.array(channel, { maxLength: 20 }), (given) => {
      const channels = given.map((each, at) => publish(each, "one", `one:${at}`, String(at + 1)));
      const stored = channels.map(({ instance: _, alternates: __, ...rest }) => rest);
      const lines = [{ given: 7 }, ...stored].map((each) => `${JSON.stringify(each)}\n`).join("");
      const pieces: Buffer[] = [];
      for (const piece of encodeChannels(channels, 7)) pieces.push(Buffer.from(piece));
      assert.equal(Buffer.concat(pieces).toString(), lines);
      const read = createLineReader("one");
      assert.deepEqual(lines.split("\n").slice(1, -1).map(read), channels);
    }),
  );
});
