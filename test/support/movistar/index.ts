// The operator's whole network on loopback: web service, carousels, live groups and the archive, with faults that a test switches.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Appserver, openAppserver } from "./appserver.ts";
import { type Carousel, type SentSegment, startCarousel } from "./carousel.ts";
import {
  formatChannels,
  formatDay,
  formatIndex,
  formatPackages,
  formatProviders,
  type GroupAddress,
} from "./documents.ts";
import { type Pictures, type Showing, show, wrapRtp } from "./pictures.ts";
import { openVod, type VodServer } from "./vod.ts";
import { makeSchedule, channels as usualChannels, type WorldChannel, type WorldEvent } from "./world.ts";

export interface MovistarOptions {
  /** Milliseconds since the Unix epoch; default: now. */
  readonly now?: number;
  /** False: every group is an address of this machine. */
  readonly multicast: boolean;
  readonly days?: number;
  /** Seconds of a programme; default: half an hour. */
  readonly length?: number;
  /** From so many seconds before now there are programmes of so many seconds. */
  readonly short?: { readonly ago: number; readonly count: number; readonly seconds: number };
  /** Datagrams a second of each carousel. */
  readonly rate?: number;
  /** Seconds that recordings go on after their programme. */
  readonly tail?: number;
  /** End points that are announced before the one that works. */
  readonly before?: readonly string[];
  /** Bytes that the list of channels is longer. */
  readonly padding?: number;
  /** Instead of the usual ones; each then has a guide of its own. */
  readonly channels?: readonly WorldChannel[];
  /** Instead of a test card. */
  readonly pictures?: Pictures;
}

export interface Movistar {
  readonly app: Appserver;
  readonly vod: VodServer;
  readonly entry: Carousel;
  readonly provider: Carousel;
  readonly days: readonly Carousel[];
  readonly channels: readonly WorldChannel[];
  readonly events: readonly WorldEvent[];
  /** What is in the cloud, the first no more in the archive. */
  readonly cloud: readonly WorldEvent[];
  /** What a channel shows, in order: its own, or that of the service it replaces. */
  eventsOf(channel: number): readonly WorldEvent[];
  /** Where a channel is sent. */
  liveOf(channel: number): GroupAddress;
  /** Begins to send a channel's live pictures; given up by `close()`. */
  startLive(channel: number): Showing;
  /** Keys of the instance for a config file. */
  readonly config: string;
  close(): Promise<void>;
}

const demarcation = 19;
const hour = 3600;

