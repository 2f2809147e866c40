// The checks that look for the device: nobody answers, another answers, and the ways that are switched off.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { formatDiscoverReply, parseDiscoverRequest } from "../../../core/formats/hdhomerun.ts";
import type { Check } from "../../../core/plugin.ts";
import { checkSearches, type SearchFacts } from "../../../plugins/hdhomerun/search-checks.ts";
import { createTestClock } from "../../support/clock.ts";
import { device } from "./asking.ts";

/** Answers searches at a port of loopback as a device of this id would. */
async function answerAs(t: TestContext, id: number, baseUrl: string): Promise<number> {
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  socket.on("message", (bytes, from) => {
    if (parseDiscoverRequest(bytes))
      socket.send(formatDiscoverReply({ id, tuners: 1, baseUrl }), from.port, from.address);
  });
  socket.bind({ port: 0, address: "127.0.0.1" });
  await once(socket, "listening");
  return socket.address().port;
}

/** @param patience true: time goes on; false: an answer is waited for, however long it takes */
async function check(
  port: number,
  discovery: Partial<SearchFacts["discovery"]> = {},
  patience = true,
  wrong: Partial<SearchFacts["faults"]> = {},
): Promise<Check[]> {
  const clock = createTestClock();
  const { id, uuid } = device;
  const ports = { hdhomerun: port, ssdp: port };
  const faults = { hdhomerun: ["UDP port 1 is in use"], control: [], ssdp: ["UDP port 2 is in use"], ...wrong };
  const facts: SearchFacts = {
    ...{ id, uuid, clock, allow: "private", faults },
    discovery: { ssdp: false, hdhomerun: true, interfaces: ["127.0.0.1"], ports, ...discovery },
  };
  const found: Check[] = [];
  let over = false;
  const checking = (async () => {
    for await (const each of checkSearches(facts, new AbortController().signal)) found.push(each);
  })().finally(() => {
    over = true;
  });
  while (!over) {
    await setImmediate();
    if (patience) await clock.advance(500);
  }
  await checking;
  return found;
}

const own = Number.parseInt(device.id, 16);

test("checkSearches() takes the device's own answer to both questions", async (t) => {
  const found = await check(await answerAs(t, own, "http://10.0.0.5:5004"), {}, false);
  assert.deepEqual(
    found.map(({ ok, sentence }) => [ok, sentence]),
    [
      [true, "today's question is answered: http://10.0.0.5:5004"],
      [true, "the older question is answered: http://10.0.0.5:5004"],
    ],
  );
});

test("checkSearches() refuses an address that clients do not keep", async (t) => {
  const long = "http://television.example:5004";
  for (const { ok, sentence, fix } of await check(await answerAs(t, own, long), {}, false)) {
    assert.deepEqual([ok, sentence], [false, `${long} is announced; clients keep 28 characters`]);
    assert.match(fix ?? "", /publicHost/);
  }
});

test("checkSearches() passes over what another device answers, and says what is known to be wrong", async (t) => {
  const found = await check(await answerAs(t, own + 1, "http://10.0.0.5:5004"));
  assert.equal(found.length, 2);
  for (const { ok, sentence } of found)
    assert.match(`${ok} ${sentence}`, /^false nobody answers .* question; UDP port 1 is in use$/);
});

test("checkSearches() names the searches by SSDP that find nothing, and networks that are not there", async (t) => {
  const port = await answerAs(t, own, "http://10.0.0.5:5004");
  const [ssdp] = await check(port, { ssdp: true, hdhomerun: false });
  assert.equal(ssdp?.ok, false);
  assert.match(
    ssdp?.sentence ?? "",
    /^not found by upnp:rootdevice, uuid:.*, urn:.*MediaServer:1, ssdp:all; UDP port 2 is in use$/,
  );
  const [gone] = await check(port, { interfaces: ["nowhere0"] });
  assert.deepEqual([gone?.ok, gone?.sentence], [false, "no network is there to be found on"]);
  assert.deepEqual(
    await check(port, { interfaces: ["nowhere0"], hdhomerun: false }).then((all) => all.map(({ ok }) => ok)),
    ["note"],
  );
});

test("checkSearches() notes that questions are another program's, and fails nobody for it", async (t) => {
  const port = await answerAs(t, own, "http://10.0.0.5:5004");
  const found = await check(port, {}, false, { control: ["TCP port 65001 is in use"] });
  assert.deepEqual(
    found.map(({ ok, clients }) => [ok, clients?.includes("Kodi pvr.hdhomerun")]),
    [
      [true, true],
      [true, false],
      ["note", true],
    ],
  );
  assert.equal(found[2]?.sentence, "TCP port 65001 is in use");
});
