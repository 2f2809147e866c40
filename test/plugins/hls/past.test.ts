// Pasts as HLS: a playlist of known length, and segments that one upstream makes in order until the player jumps.
import assert from "node:assert/strict";
import { test } from "node:test";
import { packetLength, pidOf, readStamps } from "../../../core/formats/mpegts.ts";
import { formatGapMark } from "../../../core/formats/splice.ts";
import { HeadendError } from "../../../core/plugin.ts";
import { countContinuityErrors } from "../../support/media-packets.ts";
import { concat, makePictures } from "./pictures.ts";
import { type Rig, type RigOptions, readPlaylist, withRig as withAnyRig } from "./rig.ts";

const withRig = (o: RigOptions, work: (rig: Rig) => Promise<void>) => withAnyRig({ patient: true, ...o }, work);

const failsWith = (code: string) => (error: unknown) => error instanceof HeadendError && error.code === code;

/** Where the playlist of a past is. */
async function redirect(rig: Rig, at: number, until?: number): Promise<string> {
  const response = await rig.ask("one%3Anews/video.m3u8", { at, ...(until === undefined ? {} : { until }) });
  assert.equal(response.status, 302);
  return new URL(response.headers.get("location") ?? "", "http://tv.example/live/one%3Anews/video.m3u8").href.slice(
    "http://tv.example/live/".length,
  );
}

const playlistAt = async (rig: Rig, path: string) => await readPlaylist(await rig.get(path), path);
const bytesOf = async (rig: Rig, path: string) => await (await rig.get(path)).bytes();
const firstStamp = (bytes: Uint8Array) => {
  for (let at = 0; at < bytes.length; at += packetLength) {
    const pts = pidOf(bytes, at) === 0x101 ? readStamps(bytes, at)?.pts : undefined;
    if (pts !== undefined) return pts / 90;
  }
  return Number.NaN;
};

test("a past is a playlist of all of it, whose segments come from one upstream in order", async () => {
  await withRig({}, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const path = await redirect(rig, at, at + 30_000);
    const playlist = await playlistAt(rig, path);
    assert.equal(playlist.type, "VOD");
    assert.ok(playlist.ended);
    assert.deepEqual(
      playlist.segments.map(({ duration }) => duration),
      [2000, 2000, 2000, 6000, 6000, 6000, 6000],
    );
    assert.equal(playlist.segments[0]?.date, at);
    assert.equal(playlist.targetDuration, 6000);
    const parts: Uint8Array[] = [];
    for (const { uri } of playlist.segments) parts.push(await bytesOf(rig, uri));
    assert.equal(rig.opened, 1);
    assert.deepEqual(
      parts.map((part) => firstStamp(part) - 10_000),
      [0, 2000, 4000, 6000, 12_000, 18_000, 24_000],
    );
    assert.equal(countContinuityErrors(concat(parts)), 0);
  });
});

test("upstream is read no further than a little ahead of the player", async () => {
  await withRig({}, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const playlist = await playlistAt(rig, await redirect(rig, at, at + 90_000));
    const status = () => rig.host.hub.streams()[0];
    const bytes = (await bytesOf(rig, playlist.segments[0]?.uri ?? "")).length;
    await rig.host.clock.advance(5000);
    assert.equal(status()?.state, "running");
    // The hub itself reads a megabyte ahead.
    const early = status()?.bytes ?? 0;
    assert.ok(early < 60 * bytes + 2 ** 20);
    await rig.host.clock.advance(5000);
    assert.equal(status()?.bytes, early);
  });
});

