// Catch-up attributes and their defaults in the header.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHours, parseHours } from "../../../../core/formats/m3u/catchup.ts";
import { readPlaylist } from "../../../support/m3u.ts";

const read = async (attributes: string, header = "") => {
  const { channels } = await readPlaylist(`#EXTM3U ${header}\n#EXTINF:-1 ${attributes},N\nhttp://h/1\n`);
  return channels[0]?.catchup;
};

test("parseCatchup() leaves placeholders untouched", async () => {
  for (const source of [
    `?playseek=\${(b)yyyyMMddHHmmss}-\${(e)yyyyMMddHHmmss}`,
    "http://h/{Y}-{m}-{d}T{H}:{M}:{S}|UTC",
    `&utc={utc}&lutc=\${timestamp},x`,
  ]) {
    assert.deepEqual(await read(`catchup="append" catchup-source="${source}" catchup-days="3"`), {
      mode: "append",
      source,
      days: 3,
    });
  }
});

test("parseCatchup() knows the modes by all their names", async () => {
  const modes = {
    fs: "flussonic-ts",
    Flussonic: "flussonic",
    timeshift: "shift",
    SHIFT: "shift",
    xc: "xc",
    vod: "vod",
    own: "own",
  };
  for (const [written, mode] of Object.entries(modes)) {
    assert.deepEqual(await read(`catchup="${written}"`), { mode });
    assert.deepEqual(await read(`catchup-type="${written}"`), { mode });
  }
});

test("parseCatchup() takes days alone for shift, a template alone for default", async () => {
  assert.deepEqual(await read('timeshift="3"'), { mode: "shift", days: 3 });
  assert.deepEqual(await read('tvg-rec="7"'), { mode: "shift", days: 7 });
  assert.deepEqual(await read('catchup="1" tvg-rec="2"'), { mode: "shift", days: 2 });
  assert.deepEqual(await read('catchup-source="http://h/{utc}"'), { mode: "default", source: "http://h/{utc}" });
  for (const none of ['timeshift="0"', 'tvg-rec="x"', 'catchup="0" timeshift="3"', 'catchup="none"', ""]) {
    assert.equal(await read(none), undefined, none);
  }
});

test("parseCatchup() prefers catchup-days, and reads a correction in hours", async () => {
  assert.deepEqual(await read('catchup="shift" timeshift="3" catchup-days="5" catchup-correction="-2.5"'), {
    mode: "shift",
    days: 5,
    correction: -9_000_000,
  });
});

test("parseCatchup() falls back on catchup-type when there is nothing to append", async () => {
  assert.deepEqual(await read('catchup="append" catchup-days="7" catchup-type="flussonic"'), {
    mode: "flussonic",
    days: 7,
  });
});

test("parseCatchup() fills in the header's defaults, under the header's mode only", async () => {
  const header = 'catchup="append" catchup-source="?u={utc}" catchup-days="8" catchup-correction="1"';
  const defaults = { mode: "append", source: "?u={utc}", days: 8, correction: 3_600_000 };
  assert.deepEqual(await read("", header), defaults);
  assert.deepEqual(await read('catchup-days="2"', header), { ...defaults, days: 2 });
  assert.deepEqual(await read('catchup="append"', header), defaults);
  assert.deepEqual(await read('catchup="xc"', header), { mode: "xc", days: 8, correction: 3_600_000 });
  assert.equal(await read('catchup="false"', header), undefined);
});

test("parseHeader() gives tvg-shift to entries that have none, and replaces defaults at a second header", async () => {
  const { channels, header } = await readPlaylist(
    [
      '#EXTM3U tvg-shift="+3" catchup="shift" some free text',
      "#EXTINF:-1,1\nhttp://h/1",
      '#EXTINF:-1 tvg-shift="0",2\nhttp://h/2',
      '#EXTM3U url-tvg="http://g/" M3uAutoLoad=1',
      "#EXTINF:-1,3\nhttp://h/3",
    ].join("\n"),
  );
  assert.deepEqual(
    channels.map(({ guideShift, catchup }) => [guideShift, catchup?.mode]),
    [
      [10_800_000, "shift"],
      [undefined, "shift"],
      [undefined, undefined],
    ],
  );
  assert.deepEqual(header, { guides: ["http://g/"], attributes: { "url-tvg": "http://g/", M3uAutoLoad: "1" } });
  assert.equal((await readPlaylist('#EXTM3U a="1" some free  text')).header.text, "some free text");
});

test("parseHours() undoes formatHours(), to the millisecond", () => {
  for (const ms of [1, -1, 3_600_000, 5_400_000, 1_234_567, 86_399_999, -16_200_000]) {
    assert.equal(parseHours(formatHours(ms)), ms);
  }
  for (const text of ["", "x", "1h", "1e3", "--1", "."]) assert.equal(parseHours(text), undefined, text);
  assert.equal(parseHours("1,5"), 5_400_000);
});
