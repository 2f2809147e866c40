// Live channels as fragmented MP4, whole and in parts: what the rules say of playlists, and what waiting for them costs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadendError } from "../../../core/plugin.ts";
import { type Ruled, readByRules } from "../../support/hls-rules.ts";
import { readFragments, readInit } from "../../support/mp4.ts";
import { type Rig, type RigOptions, withRig } from "./rig.ts";

const path = "one%3Anews.m3u8";
const coded = { coded: 320, config: { mode: "ll" } } as const;
const failsWith = (code: string) => (error: unknown) => error instanceof HeadendError && error.code === code;

/** The playlist by its rules; throws for every one that is broken. */
async function read(response: Response, before?: Ruled): Promise<Ruled> {
  assert.equal(response.status, 200);
  const text = await response.text();
  const ruled = readByRules(text, before);
  assert.deepEqual(ruled.faults, [], text);
  return ruled;
}

const bytesOf = async (rig: Rig, uri: string) => await (await rig.ask(uri)).bytes();
const lastOf = ({ segments }: Ruled) => segments.at(-1)?.sequence ?? 0;

/** Asks as a player that knows parts does: always for the part that comes next. */
async function follow(rig: Rig, o: RigOptions & { readonly turns: number }, look: (now: Ruled) => Promise<void>) {
  let now = await read(await rig.get(path));
  await look(now);
  for (let turn = 0; turn < o.turns; turn++) {
    const next = `${path}?_HLS_msn=${lastOf(now) + 1}&_HLS_part=${now.rest.length}`;
    const before = now;
    now = await read(await rig.get(next), before);
    assert.ok(
      lastOf(now) > lastOf(before) || now.rest.length > before.rest.length,
      "it was answered before there was anything new",
    );
    await look(now);
  }
}

