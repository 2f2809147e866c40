// The test card's guide: half hours without gaps, the same for everybody who asks.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { programmesOf } from "../../../providers/testcard/programmes.ts";

const halfHour = 1_800_000;

test("programmesOf() covers any span without gaps, and with nothing outside it", () => {
  const instant = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
  fc.assert(
    fc.property(instant, fc.integer({ min: 1, max: 3 * 24 * 2 * halfHour }), (from, length) => {
      const programmes = [...programmesOf("1", { from, to: from + length })];
      const [first, last] = [programmes[0], programmes.at(-1)];
      assert.ok(
        first && last && first.start <= from && (last.stop ?? 0) >= from + length && last.start < from + length,
      );
      for (const [index, { start, stop }] of programmes.entries()) {
        assert.equal(stop, start + halfHour);
        assert.equal(start, first.start + index * halfHour);
      }
    }),
  );
});

test("programmesOf() gives a half hour the same title whichever span it is asked for in", () => {
  const noon = Date.UTC(2026, 0, 1, 12);
  const title = (from: number) =>
    [...programmesOf("1", { from, to: noon + halfHour })].find(({ start }) => start === noon)?.titles[0]?.value;
  assert.ok(title(noon));
  assert.equal(title(noon), title(noon - 7 * 24 * 2 * halfHour));
});
