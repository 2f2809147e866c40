// What nobody sends who means well: floods, bombs, and answers that are anything but what was asked for.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { createAppserver } from "../../../providers/movistar/appserver.ts";
import { createCarousel } from "../../../providers/movistar/carousel.ts";
import { createCloud, formatCloud } from "../../../providers/movistar/cloud.ts";
import {
  parseGuideIndex,
  parsePackages,
  parseProviders,
  parseServices,
} from "../../../providers/movistar/discovery.ts";
import { createDvbstpAssembler, parseDvbstp } from "../../../providers/movistar/dvbstp.ts";
import { parseEpg } from "../../../providers/movistar/epg.ts";
import { createInfos } from "../../../providers/movistar/info.ts";
import { readProfile } from "../../../providers/movistar/profile.ts";
import { readTitle } from "../../../providers/movistar/titles.ts";
import { createTestHost } from "../../support/host.ts";
import { formatSegment } from "../../support/movistar/carousel.ts";
import { formatDay } from "../../support/movistar/documents.ts";
import { makeSchedule } from "../../support/movistar/world.ts";

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));

/** A section without a checksum. */
function sectionOf(payload: number, id: number, number: number, last: number): Buffer {
  const datagram = Buffer.alloc(12 + 1400);
  datagram.writeUInt32BE(1400 * (last + 1), 0);
  datagram.writeUInt8(payload, 4);
  datagram.writeUInt16BE(id, 5);
  datagram.writeUIntBE((number << 12) | last, 8, 3);
  return datagram;
}