export async function openMovistar(o: MovistarOptions): Promise<Movistar> {
  const { days: dayCount = 2, rate = 1000, tail = 60 } = o;
  const now = Math.floor((o.now ?? Date.now()) / 1000);
  const from = now - (now % hour) - 6 * hour;
  const channels = o.channels ?? usualChannels;
  const services = o.channels?.map(({ id }) => id) ?? [2543, 1825, 1717, 3000];
  const short = o.short && { at: now - o.short.ago, count: o.short.count, seconds: o.short.seconds };
  const events = makeSchedule(services, {
    from,
    days: dayCount,
    length: o.length ?? 1800,
    ...(short ? { short } : {}),
  });
  const byPid = new Map(events.map((event) => [event.pid, event]));
  const sender = createSocket("udp4");
  // Nobody may listen.
  sender.on("error", () => {});
  sender.bind(0, "127.0.0.1");
  await once(sender, "listening");
  sender.setMulticastInterface("127.0.0.1");
  sender.setMulticastTTL(1);
  sender.setMulticastLoopback(true);

  // So many that every group may have one of its own.
  const ports = await freePorts(2 + dayCount + channels.length);
  let groups = 0;
  const seed = sender.address().port;
  const nextGroup = (): GroupAddress => {
    const port = ports[groups++] ?? 0;
    return o.multicast
      ? { address: `239.255.${(seed + (groups >> 8)) % 256}.${groups & 0xff || 1}`, port }
      : { address: "127.0.0.1", port };
  };
  const entryGroup = nextGroup();
  const providerGroup = nextGroup();
  const dayGroups = Array.from({ length: dayCount }, nextGroup);
  const live = new Map(channels.map(({ id }) => [id, nextGroup()]));
  const liveOf = ({ id }: WorldChannel) => live.get(id) ?? entryGroup;

  const segment = (payload: number, id: number, bytes: SentSegment["bytes"]): SentSegment => ({
    ...{ payload, id, version: 1, bytes },
  });
  const entry = startCarousel(sender, entryGroup, [segment(1, 0, formatProviders(demarcation, providerGroup))], rate);
  const indexed = dayGroups.map((group, day) => ({ ...group, services: day === 0 ? services : [] }));
  const provider = startCarousel(
    sender,
    providerGroup,
    [
      segment(2, 0, formatChannels(channels, liveOf, o.padding)),
      segment(5, 0, formatPackages(channels)),
      segment(6, 0, formatIndex(demarcation, indexed)),
    ],
    rate,
  );
  const eventsOn = (service: number, day: number) =>
    events.filter((event) => event.service === service && event.day === day);
  const days = dayGroups.map((group, day) => {
    const segments = services.map((service) => segment(0xf1, service, formatDay(service, 1, eventsOn(service, day))));
    return startCarousel(sender, group, segments, rate);
  });

  const serviceOf = (id: number) => channels.find((channel) => channel.id === id)?.replacement ?? id;
  const vod = await openVod((path) => {
    const [, channel, pid] = /^\/(\d+)\/(\d+)$/.exec(path) ?? [];
    const event = byPid.get(Number(pid));
    if (!event || event.service !== serviceOf(Number(channel))) return undefined;
    const isHd = channels.find(({ id }) => id === Number(channel))?.hd === true;
    return { seconds: event.duration + tail, bogus: !isHd };
  }, o.pictures);
  const old = { ...(events.find(({ service }) => service === services[0]) as WorldEvent), day: -1 };
  // Of a month ago, which only the cloud has; and two of today.
  const kept: WorldEvent = {
    ...old,
    pid: 50_000_001,
    start: old.start - 30 * 86_400,
    duration: 1800,
    title: "De antes",
  };
  byPid.set(kept.pid, kept);
  const cloud = [kept, ...events.filter(({ service, day }) => service === services[0] && day === 0).slice(0, 2)];
  const app = await openAppserver({
    ...{ demarcation, channels, events: byPid, before: o.before ?? [] },
    entryPoint: `${entryGroup.address}:${entryGroup.port}`,
    cloud: cloud.map(({ pid }) => pid),
    vodUrl: (channel, pid) => `rtsp://127.0.0.1:${vod.port}/${channel}/${pid}`,
  });
  const showings = new Set<Showing>();

  return {
    ...{ app, vod, entry, provider, days, channels, events, cloud },
    eventsOf: (channel) => events.filter(({ service }) => service === serviceOf(channel)),
    liveOf: (id) => live.get(id) ?? entryGroup,
    startLive(id) {
      const channel = channels.find((each) => each.id === id);
      if (!channel) throw new Error(`no channel ${id}`);
      const showing = sendLive(sender, channel, liveOf(channel), o.pictures);
      showings.add(showing);
      return showing;
    },
    config: `use: movistar\n    interface: 127.0.0.1\n    appserver: ["${app.url}"]\n`,
    async close() {
      for (const each of [entry, provider, ...days, ...showings]) each.stop();
      await Promise.all([app.close(), vod.close(), new Promise<void>((resolve) => sender.close(() => resolve()))]);
    },
  };
}

function sendLive(
  socket: Socket,
  channel: WorldChannel,
  { address, port }: GroupAddress,
  pictures: Pictures | undefined,
): Showing {
  const { live = "extended", encrypted = false } = channel;
  let sequence = 0;
  return show({
    from: 0,
    ...{ scrambled: encrypted, pictures },
    send(payload) {
      const datagram = live === "raw" ? payload : wrapRtp(payload, sequence++, live === "extended");
      socket.send(datagram, port, address, () => {});
    },
  });
}

/** Ports that nobody has; held until all of them are known. */
async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket("udp4"));
  const ports: number[] = [];
  for (const socket of sockets) {
    socket.bind(0, "0.0.0.0");
    await once(socket, "listening");
    ports.push(socket.address().port);
  }
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  return ports;
}
