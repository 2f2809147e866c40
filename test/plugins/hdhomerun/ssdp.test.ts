// SSDP over real sockets on loopback: searches by multicast and directly, announcements, and what is not answered.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  formatAlive,
  formatSearch,
  parseNotify,
  parseSearchAnswer,
  parseSsdp,
  serviceNames,
  ssdpGroup,
} from "../../../core/formats/ssdp.ts";
import { openSsdp } from "../../../plugins/hdhomerun/ssdp.ts";
import { freePort } from "../../core/transport/udp/sending.ts";
import { createTestClock } from "../../support/clock.ts";
import { type Asker, createKeptLog, device, openAsker, openHearer } from "./asking.ts";

const own = `uuid:${device.uuid}`;
const mediaServer = "urn:schemas-upnp-org:device:MediaServer:1";

async function rig(more: Partial<typeof device> = {}) {
  const port = await freePort();
  const clock = createTestClock();
  const log = createKeptLog();
  const hearer = await openHearer(ssdpGroup, port);
  const ssdp = await openSsdp({
    ...{ port, clock, log, allow: "private", interfaces: ["127.0.0.1"] },
    device: () => ({ ...device, ...more }),
  });
  const asker = await openAsker();
  return {
    ...{ port, clock, log, hearer, asker, ssdp },
    /** Lets everything come to rest that time does not hold up. */
    async sleeping(count: number) {
      for (let turn = 0; clock.sleeping !== count; turn++) {
        if (turn > 500) throw new Error(`${clock.sleeping} of ${count} sleep`);
        await setTimeout(10);
      }
    },
    async [Symbol.asyncDispose]() {
      await ssdp.close();
      await Promise.all([asker.close(), hearer.close()]);
      assert.equal(clock.sleeping, 0);
    },
  };
}

const told = ({ answers }: Asker) =>
  answers.map(({ bytes }) => {
    const answer = parseSearchAnswer(bytes);
    return answer && [answer.target, answer.usn];
  });

const targets: readonly (readonly [st: string, answers: readonly (readonly [target: string, usn: string])[]])[] = [
  ["upnp:rootdevice", [["upnp:rootdevice", `${own}::upnp:rootdevice`]]],
  [own, [[own, own]]],
  [own.toUpperCase().replace("UUID", "uuid"), [[own.toUpperCase().replace("UUID", "uuid"), own]]],
  [mediaServer, [[mediaServer, `${own}::${mediaServer}`]]],
  ["ssdp:all", serviceNames(device.uuid, mediaServer).map(({ target, usn }) => [target, usn] as const)],
];
for (const [st, wanted] of targets)
  test(`openSsdp() answers a search for ${st}, echoing what was asked`, async () => {
    await using at = await rig();
    await at.asker.ask(formatSearch({ st, mx: 1 }), at.port, ssdpGroup);
    // Its turn is somewhere within the second.
    for (let turn = 0; at.asker.answers.length < wanted.length && turn < 100; turn++) await at.clock.advance(10);
    await at.asker.wait(wanted.length);
    assert.deepEqual(told(at.asker), wanted);
    for (const { bytes, port } of at.asker.answers) {
      assert.equal(port, at.port);
      const { headers } = parseSsdp(bytes) ?? assert.fail();
      assert.equal(headers.get("location"), "http://127.0.0.1:5004/device.xml");
      assert.equal(headers.get("ext"), "");
      assert.match(headers.get("cache-control") ?? "", /^max-age=1800$/);
      assert.match(headers.get("date") ?? "", /^Thu, 01 Jan 2026 12:00:0\d GMT$/);
      assert.match(headers.get("server") ?? "", / UPnP\/1\.0 /);
    }
  });

test("openSsdp() answers a search to it alone at once, and a search for long at the latest after two seconds", async () => {
  await using at = await rig();
  await at.asker.ask(formatSearch({ st: own }), at.port);
  await at.asker.wait(1);
  await at.asker.ask(formatSearch({ st: own, mx: 120 }), at.port);
  // Beside it: the look at the networks, the renewal, and the announcement.
  await at.sleeping(4);
  await at.clock.advance(2000);
  assert.equal((await at.asker.wait(2)).length, 2);
});

