// A host for plugins under test: real cache and files in a temporary folder, everything else set by hand.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { createCache } from "../../core/cache.ts";
import { createHub } from "../../core/hub/index.ts";
import {
  type Document,
  type DocumentOptions,
  type FetchOptions,
  type GuideMatch,
  type GuideQuery,
  HeadendError,
  type Host,
  type LineupChannel,
  type Programme,
  type Source,
} from "../../core/plugin.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createTestConfig, type TestConfig } from "./own-config.ts";

/** What a plugin said to its log. */
export interface LoggedLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly sentence: string;
}

/** A document that a plugin asked for, and how. */
export interface AskedDocument extends DocumentOptions {
  readonly url: string;
}

/** A Host, and the strings that move it. */
export interface TestHost extends Host {
  readonly clock: TestClock;
  readonly config: TestConfig;
  readonly logged: readonly LoggedLine[];
  readonly asked: readonly AskedDocument[];
  /** What `baseUrl()` answers; by default `http://` and the request's Host. */
  publicUrl: string | undefined;
  /** From now on, an address gives this content, or fails with this error. */
  answer(url: string, content: string | Uint8Array | Error): void;
  /** From now on, a media address opens as this says, by `dial()` and for the hub. */
  answerMedia(url: string, open: (signal: AbortSignal) => Source | Promise<Source>): void;
  /** Replaces the lineup; channels of several instances keep their order. */
  publish(channels: readonly LineupChannel[]): void;
  /** Gives an instance an upstream's own M3U, or takes it away. */
  setOriginal(instance: string, document: Document | undefined): void;
  /** Gives the guide for a query; its text is stored as gzip. */
  setGuide(xml: string, query?: GuideQuery): Promise<void>;
  /** The programmes that `guide.programmes()` and `guide.nowNext()` choose from. */
  setProgrammes(programmes: readonly Programme[]): void;
  /** Stops the instance: aborts `signal`. */
  stop(): void;
  /** Stops the instance and removes its folder. */
  close(): Promise<void>;
}

