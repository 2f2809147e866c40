// Movistar TV of Spain: channels and guide by multicast, live and the last seven days for any player.
import { isIP } from "node:net";
import { parseRate } from "../../core/formats/duration.ts";
import {
  type Channel,
  definePlugin,
  HeadendError,
  type LineupChannel,
  type Programme,
  type Source,
  type Span,
  type Tune,
} from "../../core/plugin.ts";
import { findInterface } from "../../core/transport/udp/interface.ts";
import { findRoute } from "../../core/transport/udp/route.ts";
import { createAppserver, knownEndPoints } from "./appserver.ts";
import { expectCatchup, openCatchup } from "./catchup.ts";
import { checkNetwork } from "./checks.ts";
import { createCloud } from "./cloud.ts";
import { config } from "./config.ts";
import { discover, type Receive } from "./discover.ts";
import { readEnvironment } from "./environment.ts";
import { createCounts, measure } from "./figures.ts";
import { type Found, type NumberedService, readFound } from "./found.ts";
import { giveByChannel } from "./give.ts";
import { createGuideReceiver } from "./guide.ts";
import { createInfos, type Wanted } from "./info.ts";
import { createKeeper } from "./keeper.ts";
import { createLeftovers } from "./leftovers.ts";
import { createLine } from "./line.ts";
import { createPictures, fileOf } from "./pictures.ts";
import { makeProgramme } from "./programmes.ts";
import { receiveCarousel } from "./receive.ts";
import { createResolve } from "./resolve.ts";
import { createSchedule, restoreSchedule } from "./schedule.ts";
import { createScrambling, lookForEncrypted } from "./scrambling.ts";
import { fillU7d } from "./u7d.ts";

const hour = 3_600_000;
/** Days of the past that the operator's archive has. */
const archiveDays = 7;
const keys = {
  schedule: "schedule.ndjson",
  found: "found.json",
  scrambling: "scrambling.json",
  sessions: "sessions.json",
  cloud: "cloud.json",
  infos: "infos.ndjson",
} as const;
/** An address of the operator's network: the way there tells the interface. */
const within = "172.26.23.3";
/** One that is surely not; nothing is sent there either. */
const outside = "198.51.100.1";
/** Milliseconds that a refresh waits for details of programmes, and that a job takes for more of them. */
const infoPatience = 400;
const infoLimit = 60_000;
/** Milliseconds from now: details of these programmes are asked for, the first first. */
const infoSpans = [
  [-hour, 3 * hour],
  [-6 * hour, 24 * hour],
  [-24 * hour, 72 * hour],
] as const;

