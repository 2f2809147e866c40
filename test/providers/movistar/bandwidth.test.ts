// The line: who is refused when it is full, who gives way, and what others on the machine take of it.
import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { systemClock } from "../../../core/clock.ts";
import type { StreamHub } from "../../../core/plugin.ts";
import { createLine } from "../../../providers/movistar/line.ts";
import { createScrambling, lookForEncrypted, type Scrambling } from "../../../providers/movistar/scrambling.ts";
import { createTestClock } from "../../support/clock.ts";
import { lineupChannel, until } from "../../support/host.ts";
import { openWhole, type Whole } from "../../support/movistar/headend.ts";
import { type Movistar, openMovistar } from "../../support/movistar/index.ts";
import { multicastMissing } from "../../support/multicast.ts";

async function using(more: string, work: (operator: Movistar, whole: Whole) => Promise<void>): Promise<void> {
  const operator = await openMovistar({ multicast: multicastMissing === false });
  const whole = await openWhole(`${operator.config}${more}`);
  try {
    await whole.refresh();
    await work(operator, whole);
  } finally {
    await whole.close();
    await operator.close();
  }
}

/** Watches as one player of many. */
async function watch(whole: Whole, path: string, player: string) {
  const leaving = new AbortController();
  const response = await whole.get(path, { headers: { "user-agent": player }, signal: leaving.signal });
  const reader = response.status === 200 ? response.body?.getReader() : undefined;
  await reader?.read();
  return {
    ...{ status: response.status, reader },
    text: reader ? "" : await response.text(),
    leave: () => reader?.cancel().catch(() => {}),
  };
}

test("when the line is full another player is refused, and told of what; the same player zaps", async () => {
  // Nobody has measured yet: a channel counts 8 Mbit/s.
  await using("    bandwidth: 17M\n    linger: 0s\n", async (operator, whole) => {
    for (const id of [2543, 1825, 4714]) operator.startLive(id);
    const one = await watch(whole, "/tv/2543/live", "One");
    const two = await watch(whole, `/tv/2543/${Math.floor(Date.now() / 1000) - 3600}`, "Two");
    assert.deepEqual([one.status, two.status], [200, 200]);
    const three = await watch(whole, "/tv/1825/live", "Three");
    assert.equal(three.status, 503);
    assert.match(three.text, /the line is full: 16\.0 Mbit\/s of 17\.0 Mbit\/s in use, Cuatro needs 8\.0 Mbit\/s/);
    // Whoever watches already takes nothing.
    const four = await watch(whole, "/tv/2543/live", "Four");
    assert.equal(four.status, 200);
    await four.leave();
    const zapped = await watch(whole, "/tv/4714/live", "Two");
    assert.equal(zapped.status, 200);
    await until(() => operator.vod.sessions.size === 0, "the past that was left goes on");
    assert.ok((await one.reader?.read())?.value);
    await Promise.all([one, zapped].map(({ leave }) => leave()));
  });
});

test("eighty-five megabits a second are the limit where nothing is said", async () => {
  await using("", async (_, whole) => {
    const text = await whole.text("/metrics");
    assert.match(text, /^movistar_line_limit_bits_per_second\{headend_instance="tv"\} 85000000$/m);
    const streams = whole.running.supervisor.instances.get("tv")?.config.streams;
    assert.equal(streams?.bandwidth, 85_000_000);
    assert.equal(whole.running.supervisor.instances.get("tv")?.config.refresh, 3_600_000);
  });
});

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const channelOf = (id: string) => lineupChannel({ name: id, id: `tv:${id}`, instance: "tv", ownId: id });

