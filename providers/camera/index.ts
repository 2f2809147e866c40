// Cameras: each is a channel that is opened only while somebody watches, and what they show now as a picture.
import type { AnyElysia } from "elysia";
import { definePlugin, HeadendError, type LineupChannel } from "../../core/plugin.ts";
import { readCameras } from "./camera.ts";
import { config } from "./config.ts";
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
  config,
  setup(host, config) {
    const { clock, hub, signal } = host;
    const cameras = new Map(readCameras(config).map((camera) => [camera.nickname, camera]));
    const pictures = new Map<string, { readonly at: number; readonly bytes: Promise<Uint8Array> }>();
    /** Cameras that are kept open, by nickname. */
    const warm = new Set<string>();

    const channelOf = (nickname: string): LineupChannel | undefined =>
      cameras.has(nickname) ? host.lineup.channels(host.name).find(({ ownId }) => ownId === nickname) : undefined;

    async function takePicture(nickname: string, name: string): Promise<Uint8Array> {
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
        const { body } = await hub.watch({ channel }, { name, priority: "probe" }, whole);
        return await host.still(await readPicture(body), whole);
      } finally {
        enough.abort();
      }
    }

    /** One for all who ask within a second. */
    function snapshot(nickname: string, request: Request): Promise<Uint8Array> {
      const now = clock.monotonic();
      const known = pictures.get(nickname);
      if (known && now - known.at < pictureAge) return known.bytes;
      const entry = { at: now, bytes: takePicture(nickname, `${host.viewer(request).name} (snapshot)`) };
      pictures.set(nickname, entry);
      entry.bytes.catch(() => pictures.get(nickname) === entry && pictures.delete(nickname));
      return entry.bytes;
    }

    /** Watches until it ends; the next look begins anew. */
    async function keepWarm(nickname: string, channel: LineupChannel): Promise<void> {
      warm.add(nickname);
      try {
        const { body } = await hub.watch({ channel }, { name: "always open", priority: "recording" }, signal);
        const reader = body.getReader();
        while (!(await reader.read()).done);
      } catch (error) {
        if (!signal.aborted)
          host.log.debug(`${channel.name} is not open: ${error instanceof Error ? error.message : ""}`);
      } finally {
        warm.delete(nickname);
      }
    }

    const routes = { channel: (nickname: string) => channelOf(nickname)?.id, snapshot, baseUrl: host.baseUrl };
    return {
      async *channels() {
        yield [...cameras.values()].map(({ channel }) => channel);
      },
      async version() {
        return JSON.stringify([...cameras.values()].map(({ channel }) => channel));
      },
      async open({ channel }, signal) {
        const camera = cameras.get(channel.ownId ?? "");
        if (!camera) throw new HeadendError("not.found");
        return await host.dial(camera.url, { signal, media: camera.media });
      },
      routes: (app) => addRoutes(app, "", routes),
      root: (app): AnyElysia => addRoutes(addRoutes(app, "", routes), "/hls_gateway", routes),
      jobs: {
        warm: {
          every: warmPause,
          async run() {
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