export default definePlugin({
  name: "movistar",
  api: 1,
  config,
  environment: readEnvironment,
  async setup(host, config) {
    const { cache, clock, log } = host;
    const resolve = createResolve(config.dns, clock);
    const schedule = createSchedule();
    restoreSchedule(schedule, (await cache.read(keys.schedule)) ?? "");
    let found = readFound(await cache.read(keys.found));
    let services = byId(found);
    let face: string | undefined;
    const { keep, settled } = createKeeper(cache, log);
    const scrambling = createScrambling(await cache.read(keys.scrambling), (text) => void keep(keys.scrambling, text));
    const leftovers = createLeftovers({
      ...{ clock, log, kept: await cache.read(keys.sessions) },
      keep: (text) => keep(keys.sessions, text),
    });
    const appserver = createAppserver({
      ...{ fetch: host.fetch, clock, log, resolve },
      endPoints: config.appserver ?? knownEndPoints,
    });

    const counts = createCounts();
    const picture = createPictures({ fetch: host.fetch, cache, resolve, found: () => found });
    const ownStreams = () => host.hub.streams().filter(({ instance }) => instance === host.name);
    const limit = parseRate(config.bandwidth) ?? 0;
    const line = createLine({
      ...{ clock, limit, instance: host.name },
      face: () => face,
      // A runtime that does not tell of the one way does not tell of the other.
      elsewhere: async () => ((await findRoute(within)) === undefined ? face : await findRoute(outside)),
      own: () => ownStreams().reduce((sum, { bitrate }) => sum + bitrate, 0),
    });
    const infos = createInfos({ appserver, clock, kept: await cache.read(keys.infos) });
    const cloud = createCloud({
      ...{ appserver, kept: await cache.read(keys.cloud) },
      known: (channel, start) => schedule.at(guideOf(String(channel)), start),
    });

    /** The interface of the operator's network: our address on it. */
    async function findFace(): Promise<string | undefined> {
      if (config.interface === undefined) return await findRoute(within);
      if (isIP(config.interface)) return config.interface;
      const link = findInterface(config.interface, 4);
      if (typeof link === "string") throw new HeadendError("config.usage", { reason: `interface: ${link}` });
      return link.address;
    }

    const receive: Receive = (group, o) =>
      receiveCarousel(group, {
        ...{ ...o, clock, log, interface: face },
        counted({ datagrams, foreign, broken }) {
          counts.carousel.datagrams += datagrams;
          counts.carousel.foreign += foreign;
          counts.carousel.broken += broken;
        },
      });

    const guide = createGuideReceiver({
      ...{ clock, log, schedule, receive, signal: host.signal },
      days: () => found?.days ?? [],
      services: () => new Set([...services.values()].flatMap(({ id, replacement = id }) => [id, replacement])),
      changed: () => keep(keys.schedule, streamed(schedule.lines())),
    });

    function channelOf(service: NumberedService, logos: string): Channel {
      return {
        id: String(service.id),
        name: service.name,
        url: `rtp://${service.address}:${service.port}`,
        guideId: `${service.id}.movistar.tv`,
        ...(service.number === undefined ? {} : { number: String(service.number) }),
        ...(service.genre ? { groups: [service.genre] } : {}),
        ...(service.logo ? { logo: `${logos}${service.logo}` } : {}),
        catchup: { mode: "flussonic-ts", days: archiveDays },
      };
    }

    function isListed({ id }: NumberedService): boolean {
      return config.encrypted === "show" || config.extra.includes(id) || !scrambling.isEncrypted(String(id));
    }

    /** The service whose guide a channel has. */
    function guideOf(id: string): number {
      const replacement = services.get(id)?.replacement;
      return replacement !== undefined && schedule.from(replacement, 0) ? replacement : Number(id);
    }

    /** Whatever else comes, a channel has the guide of this service. */
    const isGuideOf = (service: number, id: string) =>
      guideOf(id) === service && (services.get(id)?.replacement ?? service) === service;

    const wishOf = (channel: LineupChannel, at: number, until?: number) => {
      const id = channel.ownId ?? "";
      return { channel: Number(id), service: guideOf(id), name: channel.name, at, until };
    };

    async function open({ channel, at, until }: Tune, signal: AbortSignal): Promise<Source> {
      const id = channel.ownId ?? "";
      const { url = "" } = channel;
      line.expectRoom(channel.name);
      if (at !== undefined) {
        const context = { schedule, cloud, appserver, clock, log, leftovers, resolve, continuous: config.continuous };
        const more = { localAddress: face, counts: counts.archive };
        return await openCatchup(wishOf(channel, at, until), { ...context, ...more }, signal);
      }
      const source = await host.dial(face === undefined ? url : `${url}?iface=${face}`, { signal });
      return source.kind === "ts" ? { ...source, chunks: scrambling.watch(id, source.chunks) } : source;
    }

    /** An hour ago on a channel whose guide is known. */
    function somePast(): { channel: string; at: number } | undefined {
      const at = clock.now() - hour;
      const known = host.lineup.channels(host.name).find(({ ownId = "" }) => schedule.at(guideOf(ownId), at));
      return known && { channel: known.ownId ?? "", at };
    }

    /** What is on about now and soon, by time. */
    function* nearest(): Generator<Wanted> {
      const now = clock.now();
      for (const [from, to] of infoSpans)
        for (const [id, { id: channel }] of services)
          for (const { pid } of schedule.between(guideOf(id), now + from, now + to)) yield { pid, channel };
    }

    async function fetchInfos(limit: number, signal: AbortSignal): Promise<void> {
      if ((await infos.fetch(nearest(), limit, signal)) === 0) return;
      // Before that the schedule may not be whole.
      if (guide.receivedAt !== undefined) infos.retain(schedule.pids());
      await keep(keys.infos, streamed(infos.lines()));
    }

    /** A channel's programmes, in order. */
    function* programmesOf(id: string, { from, to }: Span): Generator<Programme> {
      for (const event of schedule.between(guideOf(id), from, to))
        yield makeProgramme(id, event, infos.get(event.pid), found?.profile.covers);
    }

    async function refreshCloud(signal: AbortSignal): Promise<void> {
      const before = cloud.save();
      await cloud.refresh(signal);
      if (cloud.save() !== before) await keep(keys.cloud, cloud.save());
    }

    const look = (signal: AbortSignal) =>
      lookForEncrypted({ clock, log, hub: host.hub, channels: host.lineup.channels(host.name), scrambling }, signal);

    const encryptedJob = {
      // At the very first start there are no channels yet.
      get every() {
        return host.lineup.channels(host.name).length > 0 ? hour : hour / 60;
      },
      run: look,
    };

    // Nothing waits for it: the server may be far away by now.
    leftovers.clear(host.signal).catch(() => {});

    return {
      forget: scrambling.forget,
      async *channels(signal) {
        face = await findFace();
        found = await discover({ ...config, appserver, log, receive }, signal);
        services = byId(found);
        await keep(keys.found, JSON.stringify(found));
        const { logos } = found.profile;
        yield found.services.filter(isListed).map((service) => channelOf(service, logos));
      },
      guide: (span) => [
        {
          ids: "channel",
          async *programmes(signal) {
            const ask = () =>
              Promise.all([
                refreshCloud(signal).catch((error: unknown) => log.debug(`cloud: ${reasonOf(error)}`)),
                fetchInfos(infoPatience, signal).catch((error: unknown) => log.debug(`details: ${reasonOf(error)}`)),
              ]);
            const of = (id: string) => programmesOf(id, span);
            yield* giveByChannel({ ids: [...services.keys()], services: guide.services(), isGuideOf, ask, of, signal });
          },
        },
      ],
      open,
      metrics: () =>
        measure({
          ...{ counts, streams: ownStreams(), now: clock.now(), encrypted: scrambling.encrypted },
          channels: host.lineup.channels(host.name).length,
          programme: (channel, at) => schedule.at(guideOf(host.lineup.get(channel)?.ownId ?? ""), at),
          guide: { receivedAt: guide.receivedAt, programmes: schedule.size, gaps: guide.gaps },
          line: { bits: line.bits, limit },
        }),
      jobs: {
        // What was moved is found where it is now, though the guide is merged at another time.
        guide: guide.job,
        line: line.job,
        cloud: { every: hour / 12, run: refreshCloud },
        details: { every: hour / 6, run: (signal) => fetchInfos(infoLimit, signal) },
        ...(config.encrypted === "hide" ? { encrypted: encryptedJob } : {}),
      },
      async *checks(probe, signal) {
        face ??= await findFace().catch(() => undefined);
        yield* checkNetwork(
          { ...config, probe, appserver, receive, face: findFace, route: findRoute, past: () => somePast() },
          signal,
        );
      },
      routes: (app) =>
        fillU7d(app, {
          ...{ style: config.style, clock, hub: host.hub, cloud },
          expectPast: (channel, at) => expectCatchup({ schedule, cloud }, wishOf(channel, at), clock.now()),
          channels: () => host.lineup.channels(host.name),
          ready: () => host.lineup.ready,
          guide: () => host.guide.artefact({ instance: host.name }),
          viewer: (request) => host.viewer(request),
          baseUrl: (request) => host.baseUrl(request),
          logoOf: (id) => fileOf(services.get(id)?.logo),
          picture,
        }),
      async stop() {
        await leftovers.settled();
        await settled();
      },
    };
  },
});

const byId = (found: Found | undefined): ReadonlyMap<string, NumberedService> =>
  new Map(found?.services.map((service) => [String(service.id), service]));

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function* streamed(lines: Iterable<string>): AsyncGenerator<string> {
  yield* lines;
}
