// Programmes as objects and as elements.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  formatProgramme,
  formatProgrammes,
  parseDisplayNames,
  parseProgramme,
} from "../../../../core/formats/xmltv/index.ts";
import type { Programme, Text } from "../../../../core/types.ts";
import { parseTree } from "./agreement.ts";

/** Text without what XML cannot hold, and without white space around it. */
const content = fc
  .string({ minLength: 1, maxLength: 30, unit: "grapheme" })
  .map((text) => text.trim())
  .filter((text) => text !== "" && !/[\ufffe\uffff]/.test(text) && text.isWellFormed());
const odd = fc.constantFrom(
  "a & b",
  "<b>",
  "]]>",
  '"quoted"',
  "it's",
  "line\nbreak",
  "tab\tstop",
  "car\rriage",
  "&amp;",
  "😀",
  "\u00a0x",
);
const value = fc.oneof(content, odd);
const text: fc.Arbitrary<Text> = fc.record(
  { value, lang: fc.constantFrom("it", "en-GB") },
  { requiredKeys: ["value"], noNullPrototype: true },
);
const texts = fc.array(text, { minLength: 1, maxLength: 3 });
const seconds = fc.integer({ min: 0, max: 4_000_000_000 }).map((second) => second * 1000);
const role = fc.constantFrom("director", "actor", "writer", "presenter", "guest");
const roles = ["director", "actor", "writer", "presenter", "guest"];
const programmes: fc.Arbitrary<Programme> = fc.record(
  {
    channel: value,
    start: seconds,
    stop: seconds,
    titles: fc.array(text, { maxLength: 3 }),
    subtitles: texts,
    descriptions: texts,
    categories: texts,
    credits: fc
      .array(fc.record({ role, name: value, as: value }, { requiredKeys: ["role", "name"], noNullPrototype: true }), {
        minLength: 1,
        maxLength: 4,
      })
      .map((list) => list.sort((a, b) => roles.indexOf(a.role) - roles.indexOf(b.role))),
    date: fc.constantFrom("2024", "20240131"),
    icon: value,
    episodes: fc.dictionary(fc.constantFrom("xmltv_ns", "onscreen", "dd_progid"), value, {
      minKeys: 1,
      noNullPrototype: true,
    }),
    rating: fc.record(
      { value, system: fc.constantFrom("MPAA", "VCHIP") },
      { requiredKeys: ["value"], noNullPrototype: true },
    ),
    catchupId: value,
  },
  { requiredKeys: ["channel", "start", "titles"], noNullPrototype: true },
);

describe("parseProgramme()", () => {
  test("gives back what formatProgramme() wrote", () => {
    fc.assert(
      fc.property(programmes, (programme) => {
        assert.deepEqual(parseProgramme(formatProgramme(programme)), programme);
      }),
      { numRuns: 500 },
    );
  });

  test("reads what guides write in other ways", () => {
    const element = `<programme stop="20260101133000 +0100" channel='a&amp;b' start = "202601011200">
      <x/><title>
         Tom <![CDATA[& ]]>&#74;erry </title><title lang="it"></title>
      <credits><actor role="R">A <image>http://i</image></actor><director>D</director></credits>
      <icon src="1"/><icon src="2"/><episode-num>S1E2</episode-num>
      <rating><icon src="r"/><value>PG</value></rating><rating system="X"><value>18</value></rating>
    </programme>`;
    assert.deepEqual(parseProgramme(element), {
      channel: "a&b",
      start: Date.UTC(2026, 0, 1, 12),
      stop: Date.UTC(2026, 0, 1, 12, 30),
      titles: [{ value: "Tom & Jerry" }],
      credits: [
        { role: "actor", name: "A", as: "R" },
        { role: "director", name: "D" },
      ],
      icon: "1",
      episodes: { onscreen: "S1E2" },
      rating: { value: "PG" },
    });
  });

  test("gives nothing without a start", () => {
    assert.equal(parseProgramme('<programme channel="a"><title>x</title></programme>'), undefined);
    assert.equal(parseProgramme("text"), undefined);
  });
});

test("formatProgrammes() writes a whole document", async () => {
  async function* two(): AsyncIterable<Programme> {
    yield { channel: "a", start: 0, titles: [{ value: "1" }] };
    yield { channel: "b", start: 3_600_000, stop: 7_200_000, titles: [] };
  }
  let document = "";
  for await (const piece of formatProgrammes(two())) document += piece;
  const tv = parseTree(document).children.find((child) => typeof child !== "string");
  assert.ok(tv && typeof tv !== "string");
  const elements = tv.children.filter((child) => typeof child !== "string");
  assert.deepEqual(
    elements.map((child) => (typeof child === "string" ? "" : child.attributes)),
    [
      { start: "19700101000000 +0000", channel: "a" },
      { start: "19700101010000 +0000", stop: "19700101020000 +0000", channel: "b" },
    ],
  );
});

test("parseDisplayNames() reads names however they are written", () => {
  const element =
    "<channel id='a'><display-name lang='it'> Rai <![CDATA[& <1>]]></display-name><!-- <display-name>no</display-name> --><display-name/><display-name\n>&#50;</display-name ></channel>";
  assert.deepEqual(parseDisplayNames(new TextEncoder().encode(element)), ["Rai & <1>", "2"]);
});