test("openSsdp() announces itself three times, renews that every five minutes, and says goodbye twice", async () => {
  const at = await rig();
  const heard = async (count: number) =>
    (await at.hearer.wait(count)).slice(count - 3).map(({ bytes }) => parseNotify(bytes));
  const names = serviceNames(device.uuid, mediaServer);
  // The look at the networks sleeps as well, and the renewal while nothing is announced.
  const steps = [
    { pause: 0, sleeping: 3 },
    { pause: 300, sleeping: 3 },
    { pause: 1000, sleeping: 2 },
    { pause: 298_700, sleeping: 2 },
    { pause: 300, sleeping: 2 },
    { pause: 1000, sleeping: 2 },
    { pause: 300_000, sleeping: 2 },
  ];
  for (const [index, { pause, sleeping }] of steps.entries()) {
    await at.clock.advance(pause);
    const notifies = await heard((index + 1) * 3);
    assert.deepEqual(
      notifies.map((each) => each?.service.usn),
      names.map(({ usn }) => usn),
    );
    assert.ok(notifies.every((each) => each?.alive && each.service.location === "http://127.0.0.1:5004/device.xml"));
    // Half of the time for which it holds.
    assert.ok(notifies.every((each) => (each?.service.maxAge ?? 0) * 500 > 300_000 + 1300));
    assert.equal(at.hearer.answers.length, (index + 1) * 3);
    await at.sleeping(sleeping);
  }
  const before = at.hearer.answers.length;
  await at.ssdp.close();
  const bye = (await at.hearer.wait(before + 6)).slice(before).map(({ bytes }) => parseNotify(bytes));
  assert.deepEqual(
    bye.map((each) => [each?.alive, each?.service.usn]),
    [...names, ...names].map(({ usn }) => [false, usn]),
  );
  await at[Symbol.asyncDispose]();
});

test("openSsdp() stays silent where no answer is due", async () => {
  await using at = await rig();
  const search = Buffer.from(formatSearch({ st: "ssdp:all" })).toString();
  const silent = [
    formatSearch({ st: "urn:schemas-upnp-org:device:InternetGatewayDevice:1" }),
    formatSearch({ st: "urn:schemas-upnp-org:device:MediaServer:2" }),
    formatSearch({ st: "uuid:00000000-0000-0000-0000-000000000000" }),
    formatSearch({ st: "SSDP:ALL" }),
    search.replace('"ssdp:discover"', '"ssdp:byebye"'),
    search.replace("M-SEARCH", "NOTIFY"),
    search.replace("HTTP/1.1", "HTTP/9.9"),
    search.replace("\r\n\r\n", `\r\nX: ${"x".repeat(3000)}\r\n\r\n`),
    formatAlive({ target: "upnp:rootdevice", usn: "uuid:x", location: "http://x/", server: "x", maxAge: 1 }),
    new Uint8Array(0),
    new Uint8Array(60_000).fill(0x4d),
    ...Array.from({ length: 200 }, (_, index) => {
      const bytes = Buffer.from(search);
      // One byte of the first line or of a header's name is another.
      const at = (index * 7) % 17;
      bytes[at] = (bytes[at] ?? 0) ^ (1 + (index % 30));
      return bytes;
    }),
  ];
  for (const bytes of silent) await at.asker.ask(Buffer.from(bytes), at.port);
  for (let turn = 0; at.asker.answers.length === 0 && turn < 50; turn++) {
    await at.asker.ask(formatSearch({ st: own }), at.port);
    await new Promise(setImmediate);
    await at.clock.advance(0);
  }
  await at.asker.wait(1);
  assert.ok(told(at.asker).every((each) => each?.[0] === own));
  assert.deepEqual(at.log.lines, []);
});

test("openSsdp() lets no more than a hundred searches wait, and answers one address fifty times at once", async () => {
  await using at = await rig();
  for (let count = 0; count < 300; count++) await at.asker.ask(formatSearch({ st: own, mx: 5 }), at.port);
  for (let turn = 0; at.clock.sleeping < 100 && turn < 500; turn++) await new Promise(setImmediate);
  // Beside them: the look at the networks, the renewal, and the announcement.
  assert.ok(at.clock.sleeping <= 104, String(at.clock.sleeping));
  await at.clock.advance(2000);
  await at.asker.wait(50);
  assert.ok(at.asker.answers.length <= 100);
  assert.deepEqual(at.log.lines, []);
});

test("openSsdp() tells nobody of a device that does not listen yet", async () => {
  await using at = await rig({ port: 0 });
  await at.asker.ask(formatSearch({ st: own }), at.port);
  await at.clock.advance(5000);
  assert.deepEqual([at.asker.answers, at.hearer.answers], [[], []]);
});
