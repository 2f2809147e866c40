// Live channels as HLS: one upstream for all players, held until there is a picture, let go when nobody asks any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadendError } from "../../../core/plugin.ts";
import { type Rig, readPlaylist, withRig } from "./rig.ts";

const playlistOf = async (rig: Rig) => await readPlaylist(await rig.get("one%3Anews.m3u8"), "one%3Anews.m3u8");
const failsWith = (code: string) => (error: unknown) => error instanceof HeadendError && error.code === code;

test("the first playlist is held until players have enough in hand, and all who ask share one upstream", async () => {
  await withRig({}, async (rig) => {
    let answered = 0;
    const asking = Array.from({ length: 5 }, (_, index) =>
      rig.ask("one%3Anews.m3u8", { name: `10.0.0.${index} player` }).finally(() => answered++),
    );
    // A segment of one second, and then one of two; what is in hand after that lasts until the next.
    await rig.host.clock.advance(3300);
    assert.equal(answered, 0);
    await rig.host.clock.advance(400);
    assert.equal(answered, 5);
    assert.equal(rig.opened, 1);
    for (const response of await Promise.all(asking)) {
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "application/vnd.apple.mpegurl");
      assert.equal(response.headers.get("cache-control"), "no-store");
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.equal((await readPlaylist(response, "one%3Anews.m3u8")).segments.length, 2);
    }
    assert.equal(rig.host.hub.streams()[0]?.viewers.length, 1);
  });
});

test("the first playlist of what is watched as it happens is there after a few pictures", async () => {
  await withRig({ channel: { segment: 1000 } }, async (rig) => {
    const asking = rig.ask("one%3Anews.m3u8");
    await rig.host.clock.advance(500);
    const [first, ...others] = (await readPlaylist(await asking, "one%3Anews.m3u8")).segments;
    assert.equal(others.length, 0);
    assert.ok((first?.duration ?? 0) <= 360);
  });
});

test("the first playlist is not held long where key frames are rare", async () => {
  await withRig({ gop: 200 }, async (rig) => {
    const asking = rig.ask("one%3Anews.m3u8");
    await rig.host.clock.advance(6800);
    assert.equal((await readPlaylist(await asking, "one%3Anews.m3u8")).segments.length, 1);
  });
});

test("a playlist lists the last segments, whose names and numbers go on; later ones stay for who is late", async () => {
  await withRig({}, async (rig) => {
    const before = await playlistOf(rig);
    await rig.host.clock.advance(4000);
    for (let turn = 0; turn < 4; turn++) {
      await playlistOf(rig);
      await rig.host.clock.advance(4000);
    }
    const after = await playlistOf(rig);
    assert.equal(after.segments.length, 6);
    assert.equal(after.ended, false);
    assert.equal(after.independent, true);
    assert.equal(after.targetDuration, 2000);
    assert.ok(after.sequence > before.sequence);
    const [first] = before.segments;
    const [listed] = after.segments;
    assert.equal(listed?.sequence, after.sequence);
    assert.equal(
      after.sequence - before.sequence,
      Number(listed?.uri.match(/-(\d+)\.ts/)?.[1]) - Number(first?.uri.match(/-(\d+)\.ts/)?.[1]),
    );
    for (const [index, segment] of after.segments.entries()) {
      assert.equal(segment.duration, 2000);
      const next = after.segments[index + 1];
      if (next) assert.equal((segment.date ?? 0) + segment.duration, next.date);
    }
    assert.ok(Math.abs((after.segments.at(-1)?.date ?? 0) + 2000 - rig.host.clock.now()) < 5000);
    const late = await rig.ask(after.segments[0]?.uri.replace(/\d+(?=\.ts)/, (n) => String(Number(n) - 3)) ?? "");
    assert.equal(late.status, 200);
    await assert.rejects(rig.ask(first?.uri ?? ""), failsWith("not.found"));
  });
});

test("a segment is answered from memory with its length and type", async () => {
  await withRig({}, async (rig) => {
    const [segment] = (await playlistOf(rig)).segments;
    const response = await rig.ask(segment?.uri ?? "");
    assert.equal(response.headers.get("content-type"), "video/mp2t");
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.match(response.headers.get("cache-control") ?? "", /max-age=3600/);
    const bytes = await response.bytes();
    assert.equal(Number(response.headers.get("content-length")), bytes.length);
    assert.equal(bytes.length % 188, 0);
    assert.equal(bytes[0], 0x47);
  });
});

