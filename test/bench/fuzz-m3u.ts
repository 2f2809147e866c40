// By hand: a million hostile playlists through reader, writer and header rewriter. `bun test/bench/fuzz-m3u.ts [CASES] [SEED]`
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { formatPlaylist, rewriteHeader } from "../../core/formats/m3u.ts";
import type { LineupChannel } from "../../core/types.ts";
import { bytesOf, createRandom, hostilePlaylist, readPlaylist } from "../support/m3u.ts";

const cases = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
const random = createRandom(seed);
const megabytes = () => Math.round(process.memoryUsage().rss / 2 ** 20);
const options = { base: "http://base.example/list.m3u" };
let entries = 0;
let slowest = 0;
let settled = 0;
const started = performance.now();

for (let round = 1; round <= cases; round++) {
  const bytes = hostilePlaylist(random);
  const begun = performance.now();
  try {
    const whole = await readPlaylist(bytes, options, bytes.length);
    const cut = await readPlaylist(bytes, options, 1 + Math.floor(random() * 16));
    assert.deepEqual(cut, whole, "the chunks must not matter");
    entries += whole.channels.length;

    // What was written once is read and written the same from then on.
    const lineup = whole.channels.map((channel, index): LineupChannel => {
      const number = String(index + 1);
      return { guideId: "none", ...channel, id: `a:${index}`, instance: "a", number, alternates: [] };
    });
    const written = [...formatPlaylist(lineup)].join("");
    const again = await readPlaylist(written, options);
    assert.equal(again.channels.length, whole.channels.length, "every channel must survive being written");
    assert.deepEqual(again.dropped, {}, "what is written holds nothing to drop");

    let length = 0;
    for await (const chunk of rewriteHeader(bytesOf(bytes, 7), "http://g/")) length += chunk.length;
    assert.ok(length > 0 || bytes.length === 0);
  } catch (error) {
    process.stderr.write(`case ${round} of seed ${seed}: ${JSON.stringify(Buffer.from(bytes).toString("latin1"))}\n`);
    throw error;
  }
  slowest = Math.max(slowest, performance.now() - begun);
  if (round === Math.ceil(cases / 10)) settled = megabytes();
  if (round % Math.ceil(cases / 10) === 0)
    process.stdout.write(`${round} cases, ${entries} entries, ${megabytes()} MiB\n`);
}

const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  `${cases} cases in ${seconds.toFixed(1)} s; slowest ${slowest.toFixed(1)} ms; ${settled} MiB after a tenth, ${megabytes()} MiB at the end\n`,
);
assert.ok(megabytes() < settled * 1.5 + 32, "memory must not grow");
