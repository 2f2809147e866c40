// The scanner finds what a strict parser finds, whatever the chunks; and something sensible in anything else.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { checkAny, checkWellFormed, seenByScanner } from "./agreement.ts";
import { createRandom, cut, damaged, wellFormed } from "./documents.ts";

describe("Scanner", () => {
  test("agrees with sax on a thousand random well-formed documents, cut anywhere", () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const random = createRandom(seed);
      const document = wellFormed(random);
      try {
        checkWellFormed(document, cut(random, Buffer.from(document)));
      } catch (error) {
        throw new Error(`seed ${seed}: ${document}`, { cause: error });
      }
    }
  });

  test("gives well-formed output for a thousand damaged documents, the same however they are cut", () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const random = createRandom(seed);
      const bytes = damaged(random, wellFormed(random));
      try {
        checkAny(bytes, cut(random, bytes));
      } catch (error) {
        throw new Error(`seed ${seed}: ${bytes.toString("latin1")}`, { cause: error });
      }
    }
  });

  const scan = (text: string) => {
    const { seen, lost } = seenByScanner([Buffer.from(text)]);
    return { seen: seen.map(({ kind, id, text }) => `${kind} ${id} ${text}`), lost };
  };

  test("passes over what comments, sections and instructions hide", () => {
    const text =
      '<tv><!-- <channel id="x"></channel> --><?p <programme channel="y">?><programme channel="a"><desc><![CDATA[</programme><programme channel="z">]]></desc><!-- </programme> --></programme></tv>';
    assert.deepEqual(scan(text), { seen: ['programme a </programme><programme channel="z">'], lost: [] });
  });

  test("finds what hides tags behind any number of exclamation and question marks", () => {
    for (const count of [0, 255, 256, 257, 3000]) {
      const [before, between] = ["!".repeat(count), "?".repeat(count)];
      const text = `<tv><programme channel="a"><desc>${before}<![CDATA[</programme>]]>${between}<!-- </programme> --></desc></programme></tv>`;
      assert.deepEqual(scan(text), { seen: [`programme a ${before}</programme>${between}`], lost: [] });
    }
  });

  test("tells channel from channel_id and programme from programmes", () => {
    assert.deepEqual(
      scan(
        '<tv><programmes><programme channel="a"><channel_id>7</channel_id></programme></programmes><channels><channel id="b"/></channels></tv>',
      ).seen,
      ["programme a 7", "channel b "],
    );
  });

  test("ends an element that is not closed where the next begins", () => {
    assert.deepEqual(
      scan(
        '<tv><programme channel="a"><title>A</title><programme channel="b"><title>B</title></programme><channel id="c"><display-name>C</display-name><channel id="d"/></tv>',
      ).seen,
      ["programme a A", "programme b B", "channel c C", "channel d "],
    );
  });

  test("passes a comment of any length between elements without holding it", () => {
    const comment = Buffer.from(`<!-- ${"x".repeat(9_000_000)} -->`);
    const { seen, lost } = seenByScanner([
      Buffer.from("<tv>"),
      comment,
      Buffer.from('<programme channel="a"><title>A</title></programme></tv>'),
    ]);
    assert.deepEqual([seen.length, lost], [1, []]);
  });
});