test("upstream is let go when nobody asks any more, and the next request begins above what was", async () => {
  await withRig({}, async (rig) => {
    const before = await playlistOf(rig);
    await rig.host.clock.advance(9000);
    assert.equal(rig.host.hub.streams()[0]?.viewers.length, 1);
    await playlistOf(rig);
    await rig.host.clock.advance(9000);
    assert.equal(rig.open, 1);
    // Upstream's own linger counts from the last request, too.
    await rig.host.clock.advance(2000);
    assert.equal(rig.open, 0);
    const after = await playlistOf(rig);
    assert.equal(rig.opened, 2);
    assert.ok(after.sequence > before.sequence + 5);
    assert.ok(after.discontinuity > before.discontinuity);
    // Players run through all numbers from 0 on (hls.js 1.7).
    assert.ok(after.discontinuity < 1_000_000);
    await assert.rejects(rig.ask(before.segments[0]?.uri ?? ""), failsWith("not.found"));
  });
});

test("a request while upstream is being let go is answered by a new one", async () => {
  await withRig({}, async (rig) => {
    const before = await playlistOf(rig);
    await rig.host.clock.advance(10_000);
    const after = await playlistOf(rig);
    assert.notEqual(after.segments[0]?.uri, before.segments[0]?.uri);
    assert.ok(after.sequence > before.sequence);
  });
});

test("when no picture comes, 503 says so in a bounded time; the next request tries again", async () => {
  const never = async (signal: AbortSignal) => {
    async function* chunks() {
      yield new Uint8Array(188 * 3);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
    return { kind: "ts", chunks: chunks() } as const;
  };
  await withRig({ fail: never }, async (rig) => {
    const asking = rig.get("one%3Anews.m3u8");
    await assert.rejects(
      asking,
      (error) => error instanceof HeadendError && error.status >= 502 && /news/i.test(error.message),
    );
    await assert.rejects(rig.get("one%3Anews.m3u8"), HeadendError);
    assert.ok(rig.opened >= 2);
  });
});

test("what opening fails with is what every player gets", async () => {
  const fail = async () => {
    throw new HeadendError("dial.refused", { url: "http://up.example", reason: "no" });
  };
  await withRig({ fail }, async (rig) => {
    const all = await Promise.allSettled([rig.get("one%3Anews.m3u8"), rig.get("one%3Anews.m3u8")]);
    for (const each of all) assert.ok(each.status === "rejected" && failsWith("dial.refused")(each.reason));
  });
});

test("a player that gives up waiting does not stop the others", async () => {
  await withRig({}, async (rig) => {
    const giving = new AbortController();
    const first = rig.ask("one%3Anews.m3u8", { signal: giving.signal });
    const second = rig.get("one%3Anews.m3u8");
    giving.abort();
    assert.equal((await first).status, 499);
    assert.equal((await second).status, 200);
    assert.equal(rig.opened, 1);
  });
});

test("the hub sees a lone player by its name, so that its tuner can be handed over, and several as several", async () => {
  await withRig({}, async (rig) => {
    const nameNow = () => rig.host.hub.streams()[0]?.viewers[0]?.name;
    await rig.get("one%3Anews.m3u8", { name: "10.0.0.1 a" });
    assert.equal(nameNow(), "10.0.0.1 a");
    await rig.get("one%3Anews.m3u8", { name: "10.0.0.2 b" });
    assert.equal(nameNow(), "2 players of HLS");
    await rig.host.clock.advance(6000);
    await rig.get("one%3Anews.m3u8", { name: "10.0.0.2 b" });
    await rig.host.clock.advance(6000);
    assert.equal(nameNow(), "10.0.0.2 b");
  });
});

test("memory is bounded: what is listed shrinks to what players need", async () => {
  await withRig({ size: 100, count: 750, config: { memory: "4MiB" } }, async (rig) => {
    for (let turn = 0; turn < 6; turn++) {
      await playlistOf(rig);
      await rig.host.clock.advance(4000);
    }
    const { segments } = await playlistOf(rig);
    assert.ok(segments.length >= 3);
    let bytes = 0;
    for (const { uri } of segments) bytes += (await (await rig.ask(uri)).bytes()).length;
    assert.ok(bytes < 5 * 2 ** 20, `${bytes} bytes`);
  });
});

test("nothing is left when the instance stops", async () => {
  await withRig({}, async (rig) => {
    await playlistOf(rig);
    rig.host.stop();
    await rig.host.clock.advance(0);
    assert.equal(rig.host.hub.streams()[0]?.viewers.length, 0);
    await assert.rejects(rig.ask("one%3Anews.m3u8"), failsWith("instance.stopped"));
  });
});
