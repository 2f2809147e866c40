// Cameras: each is a channel that is opened only while somebody watches, and what they show now as a picture.
import type { AnyElysia } from "elysia";
import { definePlugin, HeadendError, type HlsSource, type LineupChannel } from "../../core/plugin.ts";
import { type AdminOptions, addAdmin } from "./admin.ts";
import { keysOf } from "./admin-form.ts";
import { createLooks } from "./admin-looks.ts";
import { createTester } from "./admin-test.ts";
import { type Camera, readCameras } from "./camera.ts";
import { type Config, config as schema } from "./config.ts";
import { readPicture } from "./picture.ts";
import { addRoutes } from "./routes.ts";

/** Milliseconds for which a picture is shown again. */
const pictureAge = 1000;
/** Milliseconds within which a camera that starts must show one. */
const pictureLimit = 15_000;
/** Milliseconds between two looks at the cameras that are always open. */
const warmPause = 2000;

export default definePlugin({
  name: "camera",
  api: 1,
  config: schema,
  setup(host, config) {
    const { clock, hub, signal } = host;
    let cameras = byNickname(config);
    const looks = createLooks({ hub, clock, signal });
    const pictures = new Map<string, { readonly at: number; readonly bytes: Promise<Uint8Array> }>();
    /** Cameras that are kept open, by nickname. */
    const warm = new Map<string, AbortController>();

    const channelOf = (nickname: string): LineupChannel | undefined =>
      cameras.has(nickname) ? host.lineup.channels(host.name).find(({ ownId }) => ownId === nickname) : undefined;

    /** @param open whether it may be opened for it; else it is taken of what is open anyway, and keeps nothing open */
    async function takePicture(nickname: string, name: string, open: boolean): Promise<Uint8Array> {
      const channel = channelOf(nickname);
      if (!channel) throw new HeadendError("not.found");
      const enough = new AbortController();
      const whole = AbortSignal.any([signal, enough.signal]);
      const late = new HeadendError("tune.late", { channel: channel.name, limit: `${pictureLimit / 1000}s` });
      clock.sleep(pictureLimit, whole).then(
        () => enough.abort(late),
        () => {},
      );
      try {
        const { body } = await hub.watch({ channel }, { name, priority: open ? "probe" : "tap" }, whole);
        return await host.still(await readPicture(body), whole);
      } finally {
        enough.abort();
      }
    }

    /** One for all who ask within a second. */
    function snapshot(nickname: string, request: Request, open: boolean): Promise<Uint8Array> {
      const now = clock.monotonic();
      const key = `${nickname} ${open}`;
      const known = pictures.get(key);
      if (known && now - known.at < pictureAge) return known.bytes;
      const entry = { at: now, bytes: takePicture(nickname, `${host.viewer(request).name} (snapshot)`, open) };
      pictures.set(key, entry);
      entry.bytes.catch(() => pictures.get(key) === entry && pictures.delete(key));
      return entry.bytes;
    }

    /** Watches until it ends; the next look begins anew. */
    async function keepWarm(nickname: string, channel: LineupChannel): Promise<void> {
      const enough = new AbortController();
      warm.set(nickname, enough);
      try {
        const whole = AbortSignal.any([signal, enough.signal]);
        const { body } = await hub.watch({ channel }, { name: "always open", priority: "recording" }, whole);
        const reader = body.getReader();
        while (!(await reader.read()).done);
      } catch (error) {
        if (!signal.aborted && !enough.signal.aborted)
          host.log.debug(`${channel.name} is not open: ${error instanceof Error ? error.message : ""}`);
      } finally {
        warm.delete(nickname);
      }
    }

    /** HLS sources that are tested, by what stands for their channel. */
    const tests = new Map<string, HlsSource>();
    let serial = 0;
    const tester = createTester({
      dial: host.dial,
      clock,
      signal,
      async join(source, signal) {
        const id = `test:${++serial}`;
        const channel = { ...{ id, name: "a test", number: "", guideId: "", alternates: [] }, instance: host.name };
        tests.set(id, source);
        try {
          const tune = { channel: { ...channel, ownId: id } };
          return (await hub.watch(tune, { name: "a test", priority: "probe" }, signal)).body;
        } finally {
          tests.delete(id);
        }
      },
    });
    /** What is watched of cameras that are others now, or none, ends; all else goes on. */
    function replaceCameras(next: Config): void {
      const before = cameras;
      const ids = new Map(host.lineup.channels(host.name).map(({ ownId, id }) => [ownId, id]));
      config = next;
      cameras = byNickname(next);
      for (const camera of before.values()) {
        const now = cameras.get(camera.nickname);
        if (!now?.always) warm.get(camera.nickname)?.abort();
        if (now && isSameSource(now, camera)) continue;
        looks.forget(camera.nickname);
        for (const open of [true, false]) pictures.delete(`${camera.nickname} ${open}`);
        const id = ids.get(camera.nickname);
        for (const stream of hub.streams()) if (stream.channel === id) hub.end(stream.id);
      }
    }

    const admin: AdminOptions = {
      cameras: () => cameras,
      address: (nickname) => String(keysOf(config.cameras[nickname]).url),
      channel: channelOf,
      dialled: (nickname, camera) => readCameras({ ...config, cameras: { [nickname]: camera } })[0] as Camera,
      ...{ hub, looks, tester, file: host.config },
      isAdmin: (request) => host.viewer(request).admin,
      baseUrl: host.baseUrl,
    };
    const routes = { channel: (nickname: string) => channelOf(nickname)?.id, snapshot, baseUrl: host.baseUrl };
    return {
      async *channels() {
        yield [...cameras.values()].map(({ channel }) => channel);
      },
      async version() {
        return JSON.stringify([...cameras.values()].map(({ channel }) => channel));
      },
      mayBeEmpty: true,
      reconfigure(next) {
        replaceCameras(next);
        return true;
      },
      async open({ channel }, signal) {
        const { ownId = "" } = channel;
        const tested = tests.get(ownId);
        if (tested) return tested;
        const camera = cameras.get(ownId);
        if (!camera) throw new HeadendError("not.found");
        try {
          const source = await host.dial(camera.url, { signal, media: camera.media });
          looks.noteOpened(ownId);
          return source;
        } catch (thrown) {
          if (!signal.aborted) looks.noteOpened(ownId, thrown);
          throw thrown;
        }
      },
      routes: (app) => addAdmin(addRoutes(app, "", routes), admin),
      root: (app): AnyElysia => addRoutes(addRoutes(app, "", routes), "/hls_gateway", routes),
      jobs: {
        warm: {
          every: warmPause,
          async run() {
            looks.watch(host.lineup.channels(host.name));
            for (const { nickname, always } of cameras.values()) {
              const channel = always && !warm.has(nickname) ? channelOf(nickname) : undefined;
              if (channel) void keepWarm(nickname, channel);
            }
          },
        },
      },
    };
  },
});

const byNickname = (config: Config): ReadonlyMap<string, Camera> =>
  new Map(readCameras(config).map((camera) => [camera.nickname, camera]));

/** Whether two are dialled alike: what is open of one serves the other. */
const isSameSource = (a: Camera, b: Camera): boolean =>
  a.url === b.url && a.media.video === b.media.video && a.media.audio === b.media.audio;
