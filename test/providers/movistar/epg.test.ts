// The binary guide: the reference's worked example, programmes there and back, and files that are damaged.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { minimumAge, parseEpg } from "../../../providers/movistar/epg.ts";
import { formatDay } from "../../support/movistar/documents.ts";
import { makeSchedule } from "../../support/movistar/world.ts";

const example = Buffer.from(
  `00 00 00 12 6a 07 10 34 37 31 34 2e 69 6d 61 67 65 6e 69 6f 2e 65 73
   03 0d c7 07 61 cf 8b 70 0e 10 00 00 00 00 00 00 00 00 00 00 81 00 00 00 02 00 00 00 00 00 00 15
   59 7a 66 35 46 7c 78 65 66 7a 7b 35 41 27 21 35 50 65 3b 35 20
   f1 00 00 00 00 10 e1 00 05 07 dc 18 0b 59 7a 66 35 46 7c 78 65 66 7a 7b
   00 00 00 0e 64 65 66 61 75 6c 74 7c 53 54 4f 56 45 52
   00 00 00 00`.replaceAll(/\s/g, ""),
  "hex",
);

const events = makeSchedule([4714], { from: 1_640_991_600, days: 1, length: 1800 });
const day = formatDay(4714, 1, events);
const pids = (bytes: Uint8Array) => parseEpg(bytes)?.events.map(({ pid }) => pid) ?? [];

test("parseEpg() reads the worked example", () => {
  assert.equal(example.length, 122);
  assert.deepEqual(parseEpg(example), {
    service: 4714,
    faults: 0,
    events: [
      {
        ...{ pid: 51_234_567, start: 1_640_991_600, duration: 3600, genre: 0x81, age: 2, seriesId: 4321, episode: 5 },
        ...{ year: 2012, season: 24, title: "Los Simpson T24 Ep. 5", series: "Los Simpson" },
      },
    ],
  });
});

test("parseEpg() reads every programme of a day, entities and accents undone", () => {
  const read = parseEpg(day);
  assert.equal(read?.faults, 0);
  assert.deepEqual(
    read?.events.map(({ pid, start, duration, seriesId }) => [pid, start, duration, seriesId]),
    events.map(({ pid, start, duration, seriesId }) => [pid, start, duration, seriesId]),
  );
  const titles = new Set(read?.events.map(({ title }) => title));
  assert.ok(titles.has('"Noche" de Tom & Jerry'));
  assert.ok(titles.has("Los Simpson T24 Ep. 5 - El título"));
});

test("a damaged programme costs itself and no other", () => {
  const size = formatDay(4714, 1, events.slice(0, 3)).length - 4;
  const damaged = Buffer.from(day);
  // The length of the fourth one's title.
  damaged[size + 31] = 255;
  const read = pids(damaged);
  const all = events.map(({ pid }) => pid);
  assert.ok(read.length >= all.length - 2, `${read.length} of ${all.length}`);
  assert.deepEqual(
    read.filter((pid) => !all.includes(pid)),
    [],
  );
  assert.equal(parseEpg(damaged)?.faults, 1);
});

test("a file that is cut short has what was whole", () => {
  const cut = day.subarray(0, Math.floor(day.length / 2));
  const read = pids(cut);
  assert.deepEqual(
    read,
    events.slice(0, read.length).map(({ pid }) => pid),
  );
  assert.ok(read.length > events.length / 3);
});

test("parseEpg() throws at no bytes, and ends", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void parseEpg(bytes)));
  fc.assert(
    fc.property(fc.nat(day.length - 1), fc.nat(255), (at, octet) => {
      const damaged = Buffer.from(day);
      damaged[at] = octet;
      assert.ok(pids(damaged).length >= events.length - 3);
    }),
  );
});

test("minimumAge() takes a place that the table has not for the strictest", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 11].map((index) => minimumAge(index)),
    [0, 0, 0, 7, 12, 16, 17, 18, 18],
  );
});