test("a flood of segments, whole or not, ends at what can be kept", () => {
  const carousel = createCarousel({ wanted: ["1 0"] });
  for (let id = 0; id < 40_000; id++) carousel.push(sectionOf(0xf1, id, 0, 0));
  const kept = [...carousel.segments.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  // Of the 32 MiB each takes a little besides its own.
  assert.ok(kept <= 32 * 2 ** 20 && kept > 24 * 2 ** 20, `${kept} bytes`);
  const assembler = createDvbstpAssembler();
  const push = (datagram: Buffer) => assembler.push(parseDvbstp(datagram) ?? assert.fail());
  for (let id = 0; id < 5000; id++) for (let number = 0; number < 20; number++) push(sectionOf(2, id, number, 59));
  // Twenty sections of each: no more of them than 64 MiB.
  assert.ok(assembler.open <= (64 * 2 ** 20) / (20 * 1400) + 1, `${assembler.open} are open`);
  // And what is really sent still comes through.
  const [last] = formatSegment({ payload: 1, id: 0, version: 1, bytes: Buffer.from("it") });
  assert.equal(Buffer.from(push(last ?? assert.fail())?.bytes ?? []).toString(), "it");
});

test("what has hardly a byte in it is not kept without end either", () => {
  const empty = (payload: number, id: number, number: number, last: number) => {
    const datagram = sectionOf(payload, id, number, last).subarray(0, 12);
    datagram.writeUIntBE(0, 1, 3);
    return datagram;
  };
  const assembler = createDvbstpAssembler();
  for (let id = 0; id < 4000; id++)
    for (let number = 0; number < 100; number++)
      assembler.push(parseDvbstp(empty(2, id, number, 4095)) ?? assert.fail());
  assert.ok(assembler.open > 0 && assembler.open <= 3000, `${assembler.open} are open`);
  const carousel = createCarousel({ wanted: ["9 0"] });
  for (let id = 0; id < 200_000; id++) carousel.push(empty(id >> 16, id & 0xffff, 0, 0));
  assert.ok(carousel.segments.size <= 2 ** 17, `${carousel.segments.size} segments`);
});

test("a guide that is damaged anywhere keeps its other programmes, and no length makes it slow", () => {
  const events = makeSchedule([7], { from: 1_767_225_600, days: 1, length: 1800 });
  const day = formatDay(7, 1, events);
  fc.assert(
    fc.property(fc.nat(day.length - 8), fc.uint8Array({ minLength: 1, maxLength: 6 }), (at, noise) => {
      const damaged = new Uint8Array(day);
      damaged.set(noise.subarray(0, day.length - at), at);
      const file = parseEpg(damaged);
      // Damage of the header costs all, elsewhere one programme or two.
      if (file && at > 40) assert.ok(file.events.length >= events.length - 3, `${file.events.length} at ${at}`);
    }),
    { numRuns: 300 },
  );
  assert.equal(parseEpg(new Uint8Array(2 ** 18 + 1)), undefined);
  // Every byte could be the beginning of a programme.
  const crafted = new Uint8Array(2 ** 18).fill(0xf1);
  const begun = performance.now();
  parseEpg(crafted);
  assert.ok(performance.now() - begun < 5000);
});

test("discovery reads nothing of what is no XML, of bombs and of depths", () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "${"x".repeat(1000)}">${Array.from({ length: 9 }, (_, n) => `<!ENTITY ${"bcdefghij"[n]} "${`&${"abcdefghi"[n]};`.repeat(10)}">`).join("")}]><ServiceDiscovery><BroadcastDiscovery><ServiceList>&j;</ServiceList></BroadcastDiscovery></ServiceDiscovery>`;
  const deep = `<ServiceDiscovery>${"<a>".repeat(200_000)}`;
  const all = (xml: Uint8Array) => [
    parseProviders(xml, 19),
    ...parseServices(xml),
    ...parsePackages(xml, ["ALL"]),
    ...parseGuideIndex(xml),
  ];
  for (const text of [bomb, deep, "", "<", "{}", "<ServiceDiscovery/>"])
    assert.deepEqual(all(bytesOf(text)), [undefined], text.slice(0, 40));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (xml) => void all(xml)));
  // Numbers and addresses that are none are left out one by one.
  const service = (id: string, address: string, port: string) =>
    `<SingleService><ServiceLocation><IPMulticastAddress Port="${port}" Address="${address}"/></ServiceLocation><TextualIdentifier ServiceName="${id}"/></SingleService>`;
  const list = `<ServiceDiscovery><BroadcastDiscovery><ServiceList>${[
    service("1", "239.0.0.1", "8208"),
    service("99999999999999999999", "239.0.0.1", "8208"),
    service("../../etc", "239.0.0.1", "8208"),
    service("2", "evil.example/x", "8208"),
    service("3", "239.0.0.1", "1e9"),
  ].join("")}</ServiceList></BroadcastDiscovery></ServiceDiscovery>`;
  assert.deepEqual(
    parseServices(bytesOf(list)).map(({ id }) => id),
    [1],
  );
});

test("what discovery announces ends no line, opens no thousand sockets, and takes no time", () => {
  const document = (name: string, inside: string) =>
    bytesOf(`<ServiceDiscovery><${name}>${inside}</${name}></ServiceDiscovery>`);
  const service = (logo: string, name: string, port = "8208") =>
    `<SingleService><ServiceLocation><IPMulticastAddress Port="${port}" Address="239.0.0.1"/></ServiceLocation><TextualIdentifier ServiceName="1" logoURI='${logo}'/><SI><Name>${name}</Name></SI></SingleService>`;
  const read = (inside: string) =>
    parseServices(document("BroadcastDiscovery", `<ServiceList>${inside}</ServiceList>`));
  assert.equal(read(service("MAY_1/imSer/1.jpg", "La 1"))[0]?.logo, "MAY_1/imSer/1.jpg");
  for (const logo of ['1.jpg"\n#EXTVLCOPT:x', "1.jpg\r\nhttp://evil.example/", '1.jpg" tvg-id="2', "x".repeat(5000)])
    assert.deepEqual(Object.hasOwn(read(service(logo, "La 1"))[0] ?? {}, "logo"), false, logo.slice(0, 20));
  // Half a port would cost what is kept of all channels at the next start.
  assert.deepEqual(read(service("1.jpg", "La 1", "8208.5")), []);
  assert.equal(read(service("1.jpg", `a${".".repeat(1_000_000)}b`))[0]?.name, "a");
  assert.deepEqual(read(service("1.jpg", "a".repeat(2 ** 22))), []);
  const day = `<DVBBINSTP Address="239.0.0.2" Port="3937" Source="EPG_0_BIN.imagenio.es"/>`;
  const index = `<BCG Id="EPG"><TransportMode>${day.repeat(1000)}</TransportMode></BCG>`;
  assert.equal(parseGuideIndex(document("BCGDiscovery", index)).length, 32);
});

test("whatever the web service answers, what is made of it holds", async () => {
  const host = await createTestHost("movistar");
  const shared = { endPoints: [], learn() {} };
  try {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (one, other) => {
        const answers = [one, other];
        let count = 0;
        const appserver = {
          ...shared,
          ask: async (action: string) =>
            action === "recordingList"
              ? {
                  result: [
                    { serviceUID: 1, productID: 2, beginTime: one },
                    one,
                    { serviceUID: one, productID: other, beginTime: 1e12 },
                  ],
                }
              : {
                  name: "x",
                  url: one,
                  beginTime: other,
                  endTime: one,
                  duration: other,
                  cover: one,
                  directors: other,
                  ...(answers[count++ % 2] as object),
                },
        };
        const { profile } = await readProfile(appserver, {}, host.signal);
        assert.match(profile.logos, /^https?:\/\/.+\/$/);
        assert.ok(profile.entryPoint.port > 0 && profile.demarcation !== undefined);
        const cloud = createCloud({ appserver, kept: JSON.stringify(one), known: () => undefined });
        await cloud.refresh(host.signal);
        assert.match(formatCloud(cloud.events, new Map([[1, "La 1"]])), /<\/tv>/);
        const infos = createInfos({ appserver, clock: host.clock, kept: JSON.stringify([1, other]) });
        await infos.fetch(
          [
            { pid: 1, channel: 1 },
            { pid: 2, channel: 1 },
          ],
          1000,
          host.signal,
        );
        assert.ok((infos.get(2)?.description?.length ?? 0) <= 4000);
      }),
      { numRuns: 200 },
    );
    for (const productionDate of [1e300, -5, 0.5, 2999, "soon"]) {
      const appserver = { ...shared, ask: async () => ({ productionDate, description: "x" }) };
      const infos = createInfos({ appserver, clock: host.clock, kept: undefined });
      await infos.fetch([{ pid: 1, channel: 1 }], 1000, host.signal);
      assert.deepEqual(infos.get(1), { description: "x" }, String(productionDate));
    }
    const appserver = createAppserver({
      ...{
        fetch: host.fetch,
        clock: host.clock,
        log: host.log,
        resolve: async (url: string) => ({ url, headers: {} }),
      },
      endPoints: ["http://own.example"],
    });
    // However often it announces others, few are tried, and our own is among them.
    for (let round = 0; round < 5; round++)
      appserver.learn(Array.from({ length: 1000 }, (_, n) => `http://e${round}-${n}.example/`));
    assert.equal(appserver.endPoints.length, 17);
    assert.equal(appserver.endPoints.at(-1), "http://own.example");
  } finally {
    await host.close();
  }
});

test("titles of any kind are read, and soon", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 255 }), fc.nat(), (title, series) => {
      const { season, episode } = readTitle(title, series);
      assert.ok(Number.isFinite(season) && Number.isFinite(episode));
    }),
  );
  const begun = performance.now();
  for (const part of [" T", " T1 ", " Ep ", " - ", "E 1 ", ": "]) readTitle(part.repeat(200).slice(0, 255), 1);
  assert.ok(performance.now() - begun < 1000);
});
