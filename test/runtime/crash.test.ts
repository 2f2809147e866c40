// kill -9 at moments of chance, a small sample; test/bench/kill.ts does it 200 times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { killAgainAndAgain } from "../support/kills.ts";
import { createRandom } from "../support/m3u.ts";
import { withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 60_000;

test("kill -9 at any moment of a refresh loses nothing, and leaves no file that stays", { timeout }, () =>
  withFolder(async (folder) => {
    const { files, last } = await killAgainAndAgain({
      folder,
      kills: 6,
      channels: 60,
      programmes: 20,
      random: createRandom(20_261_121),
    });
    assert.ok(last.playlist > 0 && last.guide > 0);
    // Beside the first ones: two generations of the guide, one of them with a part for an instance, and playlists.
    assert.ok(files.most <= files.first + 16, `${files.first} files became ${files.most}`);
  }),
);
