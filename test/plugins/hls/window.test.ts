// The window of a live stream: what is listed, what is kept, how numbers and dates go on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHls } from "../../../core/formats/hls.ts";
import { planPast } from "../../../plugins/hls/pace.ts";
import { createPastPlaylist, formatLive } from "../../../plugins/hls/playlist.ts";
import type { Segment } from "../../../plugins/hls/segmenter.ts";
import { createTimeline } from "../../../plugins/hls/timeline.ts";
import { createWindow, type WindowOptions } from "../../../plugins/hls/window.ts";

const options: WindowOptions = { listed: 3, kept: 5, mostBytes: 1000, name: "s", sequence: 100, target: 2000 };
const segment = (part: Partial<Segment> = {}): Segment => ({
  bytes: new Uint8Array(10),
  duration: 2000,
  discontinuity: false,
  independent: true,
  ...part,
});

test("createWindow() lists the last segments, keeps some more, and forgets the rest", () => {
  const window = createWindow(options);
  for (let index = 1; index <= 7; index++) window.add(segment(), index * 2000);
  assert.deepEqual(
    window.list().map(({ name, sequence }) => [name, sequence]),
    [
      ["s-104.ts", 104],
      ["s-105.ts", 105],
      ["s-106.ts", 106],
    ],
  );
  assert.ok(window.get("s-102.ts"));
  assert.equal(window.get("s-101.ts"), undefined);
  assert.equal(window.bytes, 50);
});

test("no more bytes are kept than may be, but for three segments", () => {
  const window = createWindow(options);
  for (let index = 1; index <= 7; index++) window.add(segment({ bytes: new Uint8Array(400) }), index * 2000);
  assert.equal(window.list().length, 3);
  assert.equal(window.bytes, 1200);
});

test("a discontinuity steps the number, keeps it when its segment has gone, and sets the date right", () => {
  const window = createWindow(options);
  const now = [2000, 4100, 6200, 60_000, 62_000, 64_000];
  const counts: number[] = [];
  for (const [index, at] of now.entries()) {
    window.add(segment({ discontinuity: index === 3 }), at);
    const playlist = parseHls(formatLive(window.list(), window.target, "x/"));
    if (playlist.kind !== "media") throw new Error("no playlist");
    counts.push(playlist.discontinuity);
    assert.deepEqual(
      playlist.segments.map(({ uri, discontinuity, date }) => [uri, discontinuity, date]),
      window.list().map(({ name, discontinuity, date }) => [`x/${name}`, discontinuity, date]),
    );
  }
  assert.deepEqual(counts, [100, 100, 100, 100, 100, 101]);
  assert.deepEqual(
    window.list().map(({ date }) => date),
    [58_000, 60_000, 62_000],
  );
});

test("the target is that of the longest segment, and never less than before", () => {
  const window = createWindow(options);
  const targets = [1920, 2400, 4040, 2000, 3600].map((duration) => {
    window.add(segment({ duration }), 0);
    return window.target;
  });
  assert.deepEqual(targets, [2000, 2000, 4000, 4000, 4000]);
});

test("only a playlist whose segments all stand alone says so", () => {
  const window = createWindow(options);
  window.add(segment(), 2000);
  const says = () => formatLive(window.list(), window.target, "").includes("INDEPENDENT");
  assert.ok(says());
  window.add(segment({ independent: false }), 4000);
  assert.ok(!says());
  for (let index = 0; index < 3; index++) window.add(segment(), 6000);
  assert.ok(says());
});

test("createTimeline() adds up steps over a wrap, and says what does not continue", () => {
  const timeline = createTimeline(1000, 60_000);
  const steps: readonly (readonly [ticks: number, continues: boolean, elapsed: number])[] = [
    [59_000, true, 0],
    [59_960, true, 960],
    [20, true, 1020],
    [0, true, 1000],
    [10_001, false, 1060],
    [10_061, true, 1120],
    [8000, false, 1180],
  ];
  for (const [ticks, continues, elapsed] of steps)
    assert.deepEqual([timeline.add(ticks), timeline.elapsed], [continues, elapsed], String(ticks));
  timeline.reset();
  assert.equal(timeline.add(40_000), true);
  assert.equal(timeline.elapsed, 1180);
});

test("createPastPlaylist() goes on where it was, and says the same as if written at once", async () => {
  const plan = planPast(Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 2));
  const growing = createPastPlaylist(plan, "p/");
  for (const count of [1, 2, 2, 700, plan.count - 1]) {
    const text = await growing.text(count);
    assert.equal(text, await createPastPlaylist(plan, "p/").text(count));
    const playlist = parseHls(text);
    assert.ok(playlist.kind === "media" && !playlist.ended && playlist.type === "EVENT");
    assert.equal(playlist.segments.length, count);
  }
  const [whole, again] = await Promise.all([growing.text(plan.count + 5), growing.text(plan.count)]);
  assert.equal(whole, again);
  const playlist = parseHls(whole);
  assert.ok(playlist.kind === "media" && playlist.ended && playlist.type === "VOD");
  assert.deepEqual(
    playlist.segments.map(({ uri, date, duration }) => [uri, date, duration]),
    Array.from({ length: plan.count }, (_, index) => [
      `p/${index}.ts`,
      plan.begins(index),
      plan.begins(index + 1) - plan.begins(index),
    ]),
  );
});
