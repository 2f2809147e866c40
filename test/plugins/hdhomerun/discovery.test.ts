// Two devices of one process, found and asked on loopback as tools do it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import {
  formatDiscoverRequest,
  formatGetSetRequest,
  parseGetSetReply,
  readPacket,
} from "../../../core/formats/hdhomerun.ts";
import { formatSearch, parseSearchAnswer, ssdpGroup } from "../../../core/formats/ssdp.ts";
import { type DiscoveryOptions, startDiscovery } from "../../../plugins/hdhomerun/discovery.ts";
import { freePort } from "../../core/transport/udp/sending.ts";
import { createTestClock } from "../../support/clock.ts";
import { createKeptLog, device, openAsker } from "./asking.ts";

async function rig(...all: readonly (Partial<DiscoveryOptions> & { readonly as?: Partial<typeof device> })[]) {
  const ports = { hdhomerun: await freePort(), ssdp: await freePort() };
  const clock = createTestClock();
  const log = createKeptLog();
  const control = new AbortController();
  const discoveries = all.map(({ as, ...more }) =>
    startDiscovery({
      ...{ clock, log, ports, signal: control.signal, interfaces: ["127.0.0.1"], allow: "private" },
      ...{ ssdp: true, hdhomerun: true, device: () => ({ ...device, ...as }), ...more },
    }),
  );
  await Promise.all(discoveries.map(({ ready }) => ready));
  const asker = await openAsker();
  return {
    ...{ ports, clock, log, control, discoveries, asker },
    async [Symbol.asyncDispose]() {
      await asker.close();
      await Promise.all(discoveries.map((each) => each.stop()));
      assert.equal(clock.sleeping, 0);
    },
  };
}

/** A variable's value, by a connection of its own. */
async function get(port: number, name: string) {
  const socket = connect(port, "127.0.0.1");
  socket.write(formatGetSetRequest({ name }));
  const [bytes] = (await once(socket, "data")) as [Uint8Array];
  socket.destroy();
  const reply = parseGetSetReply(readPacket(bytes)?.packet ?? assert.fail());
  return reply && "value" in reply ? reply.value : reply;
}

test("startDiscovery() answers at every port, says so, and stops with its signal", async () => {
  const at = await rig({});
  const { hdhomerun, ssdp } = at.ports;
  assert.deepEqual(
    at.discoveries[0]?.state().map(({ what, ok }) => [what, ok]),
    [
      ["hdhomerun", true],
      ["control", true],
      ["ssdp", true],
    ],
  );
  for (const { sentence } of at.discoveries[0]?.state() ?? []) assert.match(sentence, /answers/);
  await at.asker.ask(formatDiscoverRequest({ types: [1] }), hdhomerun);
  await at.asker.wait(1);
  await at.asker.ask(formatSearch({ st: `uuid:${device.uuid}` }), ssdp, ssdpGroup);
  const answers = await at.asker.wait(2);
  assert.equal(parseSearchAnswer(answers[1]?.bytes ?? new Uint8Array())?.location, "http://127.0.0.1:5004/device.xml");
  assert.equal(await get(hdhomerun, "/sys/version"), "20250815");
  at.control.abort();
  await at[Symbol.asyncDispose]();
  assert.deepEqual(at.log.lines, []);
});

test("startDiscovery() opens nothing that is switched off", async () => {
  await using at = await rig({ hdhomerun: false }, { ssdp: false });
  const what = at.discoveries.map((each) => each.state().map((state) => state.what));
  assert.deepEqual(what, [["ssdp"], ["hdhomerun", "control"]]);
  await using none = await rig({ hdhomerun: false, ssdp: false });
  assert.deepEqual(none.discoveries[0]?.state(), []);
});

test("startDiscovery() lets that device be asked which was looked for by its id, else the one of the lowest port", async () => {
  await using at = await rig({ as: { port: 5005, firmware: "attic", id: "12345674" } }, { as: { firmware: "den" } });
  const { hdhomerun } = at.ports;
  assert.equal(await get(hdhomerun, "/sys/model"), "den");
  for (const [id, name] of [
    [0x12345674, "attic"],
    [0x10500009, "den"],
    [0x12345674, "attic"],
  ] as const) {
    await at.asker.ask(formatDiscoverRequest({ types: [1], id }), hdhomerun);
    await at.asker.wait(at.asker.answers.length + 1);
    assert.equal(await get(hdhomerun, "/sys/model"), name);
    await at.clock.advance(1000);
  }
  await at.clock.advance(60_000);
  assert.equal(await get(hdhomerun, "/sys/model"), "den");
});

test("startDiscovery() tells once in the log what keeps it from being found, and in its state as long as it does", async () => {
  await using at = await rig({ interfaces: ["nix0"] });
  assert.deepEqual(
    at.discoveries[0]?.state().map(({ ok }) => ok),
    [false, true, false],
  );
  assert.match(at.log.lines.join("\n"), /nix0 at present/);
});
