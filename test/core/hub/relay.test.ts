// Upstreams that are HLS: their playlists passed on, or all of it joined into one stream; and what ends that.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Candidate, createHub, type HlsSession } from "../../../core/hub/index.ts";
import { HeadendError } from "../../../core/plugin.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel } from "../../support/host.ts";
import { contentsOf, createReader, createUpstream } from "./rig.ts";

const viewer = { name: "tv" };
const never = new AbortController().signal;

/** An HLS upstream before one that is a transport stream. */
function setup() {
  const clock = createTestClock();
  const media = createUpstream("h");
  const other = createUpstream("b");
  const state = { works: true, frozen: false, sessions: 0, open: 0 };
  const candidate = (name: string): Omit<Candidate, "open" | "openHls"> => ({
    ...{ key: name, instance: "one", shown: name, wants: () => [{ key: "tuners one", amount: 1, limit: 1 }] },
  });
  async function openHls(_: unknown, signal: AbortSignal): Promise<HlsSession> {
    state.sessions++;
    state.open++;
    return {
      async playlist(name) {
        if (state.frozen) throw new HeadendError("dial.stalled", { url: "h", limit: "6s" });
        if (!state.works) throw new Error("upstream answers 500");
        return `#EXTM3U ${name}`;
      },
      part: async (name) => ({ type: "video/mp2t", bytes: new TextEncoder().encode(name) }),
      async *join(_gap, joining) {
        const source = await media.source(AbortSignal.any([signal, joining]));
        if (source.kind === "ts") yield* source.chunks;
      },
      close: async () => void state.open--,
    };
  }
  const hls: Candidate = { ...candidate("h"), openHls, open: async () => ({ kind: "hls", url: "http://h.example/" }) };
  const plain: Candidate = { ...candidate("b"), openHls, open: (signal) => other.source(signal) };
  const hub = createHub({
    clock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    settings: () => ({ linger: 5000, stall: 2000, slate: 0 }),
    candidates: () => [hls, plain],
  });
  return { hub, clock, media, other, state, tune: { channel: lineupChannel({ name: "one" }) } };
}

describe("hub.watchHls()", () => {
  test("passes playlists and parts on, by one session for all, which nobody's leaving closes early", async () => {
    const { hub, clock, state, tune } = setup();
    const [one, two] = await Promise.all(["tv", "phone"].map((name) => hub.watchHls(tune, { name }, never)));
    assert.ok(one?.kind === "hls" && two?.kind === "hls");
    assert.equal(await one.playlist("x"), "#EXTM3U x");
    one.close();
    assert.equal((await two.part("p"))?.bytes.length, 1);
    await clock.advance(6000);
    assert.deepEqual([state.sessions, state.open], [1, 1]);
    two.close();
    await clock.advance(6000);
    assert.equal(state.open, 0);
    assert.equal(hub.ledger.used("tuners one"), 0);
    await assert.rejects(two.playlist("x"), { code: "tune.failed" });
  });

  test("ends a session whose playlists fail for ten seconds, so that the next wish gets another upstream", async () => {
    const { hub, clock, other, state, tune } = setup();
    const watch = await hub.watchHls(tune, viewer, never);
    assert.ok(watch.kind === "hls");
    state.works = false;
    for (let second = 0; second < 10; second++) {
      await assert.rejects(watch.playlist(""), /answers 500/);
      await clock.advance(1000);
    }
    state.works = true;
    await watch.playlist("");
    state.works = false;
    for (let second = 0; second < 10; second++) {
      await assert.rejects(watch.playlist(""), /answers 500/);
      await clock.advance(1000);
    }
    await assert.rejects(watch.playlist(""), { code: "tune.failed", message: /answers 500/ });
    await clock.advance(0);
    await assert.rejects(watch.playlist(""), { code: "tune.failed" });
    assert.equal(state.open, 0);
    assert.equal(hub.ledger.used("tuners one"), 0);
    const next = hub.watchHls(tune, viewer, never);
    await clock.advance(0);
    other.send(60);
    await clock.advance(100);
    assert.equal((await next).kind, "ts");
    assert.equal(state.sessions, 1, "what failed is tried last");
    await hub.stop();
  });

  test("ends a session whose playlist is frozen at once, and the next wish gets another upstream", async () => {
    const { hub, clock, other, state, tune } = setup();
    const watch = await hub.watchHls(tune, viewer, never);
    assert.ok(watch.kind === "hls");
    state.frozen = true;
    await assert.rejects(watch.playlist(""), { code: "tune.failed", message: /no data for 6s/ });
    const next = hub.watchHls(tune, viewer, never);
    await clock.advance(0);
    other.send(60);
    await clock.advance(100);
    assert.equal((await next).kind, "ts");
    assert.equal(state.open, 0);
    await hub.stop();
  });

  test("a name that is not known is no failure", async () => {
    const { hub, clock, state, tune } = setup();
    const watch = await hub.watchHls(tune, viewer, never);
    assert.ok(watch.kind === "hls");
    await clock.advance(60_000);
    assert.equal(await watch.playlist(""), "#EXTM3U ");
    assert.equal(state.open, 1);
    await hub.stop();
  });
});

describe("hub.watch()", () => {
  test("joins an HLS upstream while somebody wants that, and gives nothing stale to who comes later", async () => {
    const { hub, clock, media, state, tune } = setup();
    const playlists = await hub.watchHls(tune, viewer, never);
    const first = hub.watch(tune, { name: "phone" }, never);
    await clock.advance(0);
    media.send(60);
    await clock.advance(100);
    const one = createReader((await first).body);
    await one.drain(() => clock.advance(0));
    assert.equal(contentsOf(one.bytes).at(-1), "h#00000059");
    await one.leave();
    media.send(1);
    await clock.advance(1000);
    assert.equal(media.open, 0, "nobody wants it joined");
    assert.equal(state.open, 1);
    await clock.advance(60_000);
    media.send(140);
    const second = hub.watch(tune, { name: "phone" }, never);
    await clock.advance(0);
    media.send(60);
    await clock.advance(100);
    const two = createReader((await second).body);
    await two.drain(() => clock.advance(0));
    const seen = contentsOf(two.bytes).filter((each) => each !== "mark");
    assert.deepEqual(seen.slice(0, 2), ["PAT", "PMT"]);
    assert.match(seen[2] ?? "", /^h#\d+[05]0$/);
    assert.ok(!seen.includes("h#00000050"), "nothing of what was there before");
    if (playlists.kind === "hls") playlists.close();
    await two.leave();
    await clock.advance(6000);
    assert.equal(media.open + state.open, 0);
    assert.equal(clock.sleeping, 0);
  });
});