test("fragmented MP4 has a map, version 7, and segments that begin with a key picture", async () => {
  await withRig({ coded: 320, config: { mode: "fmp4" } }, async (rig) => {
    await rig.get(path);
    await rig.host.clock.advance(9000);
    const text = await (await rig.get(path)).text();
    const ruled = readByRules(text);
    assert.deepEqual(ruled.faults, []);
    assert.match(text, /^#EXT-X-VERSION:7$/m);
    assert.match(text, /^#EXT-X-INDEPENDENT-SEGMENTS$/m);
    assert.equal(text.match(/#EXT-X-MAP/g)?.length, 1);
    assert.ok(!/EXT-X-PART|PRELOAD|SERVER-CONTROL/.test(text));
    const map = await rig.ask(ruled.segments[0]?.map ?? "");
    assert.equal(map.headers.get("content-type"), "video/mp4");
    const tracks = readInit(await map.bytes());
    assert.deepEqual(
      tracks.map(({ entry, timescale, width }) => [entry, timescale, width]),
      [
        ["avc1", 90_000, 320],
        ["mp4a", 48_000, 0],
      ],
    );
    let end: number | undefined;
    for (const { uri, duration } of ruled.segments) {
      const response = await rig.ask(uri);
      assert.equal(response.headers.get("content-type"), "video/iso.segment");
      const [fragment, ...others] = readFragments(await response.bytes());
      assert.equal(others.length, 0);
      const [video, audio] = fragment?.runs ?? [];
      assert.ok(video?.samples[0]?.key && (audio?.samples.length ?? 0) > 0);
      const lasts = video.samples.reduce((sum, sample) => sum + sample.duration, 0);
      assert.equal(lasts / 90_000, duration);
      if (end !== undefined) assert.equal(video.start, end);
      end = video.start + lasts;
    }
  });
});

test("in parts, every playlist keeps the rules, every hint comes true, and parts are their segment", async () => {
  await withRig(coded, async (rig) => {
    let bytes = 0;
    await follow(rig, { turns: 40 }, async (now) => {
      assert.ok(now.partTarget !== undefined && now.partTarget <= 0.33, `${now.partTarget} s`);
      const listed = now.segments.filter(({ parts }) => parts.length > 0);
      for (const { uri, parts } of listed) {
        const whole = await bytesOf(rig, uri);
        const pieces = await Promise.all(parts.map((part) => bytesOf(rig, part.uri)));
        assert.deepEqual(Uint8Array.from(pieces.flatMap((piece) => [...piece])), whole);
        bytes += whole.length;
        for (const [index, piece] of pieces.entries()) {
          const [fragment] = readFragments(piece);
          assert.equal(fragment?.runs[0]?.samples[0]?.key, parts[index]?.independent);
        }
      }
    });
    assert.ok(bytes > 0);
    assert.equal(rig.opened, 1);
  });
});

test("a playlist is held until it has what was asked for, and given to all who wait at once", async () => {
  await withRig(coded, async (rig) => {
    const now = await read(await rig.get(path));
    let answered = 0;
    const next = `${path}?_HLS_msn=${lastOf(now) + 1}`;
    const waiting = Array.from({ length: 20 }, (_, index) =>
      rig.ask(next, { name: `10.0.0.${index} player` }).finally(() => answered++),
    );
    await rig.host.clock.advance(200);
    assert.equal(answered, 0);
    assert.equal(rig.host.hub.streams()[0]?.viewers.length, 1);
    await rig.host.clock.advance(2500);
    assert.equal(answered, 20);
    for (const response of await Promise.all(waiting)) assert.equal(lastOf(await read(response)), lastOf(now) + 1);
    assert.equal(rig.opened, 1);
  });
});

test("a part that a segment does not have is the first of the next one", async () => {
  await withRig(coded, async (rig) => {
    let now = await read(await rig.get(path));
    while (now.rest.length === 0) now = await read(await rig.get(`${path}?_HLS_msn=${lastOf(now) + 1}&_HLS_part=0`));
    const last = now.segments.at(-1);
    const answer = await rig.ask(`${path}?_HLS_msn=${last?.sequence}&_HLS_part=${last?.parts.length}`);
    assert.equal(lastOf(await read(answer)), last?.sequence);
  });
});

test("the hinted part is answered when it is there; what is no hint is not waited for", async () => {
  await withRig(coded, async (rig) => {
    const now = await read(await rig.get(path));
    let settled = false;
    const part = rig.ask(now.hint ?? "").finally(() => {
      settled = true;
    });
    await rig.host.clock.advance(80);
    assert.equal(settled, false);
    await rig.host.clock.advance(600);
    const response = await part;
    assert.equal(response.status, 200);
    assert.equal(readFragments(await response.bytes()).length, 1);
    const further = (now.hint ?? "").replace(/\.(\d+)\.m4s$/, (_, index: string) => `.${Number(index) + 9}.m4s`);
    await assert.rejects(rig.ask(further), failsWith("not.found"));
  });
});

test("what is too far away, or no number, is an error at once", async () => {
  await withRig(coded, async (rig) => {
    const last = lastOf(await read(await rig.get(path)));
    for (const query of [
      `_HLS_msn=${last + 3}`,
      `_HLS_msn=${last + 1}&_HLS_part=30`,
      "_HLS_part=1",
      "_HLS_msn=x",
      `_HLS_msn=${last}&_HLS_part=-1`,
      "_HLS_msn=",
    ])
      await assert.rejects(rig.ask(`${path}?${query}`), failsWith("request.invalid"), query);
    assert.equal((await rig.get(`${path}?_HLS_msn=${last + 2}`)).status, 200);
  });
});

test("who waits is there; who leaves while waiting is not, and leaves nothing behind", async () => {
  await withRig({ ...coded, config: { mode: "ll", idle: "1s" } }, async (rig) => {
    const now = await read(await rig.get(path));
    rig.holdUpstream();
    const leaving = new AbortController();
    const ask = rig.ask(`${path}?_HLS_msn=${lastOf(now) + 2}`, { signal: leaving.signal });
    await rig.host.clock.advance(4000);
    assert.equal(rig.host.hub.streams()[0]?.viewers.length, 1);
    leaving.abort();
    assert.equal((await ask).status, 499);
    await rig.host.clock.advance(7000);
    assert.equal(rig.host.hub.streams()[0]?.viewers.length ?? 0, 0);
  });
});

test("waiting is bounded: 503 after three target durations", async () => {
  await withRig(coded, async (rig) => {
    const now = await read(await rig.get(path));
    rig.holdUpstream();
    const asking = rig.ask(`${path}?_HLS_msn=${lastOf(now) + 2}`);
    asking.catch(() => {});
    await rig.host.clock.advance(3 * now.target * 1000 + 100);
    await assert.rejects(asking, (error) => error instanceof HeadendError && error.status === 503);
  });
});

test("who waits when upstream ends gets the next session, above the old one", async () => {
  await withRig(coded, async (rig) => {
    const now = await read(await rig.get(path));
    const waiting = rig.get(`${path}?_HLS_msn=${lastOf(now) + 2}`);
    rig.endUpstream();
    const next = await read(await waiting);
    assert.ok(lastOf(next) >= lastOf(now), `${lastOf(next)} after ${lastOf(now)}`);
  });
});

test("what MP4 does not take is cut as a transport stream, and the log says why", async () => {
  for (const [types, reason] of [
    [[0x1b, 0x04], /its sound is not AAC/],
    [[0x02, 0x0f], /neither H\.264 nor H\.265/],
    [[0x1b, 0x81], /its sound is not AAC/],
  ] as const)
    await withRig({ ...coded, types }, async (rig) => {
      const now = await read(await rig.get(path));
      assert.ok(now.segments.every(({ uri, map }) => uri.endsWith(".ts") && map === undefined));
      assert.equal(now.partTarget, undefined);
      const said = rig.host.logged.filter(({ sentence }) => reason.test(sentence));
      assert.deepEqual(
        said.map(({ level }) => level),
        ["info"],
      );
      assert.equal((await bytesOf(rig, now.segments[0]?.uri ?? ""))[0], 0x47);
    });
});

test("what MP4 takes no more goes on as a transport stream, above what was", async () => {
  const then = { coded: 320, types: [0x1b, 0x04], count: 2000, pts: 900_000 + 150 * 3600 } as const;
  await withRig({ ...coded, count: 150, then }, async (rig) => {
    const before = await read(await rig.get(path));
    assert.ok(before.partTarget);
    const waiting = rig.get(`${path}?_HLS_msn=${lastOf(before) + 2}`);
    assert.ok((await read(await waiting)).partTarget);
    await rig.host.clock.advance(4000);
    const after = await read(await rig.get(path));
    assert.equal(after.partTarget, undefined);
    assert.ok(after.segments.every(({ uri, sequence }) => uri.endsWith(".ts") && sequence > lastOf(before)));
    assert.equal(rig.opened, 1);
  });
});

test("a change of parameters is another map, and a discontinuity, in the parts of a playlist, too", async () => {
  const then = { coded: 640, count: 2000, pts: 900_000 + 150 * 3600 } as const;
  await withRig({ ...coded, count: 150, then }, async (rig) => {
    const maps = new Set<string>();
    const numbers = new Set<number>();
    await follow(rig, { turns: 32 }, async (now) => {
      for (const { map, discontinuity } of now.segments) {
        if (map !== undefined) maps.add(map);
        numbers.add(discontinuity);
      }
    });
    assert.equal(numbers.size, 2);
    const widths = await Promise.all([...maps].map(async (map) => readInit(await bytesOf(rig, map))[0]?.width));
    assert.deepEqual(widths, [320, 640]);
  });
});

test("a channel says for itself how it is cut", async () => {
  await withRig({ coded: 320, channel: { hls: "ll" } }, async (rig) => {
    assert.ok((await read(await rig.get(path))).partTarget);
  });
  await withRig({ ...coded, channel: { hls: "ts" } }, async (rig) => {
    assert.match((await read(await rig.get(path))).segments[0]?.uri ?? "", /\.ts$/);
  });
});

test("sound alone is cut in parts, too", async () => {
  await withRig({ ...coded, radio: true }, async (rig) => {
    await follow(rig, { turns: 12 }, async (now) => {
      assert.ok([...now.segments.flatMap(({ parts }) => parts), ...now.rest].every(({ independent }) => independent));
    });
    const [first] = (await read(await rig.get(path))).segments;
    assert.deepEqual(
      readInit(await bytesOf(rig, first?.map ?? "")).map(({ entry }) => entry),
      ["mp4a"],
    );
  });
});
