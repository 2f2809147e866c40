// Joins the hub with the instances: whose upstream is opened how, and which outputs there are.
import type { StreamsSettings } from "./config/index.ts";
import { createCandidates } from "./hub/candidates.ts";
import { createHub, type Hub } from "./hub/index.ts";
import type { Instance } from "./instance.ts";
import { createMetrics } from "./metrics.ts";
import type { Clock, Guide, Lineup, Logger, Output } from "./plugin.ts";
import type { Streams } from "./server/headend.ts";
import { createTimeshift } from "./timeshift/index.ts";

export interface StreamsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly lineup: Lineup;
  readonly guide: Guide;
  instance(name: string): Instance | undefined;
  instances(): Iterable<Instance>;
  readonly slate: ((clock: Clock, signal: AbortSignal) => AsyncIterable<Uint8Array>) | undefined;
  settings(): StreamsSettings;
  /** The folder for what is kept of live pictures. */
  readonly folder: string;
}

export interface StreamsKeeper extends Streams {
  readonly hub: Hub;
  /** Ends every stream; resolves when what is recorded is on disk. */
  close(): Promise<void>;
}

export function createStreams(o: StreamsOptions): StreamsKeeper {
  const { clock, log, slate } = o;

  const timeshift = createTimeshift({
    folder: o.folder,
    clock,
    log,
    lineup: o.lineup,
    hub: () => hub,
    size: () => o.settings().timeshiftSize,
  });

  const metrics = createMetrics({
    log,
    lineup: o.lineup,
    hub: () => hub,
    timeshift,
    *limits() {
      for (const { config } of o.instances())
        if (config.streams.tuners !== undefined) yield [config.name, config.streams.tuners];
    },
    *contributed() {
      for (const { config, metrics } of o.instances()) if (metrics) yield [config.name, metrics] as const;
    },
  });
  const candidatesOf = createCandidates({
    clock,
    opener: (name) => o.instance(name)?.opener,
    catchupId: async (channel, at) => (await o.guide.nowNext(channel, at)).now?.catchupId,
    timeZone: () => o.settings().timeZone,
    timeshift: timeshift.candidate,
  });
  const hub: Hub = createHub({
    clock,
    log,
    observer: metrics.observer,
    ...(slate ? { slate: (signal: AbortSignal) => slate(clock, signal) } : {}),
    // By what the lineup says now: addresses with tokens are other ones after a refresh.
    candidates: (tune, bits) => candidatesOf({ ...tune, channel: o.lineup.get(tune.channel.id) ?? tune.channel }, bits),
    made: timeshift.made,
    settings({ channel }) {
      const streams = o.instance(channel.instance)?.config.streams;
      return {
        linger: channel.linger ?? streams?.linger ?? 5000,
        stall: streams?.stall ?? 2000,
        slate: o.settings().slate,
      };
    },
  });

  function outputs(): Map<string, Output> {
    const all = new Map<string, Output>();
    for (const instance of o.instances())
      for (const [extension, output] of Object.entries(instance.outputs))
        if (!all.has(extension)) all.set(extension, output);
    return all;
  }

  return {
    hub,
    async close() {
      // First, so that nothing is recorded anew.
      await timeshift.close();
      await hub.stop();
    },
    metrics: metrics.text,
    timeZone: () => o.settings().timeZone,
    output(extension) {
      // The first that has it, as in `outputs()`; asked with every request of a player.
      for (const instance of o.instances())
        if (Object.hasOwn(instance.outputs, extension)) return instance.outputs[extension];
      return undefined;
    },
    extensions: () => [...outputs().keys()],
    elsewhere(channel) {
      const { url } = channel;
      const opener = o.instance(channel.instance)?.opener;
      if (url === undefined || !opener || opener.open) return undefined;
      const own = url.startsWith("/");
      return own || (opener.streams.deliver === "redirect" && /^https?:/i.test(url)) ? url : undefined;
    },
  };
}
