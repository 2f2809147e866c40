// Timeshift of the whole server: the test card is recorded while it is watched, killed, and its past is asked for.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clockRate, packetLength, pidOf, readPcr } from "../../core/formats/mpegts.ts";
import { countContinuityErrors } from "../support/media.ts";
import { fetchUntil, serving, withFolder } from "./process.ts";

/** Milliseconds; a busy machine may take many times as long as an idle one. */
const timeout = 90_000;

interface Sight {
  /** When a first byte came, and the clock reference then. */
  readonly at: number;
  readonly pcr: number;
}

/** Watches a stream; for each clock reference, when it came. */
function watch(url: string) {
  const control = new AbortController();
  const sights: Sight[] = [];
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    const answer = await fetch(url, { signal: control.signal });
    assert.equal(answer.status, 200, `${url}: ${answer.status}`);
    for await (const part of answer.body ?? []) {
      parts.push(part);
      const pcr = pcrsOf(part)[0];
      if (pcr !== undefined) sights.push({ at: Date.now(), pcr });
    }
  })().catch((error) => {
    if (!control.signal.aborted) throw error;
  });
  // A test that fails ends the server, and what fails by that is not to be told of.
  reading.catch(() => {});
  return {
    sights,
    async leave() {
      control.abort();
      await reading;
      return joined(parts);
    },
  };
}

/** Of a stream's bytes, cut anywhere: its clock references in seconds. */
function pcrsOf(bytes: Uint8Array): number[] {
  const found: number[] = [];
  let at = 0;
  while (at + packetLength < bytes.length && (bytes[at] !== 0x47 || bytes[at + packetLength] !== 0x47)) at++;
  for (; at + packetLength <= bytes.length; at += packetLength) {
    const pcr = readPcr(bytes, at);
    if (pcr !== undefined) found.push(pcr / clockRate);
  }
  return found;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const text = async (url: string) => (await fetch(url)).text();

test("the past of a channel without catch-up is played from the instant that is asked for", { timeout }, () =>
  withFolder(async (folder) => {
    await writeFile(
      join(folder, "headend.yaml"),
      "instances:\n  card: { use: testcard, timeshift: 1h, set: [{ where: { name: '* 2' }, timeshift: 0s }] }\n",
    );
    const args = ["--config", join(folder, "headend.yaml")];
    let from = 0;
    let first: Sight | undefined;

    /** The same as HLS. */
    const checkPlaylist = async (base: string) => {
      const answer = await fetch(`${base}/live/card:1/archive-${from}-3.m3u8`);
      const playlist = await answer.text();
      const names = playlist.split("\n").filter((line) => line && !line.startsWith("#"));
      assert.ok(names.length > 0, playlist);
      const first = await fetch(new URL(names[0] ?? "", answer.url));
      assert.equal(first.status, 200);
      assert.equal(countContinuityErrors(new Uint8Array(await first.arrayBuffer())), 0);
    };

    /** Asks for the past that was seen, and compares. */
    const check = async (base: string) => {
      const answer = await fetch(`${base}/live/card:1/archive-${from}-3.ts`);
      assert.equal(answer.status, 200, `${answer.status}`);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      assert.equal(bytes.length % packetLength, 0);
      assert.deepEqual([pidOf(bytes, 0), bytes[0]], [0, 0x47]);
      assert.equal(countContinuityErrors(bytes), 0);
      const pcrs = pcrsOf(bytes);
      const expected = (first?.pcr ?? 0) + from - (first?.at ?? 0) / 1000;
      const begin = pcrs[0] ?? Number.NaN;
      // A key frame comes every second or so; players are given a second ahead.
      assert.ok(begin > expected - 3 && begin < expected + 1.5, `begins at ${begin}, expected ${expected}`);
      const span = (pcrs.at(-1) ?? 0) - begin;
      assert.ok(span > 2 && span < 7, `${span} seconds`);
    };

    await serving(
      folder,
      async ({ base, end }) => {
        await fetchUntil(200, `${base}/readyz`);
        const playlist = await text(`${base}/playlist.m3u`);
        assert.match(playlist, /catchup-days="1".*,Test card 1\n/);
        assert.doesNotMatch(playlist, /catchup[^\n]*,Test card 2\n/);
        const missing = await fetch(`${base}/live/card:1.ts?utc=${Math.floor(Date.now() / 1000) - 60}`);
        assert.equal(missing.status, 404);
        assert.match(await missing.text(), /nothing of it has been recorded yet/);
        const live = watch(`${base}/live/card:1.ts`);
        await sleep(10_000);
        [first] = live.sights;
        from = Math.floor((first?.at ?? 0) / 1000) + 4;
        await check(base);
        const { streams } = (await (await fetch(`${base}/api/streams`)).json()) as {
          streams: { at?: string; viewers: { name: string }[] }[];
        };
        const names = streams.filter(({ at }) => at === undefined).flatMap(({ viewers }) => viewers);
        assert.ok(names.some(({ name }) => name === "timeshift"));
        const figures = await text(`${base}/metrics`);
        assert.match(figures, /^headend_timeshift_channels 1$/m);
        assert.match(figures, /^headend_timeshift_bytes [1-9]/m);
        // Paused, and on again by a request for that past: followed up to live.
        const shifted = watch(`${base}/live/card:1.ts?utc=${from}&lutc=${Math.floor(Date.now() / 1000)}`);
        await sleep(1000);
        await live.leave();
        await sleep(4000);
        const bytes = await shifted.leave();
        assert.equal(countContinuityErrors(bytes), 0);
        const pcrs = pcrsOf(bytes);
        assert.ok((pcrs.at(-1) ?? 0) - (pcrs[0] ?? 0) > 7, "it goes on with what is recorded meanwhile");
        await end("SIGKILL");
      },
      args,
    );
    await serving(
      folder,
      async ({ base }) => {
        await fetchUntil(200, `${base}/readyz`);
        await check(base);
        await checkPlaylist(base);
      },
      args,
    );
  }),
);
