// Movistar TV of Spain: channels and guide by multicast, live and the last seven days for any player.
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { setImmediate } from "node:timers/promises";
import {
  type Channel,
  definePlugin,
  HeadendError,
  type LineupChannel,
  type Source,
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
import type { GuideDay } from "./discovery.ts";
import { parseEpg } from "./epg.ts";
import { type Found, type NumberedService, readFound } from "./found.ts";
import { createInfos, type Wanted } from "./info.ts";
import { createLeftovers } from "./leftovers.ts";
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
/** Milliseconds for a day of the guide to be complete. */
const guideLimit = 5 * 60_000;
/** Milliseconds that a refresh waits for details of programmes, and that a job takes for more of them. */
const infoPatience = 1500;
const infoLimit = 60_000;
/** Milliseconds from now: details of these programmes are asked for, the first first. */
const infoSpans = [
  [-hour, 3 * hour],
  [-6 * hour, 24 * hour],
  [-24 * hour, 72 * hour],
] as const;
/** Bytes of a logo or cover, at most. */
const pictureBytes = 2 ** 20;

export default definePlugin({
  name: "movistar",
  api: 1,
  config,
  async setup(host, config) {
    const { cache, clock, log } = host;
    const resolve = createResolve(config.dns, clock);
    const schedule = createSchedule();
    restoreSchedule(schedule, (await cache.read(keys.schedule)) ?? "");
    let found = readFound(await cache.read(keys.found));
    let services = byId(found);
    let receiving: Promise<void> | undefined;
    let face: string | undefined;
    const keep = (key: string, content: string | AsyncIterable<string>) =>
      cache.write(key, content).catch((error: unknown) => log.warn(reasonOf(error)));
    const scrambling = createScrambling(await cache.read(keys.scrambling), (text) => void keep(keys.scrambling, text));
    const leftovers = createLeftovers({
      ...{ clock, log, kept: await cache.read(keys.sessions) },
      keep: (text) => keep(keys.sessions, text),
    });
    const appserver = createAppserver({
      ...{ fetch: host.fetch, clock, log, resolve },
      endPoints: config.appserver ?? knownEndPoints,
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

    const receive: Receive = (group, o) => receiveCarousel(group, { ...o, clock, log, interface: face });

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

    /** Receives a day of the guide. @returns why it did not come */
    async function receiveDay(day: GuideDay, signal: AbortSignal): Promise<unknown> {
      const wanted = day.services.map((id) => `${0xf1} ${id}`);
      try {
        const o = { signal, limit: guideLimit, ...(wanted.length > 0 ? { wanted } : {}) };
        for (const { payload, bytes } of (await receive(day, o)).values()) {
          const file = payload === 0xf1 ? parseEpg(bytes) : undefined;
          if (file && file.faults > 0) log.debug(`guide of service ${file.service}: ${file.faults} damaged stretches`);
          if (file) schedule.put(file.service, file.events);
          // Hundreds of them come at once, and somebody may be watching.
          await setImmediate();
        }
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        log.warn(`guide, ${day.source}: ${reasonOf(error)}`);
        return error;
      }
    }

    /** Receives every day of the guide, each by itself; those that fail leave what was known. */
    async function receiveGuide(signal: AbortSignal): Promise<void> {
      const faults = await Promise.all((found?.days ?? []).map((day) => receiveDay(day, signal)));
      const fault = faults.find((each) => each !== undefined);
      if (fault && schedule.size === 0) throw fault;
      schedule.forget(clock.now() - (archiveDays + 1) * 24 * hour);
      await keep(keys.schedule, streamed(schedule.lines()));
    }

    /** Joins the one under way, if there is one. */
    const receiveOnce = (signal: AbortSignal) => {
      receiving ??= receiveGuide(signal).finally(() => {
        receiving = undefined;
      });
      return receiving;
    };

    /** The service whose guide a channel has. */
    function guideOf(id: string): number {
      const replacement = services.get(id)?.replacement;
      return replacement !== undefined && schedule.from(replacement, 0) ? replacement : Number(id);
    }

    const wishOf = (channel: LineupChannel, at: number, until?: number) => {
      const id = channel.ownId ?? "";
      return { channel: Number(id), service: guideOf(id), name: channel.name, at, until };
    };

    async function open({ channel, at, until }: Tune, signal: AbortSignal): Promise<Source> {
      const id = channel.ownId ?? "";
      const { url = "" } = channel;
      if (at !== undefined) {
        const context = { schedule, cloud, appserver, clock, log, leftovers, resolve, continuous: config.continuous };
        return await openCatchup(wishOf(channel, at, until), { ...context, localAddress: face }, signal);
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
      infos.retain(schedule.pids());
      await keep(keys.infos, streamed(infos.lines()));
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
            await receiveOnce(signal);
            await refreshCloud(signal).catch((error: unknown) => log.debug(`cloud: ${reasonOf(error)}`));
            await fetchInfos(infoPatience, signal).catch((error: unknown) => log.debug(`details: ${reasonOf(error)}`));
            for (const id of services.keys())
              for (const event of schedule.between(guideOf(id), span.from, span.to))
                yield makeProgramme(id, event, infos.get(event.pid));
          },
        },
      ],
      open,
      jobs: {
        // What was moved is found where it is now, though the guide is merged less often.
        guide: { every: hour, run: receiveOnce },
        cloud: { every: hour / 12, run: refreshCloud },
        details: { every: hour / 6, run: (signal) => fetchInfos(infoLimit, signal) },
        ...(config.encrypted === "hide" ? { encrypted: encryptedJob } : {}),
      },
      async *checks(probe, signal) {
        face ??= await findFace().catch(() => undefined);
        yield* checkNetwork({ ...config, probe, appserver, receive, face: findFace, past: () => somePast() }, signal);
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
          async picture(kind, path, signal) {
            if (!found) throw new HeadendError("not.ready");
            const { logos, covers } = found.profile;
            const logo = found.services.find((service) => fileOf(service.logo) === path)?.logo;
            const whole = kind === "logo" ? `${logos}${logo ?? path}` : `${covers}${path}`;
            const { url, headers } = await resolve(whole);
            const document = await host.fetch
              .document(url, { signal, headers, maxBytes: pictureBytes })
              .catch(async (error) => {
                const last = await host.fetch.lastGood(url);
                if (last) return last;
                throw error;
              });
            return new Uint8Array(await readFile(document.path));
          },
        }),
    };
  },
});

const byId = (found: Found | undefined): ReadonlyMap<string, NumberedService> =>
  new Map(found?.services.map((service) => [String(service.id), service]));

const fileOf = (path: string | undefined) => path?.split("/").at(-1);

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function* streamed(lines: Iterable<string>): AsyncGenerator<string> {
  yield* lines;
}