/** @param folder an earlier host's folder, to start again on what it left; it is then not removed by `close()` */
export async function createTestHost(name = "test", folder?: string): Promise<TestHost & { readonly folder: string }> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), "headend-host-")));
  const clock = createTestClock();
  const controller = new AbortController();
  const cache = createCache(join(root, "cache"));
  const logged: LoggedLine[] = [];
  const asked: AskedDocument[] = [];
  const media = new Map<string, (signal: AbortSignal) => Source | Promise<Source>>();
  const answers = new Map<string, string | Uint8Array | Error>();
  const digests = new Map<string, string>();
  const originals = new Map<string, Document>();
  const listeners = { lineup: new Set<() => void>(), guide: new Set<() => void>() };
  let lineup: readonly LineupChannel[] = [];
  let byInstance = new Map<string, LineupChannel[]>();
  let ready = false;
  let programmes: readonly Programme[] = [];
  const matches: GuideMatch[] = [];

  const log = (level: LoggedLine["level"]) => (sentence: string) => {
    logged.push({ level, sentence });
  };
  const listen = (listeners: Set<() => void>) => (callback: () => void, signal: AbortSignal) => {
    if (signal.aborted) return;
    listeners.add(callback);
    signal.addEventListener("abort", () => listeners.delete(callback), { once: true });
  };
  const contentOf = (url: string): Buffer => {
    const content = answers.get(url);
    if (content instanceof Error) throw content;
    if (content === undefined) throw new HeadendError("fetch.status", { url, status: 404 });
    return Buffer.from(content);
  };
  const fetchDocument = async (url: string): Promise<Document> => {
    const bytes = contentOf(url);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const changed = digests.get(url) !== digest;
    digests.set(url, digest);
    const artefact = await cache.write(`documents/${digest}`, bytes);
    async function* open() {
      for (let at = 0; at < bytes.length; at += 1 << 18) yield bytes.subarray(at, at + (1 << 18));
    }
    return { ...artefact, digest, changed, received: changed ? bytes.length : 0, open };
  };
  const fetch = Object.assign(
    async (url: string, _options?: FetchOptions) => new Response(new Uint8Array(contentOf(url))),
    {
      document(url: string, options: DocumentOptions = {}) {
        asked.push({ ...options, url });
        return fetchDocument(url);
      },
      lastGood: async (url: string) => (digests.has(url) ? fetchDocument(url) : undefined),
    },
  );
  const dial: Host["dial"] = async (url, options = {}) => {
    const open = media.get(url);
    if (!open) throw new HeadendError("dial.refused", { url, reason: "nothing answers" });
    return await open(options.signal ?? controller.signal);
  };
  const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
  const hub = createHub({
    clock,
    log: logger,
    settings: () => ({ linger: 5000, stall: 2000, slate: 0 }),
    candidates: ({ channel }) => [
      {
        key: channel.id,
        instance: channel.instance,
        shown: channel.id,
        wants: () => [],
        open: (signal) => dial(channel.url ?? "", { signal }),
        openHls: async () => {
          throw new HeadendError("tune.failed", { channel: channel.name, reason: "no HLS here" });
        },
      },
    ],
  });
  const guideKey = (query: GuideQuery = {}) => `guides/${query.instance ?? "all"}-${query.style ?? "plain"}.xml.gz`;

  const host: TestHost & { readonly folder: string } = {
    name,
    folder: root,
    clock,
    cache,
    fetch,
    logged,
    asked,
    publicUrl: undefined,
    signal: controller.signal,
    log: logger,
    dial,
    hub,
    async still(packets, signal) {
      const [{ createStill }, { systemClock }, { tools }] = await Promise.all([
        import("../../core/transport/still.ts"),
        import("../../core/clock.ts"),
        import("./media.ts"),
      ]);
      const ffmpeg = tools ? { path: tools.ffmpeg } : {};
      return await createStill({ clock: systemClock, log: logger, ffmpeg })(packets, signal);
    },
    viewer: () => ({ name: "127.0.0.1 test", address: "127.0.0.1", admin: true }),
    config: createTestConfig(name),
    baseUrl: (request) => host.publicUrl ?? `http://${request.headers.get("host") ?? new URL(request.url).host}`,
    lineup: {
      channels: (instance) => (instance === undefined ? lineup : (byInstance.get(instance) ?? [])),
      get: (id) => lineup.find((channel) => channel.id === id),
      tag: (instance) => JSON.stringify(host.lineup.channels(instance)),
      get ready() {
        return ready;
      },
      original: (instance) => originals.get(instance),
      onChange: listen(listeners.lineup),
    },
    guide: {
      artefact: (query) => cache.artefact(guideKey(query)),
      programmes: async (channel, span) =>
        programmes.filter(
          (p) => p.channel === channel.guideId && p.start < span.to && (p.stop ?? p.start + 1) > span.from,
        ),
      async nowNext(channel, at = clock.now()) {
        const own = programmes.filter((p) => p.channel === channel.guideId);
        const now = own.findLast((p) => p.start <= at && (p.stop ?? Number.POSITIVE_INFINITY) > at);
        const next = own.find((p) => p.start > at);
        return { ...(now && { now }), ...(next && { next }) };
      },
      matches: () => matches,
      onChange: listen(listeners.guide),
    },
    answer(url, content) {
      answers.set(url, content);
    },
    answerMedia(url, open) {
      media.set(url, open);
    },
    publish(channels) {
      lineup = channels;
      byInstance = Map.groupBy(channels, (channel) => channel.instance);
      ready = true;
      for (const listener of listeners.lineup) listener();
    },
    setOriginal(instance, document) {
      if (document) originals.set(instance, document);
      else originals.delete(instance);
    },
    async setGuide(xml, query) {
      await cache.write(guideKey(query), gzipSync(xml));
      for (const listener of listeners.guide) listener();
    },
    setProgrammes(next) {
      programmes = next;
    },
    stop: () => controller.abort(),
    async close() {
      controller.abort();
      const stopped = hub.stop();
      await clock.advance(0);
      await stopped;
      if (folder === undefined) await rm(root, { recursive: true, force: true });
    },
  };
  return host;
}

/** A channel of the lineup with everything that is required, and what a test wants to be different. */
export function lineupChannel(part: Partial<LineupChannel> & { name: string }): LineupChannel {
  const instance = part.instance ?? "one";
  const id = part.id ?? `${instance}:${part.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  return {
    url: `http://up.example/${part.name}`,
    number: "1",
    guideId: part.name,
    alternates: [],
    ...part,
    id,
    instance,
  };
}

/** Waits until something holds that real files or threads bring about; fails after some ten seconds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; turn < 5000; turn++) {
    if (await holds()) return;
    await setTimeout(2);
  }
  throw new Error(`never came true: ${what}`);
}