test("a jump begins another upstream there, closes the first, and the stamps fit the playlist", async () => {
  await withRig({}, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const playlist = await playlistAt(rig, await redirect(rig, at, at + 600_000));
    const uri = (index: number) => playlist.segments[index]?.uri ?? "";
    const parts = [
      await bytesOf(rig, uri(0)),
      await bytesOf(rig, uri(50)),
      await bytesOf(rig, uri(51)),
      await bytesOf(rig, uri(2)),
    ];
    assert.equal(rig.opened, 3);
    assert.deepEqual(
      parts.map((part) => firstStamp(part) - 10_000),
      [0, 288_000, 294_000, 4000],
    );
    assert.equal(countContinuityErrors(concat(parts)), 0);
    assert.deepEqual(
      rig.host.hub
        .streams()
        .filter(({ viewers }) => viewers.length > 0)
        .map((stream) => (stream.at ?? 0) - at),
      [4000],
    );
    await rig.host.clock.advance(6000);
    assert.equal(rig.open, 1);
  });
});

test("two players of one past do not disturb each other", async () => {
  await withRig({}, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const one = await playlistAt(rig, await redirect(rig, at, at + 300_000));
    const other = await playlistAt(rig, await redirect(rig, at, at + 300_000));
    assert.notEqual(one.segments[0]?.uri, other.segments[0]?.uri);
    for (const index of [0, 20, 21, 22]) {
      await bytesOf(rig, other.segments[index]?.uri ?? "");
      await bytesOf(rig, one.segments[Math.min(index, 3)]?.uri ?? "");
    }
    // The beginning once for both, and the jump.
    assert.equal(rig.opened, 2);
  });
});

test("a player that stays away loses its upstream, and gets another when it comes back", async () => {
  await withRig({}, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const playlist = await playlistAt(rig, await redirect(rig, at, at + 300_000));
    await bytesOf(rig, playlist.segments[0]?.uri ?? "");
    await rig.host.clock.advance(40_000);
    assert.equal(rig.open, 0);
    assert.equal(firstStamp(await bytesOf(rig, playlist.segments[1]?.uri ?? "")), 12_000);
    assert.equal(rig.opened, 2);
  });
});

test("a past without an end ends with its programme, or without one with the present", async () => {
  await withRig({}, async (rig) => {
    const { clock } = rig.host;
    const at = clock.now() - 3_600_000;
    rig.host.setProgrammes([{ channel: "News", start: at - 60_000, stop: at + 1_500_000, titles: [] }]);
    const lengthAt = async (from: number) => {
      const { segments, type } = await playlistAt(rig, await redirect(rig, from));
      return [type, segments.reduce((sum, { duration }) => sum + duration, 0)];
    };
    assert.deepEqual(await lengthAt(at), ["VOD", 1_500_000]);
    // What is not in the archive yet is not listed.
    const [type, length] = await lengthAt(at + 2_000_000);
    assert.equal(type, "EVENT");
    assert.ok(Number(length) > 1_570_000 && Number(length) <= 1_600_000);
  });
});

test("a past that is not over grows until it is", async () => {
  await withRig({}, async (rig) => {
    const at = rig.host.clock.now() - 60_000;
    const path = await redirect(rig, at, at + 100_000);
    const before = await playlistAt(rig, path);
    assert.equal(before.type, "EVENT");
    assert.equal(before.ended, false);
    assert.equal(before.start, 0);
    await rig.host.clock.advance(20_000);
    const later = await playlistAt(rig, path);
    assert.ok(later.segments.length > before.segments.length);
    assert.deepEqual(later.segments.slice(0, before.segments.length), before.segments);
    await rig.host.clock.advance(40_000);
    const after = await playlistAt(rig, path);
    assert.equal(after.type, "VOD");
    assert.ok(after.ended);
    assert.equal(
      after.segments.reduce((sum, { duration }) => sum + duration, 0),
      100_000,
    );
  });
});

