// What titles say of their series, by the table of what was measured, and the case that was measured to be wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readTitle } from "../../../providers/movistar/titles.ts";

/** Title, series id; what is shown, series, season, episode, title of the episode, whether it is a series. */
const vectors: readonly [string, number, string, string, number, number, string, boolean][] = [
  ["Los Simpson T24 Ep. 5 - El título", 9, "Los Simpson S24E05 - El título", "Los Simpson", 24, 5, "El título", true],
  ["Los Simpson T24 Ep.5", 9, "Los Simpson S24E05", "Los Simpson", 24, 5, "", true],
  ["American Dad T3 Ep 12", 1, "American Dad S03E12", "American Dad", 3, 12, "", true],
  ["Cuarto Milenio T17", 4, "Cuarto Milenio T17", "Cuarto Milenio T17", 0, 0, "", true],
  ["Cuarto Milenio T17 E3 - X", 4, "Cuarto Milenio S17E03 - X", "Cuarto Milenio", 17, 3, "X", true],
  ["Telediario", 0, "Telediario", "", 0, 0, "", false],
  ["Telediario", 77, "Telediario", "Telediario", 0, 0, "", true],
  ["Alien: el octavo pasajero", 0, "Alien: el octavo pasajero", "", 0, 0, "", false],
  ["AC/DC: Live", 0, "ACDC: Live", "", 0, 0, "", false],
  ["Documentos TV: La Luna Ep. 3", 3, "Documentos TV: La Luna Ep. 3", "Documentos TV", 0, 3, "La Luna", true],
  ["Padre de familia Ep. 4 - Uno", 3, "Padre de familia Ep. 4 - Uno", "Padre de familia", 0, 4, "Uno", true],
  [
    "La que se avecina T12 Ep.1 - Un moroso- un karaoke",
    5,
    "La que se avecina S12E01 - Un moroso - un karaoke",
    "La que se avecina",
    12,
    1,
    "Un moroso - un karaoke",
    true,
  ],
  // Read greedily, it would be episode 2.
  ["Gran Hermano T8 E12: Debate", 5, "Gran Hermano S08E12 - Debate", "Gran Hermano", 8, 12, "Debate", true],
  ["Isabel T2 Cap. 7 - La paz", 6, "Isabel S02E07 - La paz", "Isabel", 2, 7, "La paz", true],
  ["Uno / Dos", 0, "Uno: Dos", "", 0, 0, "", false],
  ["El T800 vuelve", 0, "El T800 vuelve", "", 0, 0, "", false],
];

for (const [title, seriesId, full, series, season, episode, episodeTitle, isSeries] of vectors)
  test(`readTitle() reads "${title}" of series ${seriesId}`, () => {
    assert.deepEqual(readTitle(title, seriesId), { full, series, season, episode, episodeTitle, isSeries });
  });