/** Looks as the provider's job does, by what the hub gives. */
function look(whole: Whole, ids: readonly string[], scrambling: Scrambling): Promise<void> {
  const { hub } = whole.running;
  const watching: StreamHub = {
    ...hub,
    async watch(tune, viewer, signal) {
      const watch = await hub.watch(tune, viewer, signal);
      const chunks = scrambling.watch(tune.channel.ownId ?? "", watch.body)[Symbol.asyncIterator]();
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: async () => void (await chunks.return?.()),
      });
      return { ...watch, body };
    },
  };
  const o = { clock: systemClock, log: silent, hub: watching, channels: ids.map(channelOf), scrambling };
  return lookForEncrypted(o, new AbortController().signal);
}

test("looking for encrypted channels tells them from the others, and leaves none open", async () => {
  await using("    linger: 0s\n", async (operator, whole) => {
    for (const id of [2543, 3000]) operator.startLive(id);
    const scrambling = createScrambling(undefined, () => {});
    await look(whole, ["2543", "3000"], scrambling);
    assert.deepEqual([scrambling.isEncrypted("2543"), scrambling.isEncrypted("3000")], [false, true]);
    assert.equal(scrambling.encrypted, 1);
    await until(() => whole.running.hub.streams().length === 0, "a channel stays open");
  });
});

test("looking for encrypted channels gives way to a viewer, and ends when the line is full", async () => {
  await using("    bandwidth: 10M\n    linger: 0s\n", async (operator, whole) => {
    operator.startLive(2543);
    const scrambling = createScrambling(undefined, () => {});
    // Of the first nothing comes.
    const looking = look(whole, ["4900", "3000"], scrambling);
    await until(() => whole.running.hub.streams().length > 0, "it does not look");
    const viewer = await watch(whole, "/tv/2543/live", "One");
    assert.equal(viewer.status, 200);
    await looking;
    assert.equal(scrambling.isEncrypted("4900"), undefined);
    assert.deepEqual(
      whole.running.hub.streams().map(({ channel }) => channel),
      ["tv:2543"],
    );
    await viewer.leave();
  });
});

test("what others take of the line is measured where its interface is there for it alone", async () => {
  const clock = createTestClock();
  const at = (address: string, internal = false): NetworkInterfaceInfo[] => [
    { address, internal, family: "IPv4", netmask: "255.0.0.0", mac: "00:00:00:00:00:00", cidr: null },
  ];
  let bytes = 0;
  let own = 0;
  let elsewhere: string | undefined = "192.168.1.2";
  const line = createLine({
    ...{ clock, limit: 40e6, instance: "tv" },
    face: () => "10.64.1.2",
    elsewhere: async () => elsewhere,
    own: () => own,
    received: async (name) => (name === "vlan2" ? bytes : undefined),
    interfaces: () => ({ vlan2: at("10.64.1.2"), eth0: at("192.168.1.2"), lo: at("127.0.0.1", true) }),
  });
  const sample = async (megabits: number) => {
    await clock.advance(3000);
    bytes += (megabits * 1e6 * 3) / 8;
    await line.job.run(new AbortController().signal);
  };
  await sample(0);
  assert.equal(line.bits, undefined);
  own = 10e6;
  for (const megabits of [40, 12, 30]) await sample(megabits);
  assert.equal(line.bits, 30e6);
  // A channel that was left a moment ago is still in the first.
  assert.equal(line.others, 2e6);
  await sample(30);
  assert.equal(line.others, 2e6);
  await sample(30);
  assert.equal(line.others, 20e6);
  // Ten are ours, twenty others': there is room for one more.
  line.expectRoom("La 1");
  own = 15e6;
  assert.throws(
    () => line.expectRoom("La 1"),
    /tv: the line is full: 35\.0 Mbit\/s of 40\.0 Mbit\/s in use, La 1 needs 8/,
  );
  own = 10e6;
  // The counter began anew, as when the interface went down.
  bytes = 0;
  await sample(1);
  assert.deepEqual([line.bits, line.others], [undefined, 0]);
  await sample(30);
  assert.equal(line.bits, 30e6);
  elsewhere = "10.64.1.2";
  await clock.advance(60_000);
  await sample(30);
  assert.equal(line.bits, undefined);
});
