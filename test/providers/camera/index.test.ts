// The camera provider: what its config may say, which channels come of it, and how it dials them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../../../core/plugin.ts";
import { createRouter } from "../../../core/server/router.ts";
import { readCameras } from "../../../providers/camera/camera.ts";
import camera from "../../../providers/camera/index.ts";
import { createTestHost, lineupChannel } from "../../support/host.ts";
import { listChannels, testPlugin } from "../../support/plugin.ts";

const door = "rtsp://admin:hunter2@10.0.0.5/stream1";

testPlugin(camera, {
  config: { cameras: { door, yard: { url: "http://10.0.0.6/video.mjpg", video: "h264", linger: "30s" } } },
  invalid: [
    {},
    { cameras: { "front door": door } },
    { cameras: { door: "file:///etc/passwd" } },
    { cameras: { door: { url: door, transport: "smoke" } } },
    { cameras: { door: { url: door, linger: "soon" } } },
    { cameras: { door: { url: door, segment: "1ms" } } },
    { cameras: { door }, hls: { mode: "dash" } },
  ],
  secrets: ["hunter2"],
});

const read = (config: unknown) => readCameras(camera.config.parse(config));

test("readCameras() fills in what a camera does not say from the instance, then from the defaults", () => {
  const [plain, full] = read({
    group: "Outside",
    audio: "off",
    cameras: {
      door,
      yard: {
        url: door,
        name: "Yard",
        group: "Garden",
        logo: "http://l/y.png",
        audio: "aac",
        linger: "0s",
        hls: { mode: "ll" },
        always: true,
      },
    },
  });
  assert.deepEqual(plain, {
    nickname: "door",
    url: door,
    media: { video: "copy", audio: "off" },
    always: false,
    channel: { id: "door", name: "door", groups: ["Outside"], account: "door", linger: 10_000, segment: 1000 },
  });
  assert.deepEqual(full?.media, { video: "copy", audio: "aac" });
  assert.equal(full?.always, true);
  assert.deepEqual(full?.channel, {
    ...{ id: "yard", name: "Yard", groups: ["Garden"], account: "yard", linger: 0, segment: 1000 },
    logo: "http://l/y.png",
    hls: "ll",
  });
});

test("readCameras() says in RTSP addresses how they are to be carried, unless they say it", () => {
  const urls = read({
    transport: "udp",
    cameras: { a: door, b: `${door}#transport=tcp`, c: "rtmp://h/live", d: { url: door, transport: "auto" } },
  }).map(({ url }) => url);
  assert.deepEqual(urls, [`${door}#transport=udp`, `${door}#transport=tcp`, "rtmp://h/live", door]);
});

test("no channel carries an address, and each is dialled by its own", async (t) => {
  const host = await createTestHost("cams");
  t.after(() => host.close());
  const given = await camera.setup(host, camera.config.parse({ cameras: { door } }));
  const channels = await listChannels(given, host.signal);
  assert.equal(channels[0]?.url, undefined);
  assert.doesNotMatch((await given.version?.(host.signal)) ?? "", /hunter2/);
  const source: Source = { kind: "ts", chunks: (async function* () {})() };
  host.answerMedia(door, () => source);
  const tune = { channel: lineupChannel({ name: "door", instance: "cams", ownId: "door" }) };
  assert.equal(await given.open?.(tune, host.signal), source);
  const other = { channel: lineupChannel({ name: "yard", instance: "cams", ownId: "yard" }) };
  await assert.rejects(given.open?.(other, host.signal) ?? Promise.resolve());
});

test("every key of a camera is described as what it takes", async (t) => {
  const host = await createTestHost("cams");
  t.after(() => host.close());
  const given = await camera.setup(host, camera.config.parse({ cameras: {} }));
  const router = createRouter({ log: host.log, derive: (request, init) => new Request(request, init) });
  const app = router.createApp("/cams");
  const bodies = (given.routes?.(app) ?? app).routes.map(({ hooks }) => hooks.detail?.requestBody);
  const described = bodies.map((body) => body?.content["application/json"].schema.properties).filter((of) => of?.url);
  assert.equal(described.length, 3);
  for (const { hls, always, transport } of described) {
    assert.deepEqual([hls.type, always.type, transport.enum], ["object", "boolean", ["auto", "tcp", "udp"]]);
    assert.deepEqual(hls.properties, { mode: { type: "string", enum: ["ts", "fmp4", "ll"] } });
  }
});
