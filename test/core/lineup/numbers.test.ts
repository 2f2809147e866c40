// Numbers stay with their channel for ever.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  NumberBook,
  type NumberRange,
  type NumberRequest,
  parseNumber,
  sortKey,
} from "../../../core/lineup/numbers.ts";

const never = () => undefined;
const ask = (id: string, wish?: string, has = "", pinned = false): NumberRequest => ({ id, wish, has, pinned });

async function give(book: NumberBook, requests: NumberRequest[], range?: NumberRange) {
  const refused: string[] = [];
  const numbers = await book.give(
    (place) => requests[place] as NumberRequest,
    requests.length,
    range,
    (r) => refused.push(r.id),
    never,
  );
  return { numbers, refused };
}

describe("NumberBook.give()", () => {
  it("meets wishes before it allocates", async () => {
    const { numbers } = await give(new NumberBook(), [ask("a"), ask("b", "1"), ask("c")]);
    assert.deepEqual(numbers, ["2", "1", "3"]);
  });

  it("gives the second of two equal wishes another number", async () => {
    assert.deepEqual((await give(new NumberBook(), [ask("a", "7"), ask("b", "7")])).numbers, ["7", "1"]);
  });

  it("keeps a number against upstream's change of mind", async () => {
    const book = new NumberBook();
    book.enter("5", "a");
    assert.deepEqual((await give(book, [ask("a", "9", "5")])).numbers, ["5"]);
  });

  it("moves a channel when the user says so, and says so when it cannot", async () => {
    const book = new NumberBook();
    book.enter("5", "a");
    book.enter("6", "b");
    assert.deepEqual(await give(book, [ask("a", "9", "5", true)]), { numbers: ["9"], refused: [] });
    assert.deepEqual(await give(book, [ask("b", "9", "6", true)]), { numbers: ["6"], refused: ["b"] });
  });

  it("allocates inside the range and ignores wishes outside it", async () => {
    const { numbers } = await give(new NumberBook(), [ask("a", "3"), ask("b", "102")], { from: 100, to: 199 });
    assert.deepEqual(numbers, ["100", "102"]);
  });

  it("never gives a number to two channels, whatever happens", async () => {
    const step = fc.array(
      fc.record({ id: fc.nat({ max: 15 }), wish: fc.option(fc.nat({ max: 12 })), pinned: fc.boolean() }),
      { maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const book = new NumberBook();
        const has = new Map<string, string>();
        const ever = new Map<string, string>();
        for (const requests of steps) {
          const unique = [...new Map(requests.map((r) => [r.id, r])).values()];
          const list = unique.map((r) =>
            ask(`c${r.id}`, r.wish === null ? undefined : `${r.wish}`, has.get(`c${r.id}`), r.pinned),
          );
          const { numbers } = await give(book, list);
          for (const [index, number] of numbers.entries()) {
            const id = (list[index] as NumberRequest).id;
            assert.equal(ever.get(number) ?? id, id);
            ever.set(number, id);
            has.set(id, number);
          }
        }
      }),
    );
  });
});

describe("parseNumber()", () => {
  it("knows digits and sub-channels only, each in one form", () => {
    const same: [string, string][] = [
      ["1", "1"],
      ["905", "905"],
      ["4.1", "4.1"],
      ["5.12", "5.12"],
      ["007", "7"],
      ["7.0", "7"],
      ["7.01", "7.1"],
    ];
    for (const [given, number] of same) assert.equal(parseNumber(given), number);
    for (const no of ["", "0", "0.0", "-1", "1.", "a", "1e3", "12345678", "1.2.3", " 1"])
      assert.equal(parseNumber(no), undefined, no);
  });
});

describe("sortKey()", () => {
  it("puts 5.2 before 5.10 before 6", () => {
    assert.deepEqual(
      ["6", "5.10", "5.2", "5"].sort((a, b) => sortKey(a) - sortKey(b)),
      ["5", "5.2", "5.10", "6"],
    );
  });
});
