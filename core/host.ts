// Makes one Host per instance: the whole of what its plugin may touch.
import { join } from "node:path";
import { createCache } from "./cache.ts";
import { createFetch, type InstanceFetch, type OriginLimiter } from "./fetch/index.ts";
import { createDocumentStore, type DocumentStore } from "./fetch/store.ts";
import type { Clock, Guide, Host, Lineup, Logger } from "./plugin.ts";

/** What all hosts share. */
export interface HostShared {
  readonly clock: Clock;
  readonly lineup: Lineup;
  readonly guide: Guide;
  readonly limiter: OriginLimiter;
  /** The data folder. */
  readonly data: string;
  /** The folder against which the config's relative paths are resolved. */
  readonly configFolder: string;
  readonly userAgent: string;
  baseUrl(request: Request): string;
}

/** A host with the parts of it that only core may use. */
export interface InstanceHost extends Host {
  readonly fetch: InstanceFetch;
  /** For what the plugin brings itself: kept as documents are, written only when it changed. */
  readonly brought: DocumentStore;
  /** Bytes of documents received so far. */
  received(): number;
}

export function createHost(name: string, log: Logger, signal: AbortSignal, shared: HostShared): InstanceHost {
  const folder = join(shared.data, "instances", name);
  const { clock, lineup, guide, limiter, configFolder, userAgent } = shared;
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
  return {
    name,
    log,
    clock,
    signal,
    lineup,
    guide,
    cache: createCache(join(folder, "cache")),
    brought: createDocumentStore(join(folder, "brought"), log),
    received: () => received,
    fetch,
    baseUrl: (request) => shared.baseUrl(request),
  };
}
