// HDHomeRun's searches, asked over real sockets on loopback.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { formatDiscoverRequest, formatPacket, parseDiscoverReply } from "../../../core/formats/hdhomerun.ts";
import { answerSearches } from "../../../plugins/hdhomerun/search.ts";
import { freePort } from "../../core/transport/udp/sending.ts";
import { createTestClock } from "../../support/clock.ts";
import { createKeptLog, device, openAsker } from "./asking.ts";

const tuner = formatDiscoverRequest({ types: [1] });

async function rig(o: { allow?: "private" | "all"; devices?: readonly Partial<typeof device>[] } = {}) {
  const port = await freePort();
  const clock = createTestClock();
  const log = createKeptLog();
  const searches = await Promise.all(
    (o.devices ?? [{}]).map((own) =>
      answerSearches({ port, allow: o.allow ?? "private", clock, log, device: () => ({ ...device, ...own }) }),
    ),
  );
  const asker = await openAsker();
  return {
    port,
    clock,
    log,
    asker,
    searches,
    async [Symbol.asyncDispose]() {
      await asker.close();
      await Promise.all(searches.map((each) => each.close()));
      assert.equal(clock.sleeping, 0);
    },
  };
}

test("answerSearches() answers both shapes at once, from its port, with an address that fits", async () => {
  await using at = await rig();
  await at.asker.ask(tuner, at.port);
  await at.asker.ask(formatDiscoverRequest({ types: [], id: 0xffffffff }), at.port);
  for (const { bytes, port } of await at.asker.wait(2)) {
    assert.equal(port, at.port);
    assert.deepEqual(parseDiscoverReply(bytes), {
      id: 0x10500009,
      tuners: 4,
      baseUrl: "http://127.0.0.1:5004",
      lineupUrl: "http://127.0.0.1:5004/lineup.json",
    });
  }
  assert.equal(at.searches[0]?.fault, undefined);
});

test("answerSearches() answers for its id and kind only", async () => {
  await using at = await rig();
  for (const request of [{ types: [5] }, { types: [1], id: 0x12345674 }, { types: [5], id: 0x10500009 }])
    await at.asker.ask(formatDiscoverRequest(request), at.port);
  await at.asker.ask(formatDiscoverRequest({ types: [5, 1], id: 0x10500009 }), at.port);
  await at.asker.wait(1);
  await at.asker.ask(tuner, at.port);
  assert.equal((await at.asker.wait(2)).length, 2);
});

test("answerSearches() answers for every device of the process, by one port, until the last stops", async () => {
  await using at = await rig({ devices: [{}, { id: "12345674", port: 5005 }] });
  await at.asker.ask(tuner, at.port);
  const bases = (await at.asker.wait(2)).map(({ bytes }) => parseDiscoverReply(bytes)?.baseUrl);
  assert.deepEqual(bases.sort(), ["http://127.0.0.1:5004", "http://127.0.0.1:5005"]);
  await at.searches[0]?.close();
  await at.asker.ask(tuner, at.port);
  assert.equal(parseDiscoverReply((await at.asker.wait(3))[2]?.bytes ?? tuner)?.baseUrl, "http://127.0.0.1:5005");
});

test("answerSearches() tells nobody of a device that does not listen yet", async () => {
  await using at = await rig({ devices: [{ port: 0 }, { id: "12345674" }] });
  await at.asker.ask(tuner, at.port);
  assert.equal(parseDiscoverReply((await at.asker.wait(1))[0]?.bytes ?? tuner)?.id, 0x12345674);
});

test("answerSearches() names the host of the config instead, where there is one", async () => {
  await using at = await rig({ devices: [{ host: "192.0.2.1", port: 65_535 }] });
  await at.asker.ask(tuner, at.port);
  const { baseUrl = "" } = parseDiscoverReply((await at.asker.wait(1))[0]?.bytes ?? tuner) ?? {};
  assert.equal(baseUrl, "http://192.0.2.1:65535");
  assert.ok(baseUrl.length <= 28);
});

test("answerSearches() answers one address fifty times at once, and then twenty-five times a second", async () => {
  await using at = await rig();
  const flood = async () => {
    for (let count = 0; count < 80; count++) await at.asker.ask(tuner, at.port);
    // What is asked from elsewhere is answered still: then the flood has been seen.
    const other = await openAsker("127.0.0.2");
    await other.ask(tuner, at.port);
    await other.wait(1);
    await other.close();
    return at.asker.answers.length;
  };
  assert.equal(await flood(), 50);
  await at.clock.advance(1000);
  assert.equal(await flood(), 75);
  assert.deepEqual(at.log.lines, []);
});

test("answerSearches() stays silent at hostile datagrams, and answers what comes after them", async () => {
  await using at = await rig();
  const damaged = Buffer.from(tuner);
  damaged[13] = (damaged[13] ?? 0) ^ 1;
  const random = (length: number, seed: number) =>
    Uint8Array.from({ length }, (_, index) => (index * seed) ^ (seed >> 3));
  const hostile = [
    damaged,
    Buffer.concat([tuner, tuner]),
    new Uint8Array(0),
    new Uint8Array(1461),
    new Uint8Array(60_000).fill(2),
    formatPacket({ type: 2, values: [{ tag: 1, value: new Uint8Array(5) }] }),
    formatPacket({ type: 2, values: Array.from({ length: 400 }, () => ({ tag: 2, value: new Uint8Array(1) })) }),
    formatPacket({ type: 3, values: [{ tag: 1, value: Uint8Array.of(0, 0, 0, 1) }] }),
    formatPacket({ type: 4, values: [{ tag: 3, value: Buffer.from("/sys/model\0") }] }),
    formatPacket({ type: 6, values: [] }),
    ...Array.from({ length: 300 }, (_, seed) => random(seed * 3, seed)),
  ];
  for (const datagram of hostile) await at.asker.ask(datagram, at.port);
  // Some may have been lost on the way: it is asked until it answers, and may answer no more than that.
  let asked = 0;
  for (; at.asker.answers.length === 0 && asked < 50; asked++) {
    await at.asker.ask(tuner, at.port);
    await setTimeout(20);
  }
  assert.ok(at.asker.answers.length > 0 && at.asker.answers.length <= asked);
  for (const { bytes } of at.asker.answers) assert.equal(parseDiscoverReply(bytes)?.id, 0x10500009);
  assert.deepEqual(at.log.lines, []);
});

test("answerSearches() says when its port is another's who does not share it, and takes it when it is free", async () => {
  const other = createSocket("udp4");
  await new Promise<void>((resolve) => other.bind({ address: "0.0.0.0", port: 0 }, resolve));
  const { port } = other.address();
  const clock = createTestClock();
  const searches = await answerSearches({ port, allow: "private", clock, log: createKeptLog(), device: () => device });
  assert.match(searches.fault ?? "", new RegExp(`UDP port ${port} is in use by another program`));
  await new Promise<void>((resolve) => other.close(() => resolve()));
  await clock.advance(5000);
  assert.equal(searches.fault, undefined);
  const asker = await openAsker();
  await asker.ask(tuner, port);
  await asker.wait(1);
  await asker.close();
  await searches.close();
});

test("answerSearches() says which interface it is to use and does not find", async () => {
  const port = await freePort();
  const clock = createTestClock();
  const options = {
    port,
    allow: "private",
    clock,
    log: createKeptLog(),
    device: () => device,
    interfaces: ["nix0"],
  } as const;
  const searches = await answerSearches(options);
  assert.match(searches.fault ?? "", /no network interface has the name or address nix0 at present; there are: /);
  await searches.close();
});
