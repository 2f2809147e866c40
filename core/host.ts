// Makes one Host per instance: the whole of what its plugin may touch.
import { join } from "node:path";
import { createCache } from "./cache.ts";
import { createFetch, type InstanceFetch, type OriginLimiter } from "./fetch/index.ts";
import { createDocumentStore, type DocumentStore } from "./fetch/store.ts";
import type { HlsSession } from "./hub/index.ts";
import type { Clock, ConfigChange, Dial, Guide, HlsSource, Host, Lineup, Logger, StreamHub } from "./plugin.ts";
import type { FfmpegSettings } from "./transport/context.ts";

/** What all hosts share. */
export interface HostShared {
  readonly clock: Clock;
  readonly lineup: Lineup;
  readonly guide: Guide;
  readonly hub: StreamHub;
  readonly ffmpeg: FfmpegSettings;
  readonly limiter: OriginLimiter;
  /** The data folder. */
  readonly data: string;
  /** The folder against which the config's relative paths are resolved. */
  readonly configFolder: string;
  readonly userAgent: string;
  baseUrl(request: Request): string;
  viewer: Host["viewer"];
  readonly config: ConfigDoor;
}

/** The config file, by instance. */
export interface ConfigDoor {
  read(instance: string): Promise<unknown>;
  /** @throws HeadendError `config.*`, `cache.write` */
  change(instance: string, changes: readonly ConfigChange[]): Promise<void>;
}

/** A host with the parts of it that only core may use. */
export interface InstanceHost extends Host {
  readonly fetch: InstanceFetch;
  /** Makes a session of an HLS upstream, for one stream. */
  openHls(source: HlsSource, signal: AbortSignal, start: "live" | "beginning"): Promise<HlsSession>;
  /** For what the plugin brings itself: kept as documents are, written only when it changed. */
  readonly brought: DocumentStore;
  /** Bytes of documents received so far. */
  received(): number;
}

export interface HostOptions {
  readonly name: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The network interface for its multicast. */
  readonly interface?: string;
}

export function createHost(o: HostOptions, shared: HostShared): InstanceHost {
  const { name, log, signal } = o;
  const folder = join(shared.data, "instances", name);
  const { clock, lineup, guide, hub, ffmpeg, limiter, configFolder, userAgent } = shared;
  const plain = createFetch({
    name,
    folder: join(folder, "documents"),
    clock,
    log,
    base: configFolder,
    signal,
    userAgent,
    limiter,
  });
  let received = 0;
  const document: InstanceFetch["document"] = async (url, options) => {
    const got = await plain.document(url, options);
    received += got.received;
    return got;
  };
  const fetch: InstanceFetch = Object.assign((...ask: Parameters<InstanceFetch>) => plain(...ask), {
    ...plain,
    document,
  });
  // Loaded when the first address is dialled: nothing else needs it.
  let dialling: Promise<Dial> | undefined;
  const context = { fetch, clock, log, signal, ffmpeg, ...(o.interface ? { interface: o.interface } : {}) };
  const still: Host["still"] = async (packets, signal) => {
    const { createStill } = await import("./transport/still.ts");
    return await createStill(context)(packets, signal);
  };
  const dial: Dial = async (url, options) => {
    dialling ??= import("./transport/dial.ts").then(({ createDial }) => createDial(context));
    return (await dialling)(url, options);
  };
  return {
    name,
    log,
    clock,
    signal,
    lineup,
    guide,
    hub,
    dial,
    still,
    async openHls(source, signal, start) {
      const [{ createHlsSession }, { remuxToTs }] = await Promise.all([
        import("./transport/hls/index.ts"),
        import("./transport/ffmpeg.ts"),
      ]);
      return createHlsSession({ source, start, fetch, clock, log, signal, remux: remuxToTs(context) });
    },
    cache: createCache(join(folder, "cache")),
    brought: createDocumentStore(join(folder, "brought"), log),
    received: () => received,
    fetch,
    baseUrl: (request) => shared.baseUrl(request),
    viewer: (request) => shared.viewer(request),
    config: {
      read: () => shared.config.read(name),
      change: (changes) => shared.config.change(name, changes),
    },
  };
}