test("addresses that nobody was given are not opened", async () => {
  await withRig({}, async (rig) => {
    const now = Math.floor(rig.host.clock.now() / 1000);
    for (const [name, code] of [
      [`${now - 30 * 86_400}-${now - 30 * 86_400 + 60}-a/0.ts`, "tune.past"],
      [`${now + 60}-${now + 120}-a/0.ts`, "tune.past"],
      [`${now - 60}-${now - 120}-a/0.ts`, "not.found"],
      [`${now - 200_000}-${now}-a/0.ts`, "not.found"],
      [`${now - 60}-${now}-a/100.ts`, "not.found"],
      [`${now - 60}-${now}-a/x.mp4`, "not.found"],
      ["x/0.ts", "not.found"],
    ])
      await assert.rejects(rig.get(`one%3Anews/m3u8/past/${name}`), failsWith(code ?? ""), name);
    assert.equal(rig.opened, 0);
  });
});

test("what opening fails with is what the player gets", async () => {
  const fail = async () => {
    throw new HeadendError("dial.refused", { url: "http://up.example", reason: "no" });
  };
  await withRig({ fail }, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const path = await redirect(rig, at, at + 30_000);
    await assert.rejects(rig.get(path), failsWith("dial.refused"));
    await assert.rejects(rig.get(path.replace("index.m3u8", "3.ts")), failsWith("dial.refused"));
  });
});

test("a gap in what comes is filled by asking for it again", async () => {
  let opened = 0;
  const fail = async () => {
    const first = opened++ === 0;
    async function* chunks() {
      for (const [index, chunk] of makePictures({ count: 1000 }).entries()) {
        if (first && index === 130) for (const pid of [0, 0x50, 0x101]) yield formatGapMark(pid, 3);
        yield chunk;
      }
    }
    return { kind: "ts", chunks: chunks(), patient: true } as const;
  };
  await withRig({ fail }, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const playlist = await playlistAt(rig, await redirect(rig, at, at + 24_000));
    const stamps: number[] = [];
    for (const { uri } of playlist.segments) stamps.push(firstStamp(await bytesOf(rig, uri)) - 10_000);
    assert.deepEqual(stamps, [0, 2000, 4000, 6000, 12_000, 18_000]);
    assert.equal(opened, 2);
  });
});

test("what was not recorded is short or empty, and what comes after it is in its place", async () => {
  let opened = 0;
  // Segments begin at 0, 2, 4, 6, 12 and 18 s; from 5.2 s to 12 s nothing was recorded.
  const fail = async () => {
    const number = ++opened;
    if (number === 3) throw new HeadendError("tune.past", { channel: "News", reason: "was not recorded" });
    async function* chunks() {
      for (const [index, chunk] of makePictures({ count: 1000 }).entries()) {
        const gap = number === 1 ? index === 130 : number === 2 && index === 30;
        if (gap) for (const pid of [0, 0x50, 0x101]) yield formatGapMark(pid, 3);
        yield chunk;
      }
    }
    return { kind: "ts", chunks: chunks(), patient: true } as const;
  };
  await withRig({ fail }, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const { segments } = await playlistAt(rig, await redirect(rig, at, at + 24_000));
    const all: Uint8Array[] = [];
    for (const { uri } of segments) all.push(await bytesOf(rig, uri));
    const stamps = [0, 1, 2, 4, 5].map((index) => firstStamp(all[index] ?? new Uint8Array()) - 10_000);
    assert.deepEqual(stamps, [0, 2000, 4000, 12_000, 18_000]);
    const [, whole, short, none] = all.map(({ length }) => length);
    assert.ok((short ?? 0) > 0.5 * (whole ?? 0) && (short ?? 0) < 0.7 * (whole ?? 0), `${short} of ${whole}`);
    assert.equal(none, 2 * 188);
    assert.equal(opened, 4);
  });
});

test("an archive that ends early ends early", async () => {
  await withRig({ count: 200 }, async (rig) => {
    const at = rig.host.clock.now() - 3_600_000;
    const playlist = await playlistAt(rig, await redirect(rig, at, at + 60_000));
    const lengths: number[] = [];
    for (const { uri } of playlist.segments.slice(0, 4)) lengths.push((await bytesOf(rig, uri)).length);
    assert.ok(lengths.every((length) => length > 0));
  });
});
