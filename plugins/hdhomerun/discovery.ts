// How a device is found: HDHomeRun's searches and questions on port 65001, SSDP on port 1900.

import { ssdpPort } from "../../core/formats/ssdp.ts";
import type { Clock, Logger } from "../../core/plugin.ts";
import type { Answerer } from "../../core/transport/tcp.ts";
import { isWantedLink, type Link, listLinks } from "../../core/transport/udp/links.ts";
import type { Questions } from "../../core/transport/udp/questions.ts";
import type { AnnouncedDevice } from "./announced.ts";
import { answerControl } from "./control.ts";
import { answerSearches } from "./search.ts";
import { openSsdp } from "./ssdp.ts";

export type { AnnouncedDevice } from "./announced.ts";

export interface DiscoveryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends it, as `stop()` does. */
  readonly signal: AbortSignal;
  /** Names or addresses of network interfaces; absent: all but loopback. */
  readonly interfaces?: readonly string[] | undefined;
  readonly ssdp: boolean;
  readonly hdhomerun: boolean;
  /** Who is answered: private, link-local and loopback addresses, or all. */
  readonly allow: "private" | "all";
  readonly device: () => AnnouncedDevice;
  /** Where it is listened in place of 65001 and 1900. */
  readonly ports?: { readonly hdhomerun?: number; readonly ssdp?: number };
}

/** How one of the ways to be found does. */
export interface DiscoveryState {
  readonly what: "hdhomerun" | "control" | "ssdp";
  readonly ok: boolean;
  /** For people. */
  readonly sentence: string;
}

export interface Discovery {
  /** Resolves when every port has been tried once. */
  readonly ready: Promise<void>;
  state(): readonly DiscoveryState[];
  /** Says goodbye, and frees the ports. */
  stop(): Promise<void>;
}

/** HDHomeRun's port, UDP and TCP. */
export const hdhomerunPort = 65_001;

/** Never fails: what cannot be opened is told of by `state()`, and tried again. */
export function startDiscovery(options: DiscoveryOptions): Discovery {
  const { clock, log, signal, interfaces, allow, device } = options;
  const port = options.ports?.hdhomerun ?? hdhomerunPort;
  const shared = { clock, log, allow, device, ...(interfaces ? { interfaces } : {}) };
  const sought = createSought(clock);
  const searches = options.hdhomerun ? answerSearches({ ...shared, port, onSought: sought.add }) : undefined;
  /** Packets do not say which device they mean: that which was looked for by its id, else the one of the lowest port. */
  const rank = (peer: string, own: string) => {
    const link = listLinks().find(({ addresses }) => addresses.includes(own));
    if (!link || !(link.internal || isWantedLink(link, interfaces))) return undefined;
    return sought.at(peer) ?? -device().port;
  };
  const control = options.hdhomerun ? answerControl({ clock, log, allow, device, port, rank }) : undefined;
  const ssdp = options.ssdp ? openSsdp({ ...shared, port: options.ports?.ssdp ?? ssdpPort }) : undefined;

  const states: (() => DiscoveryState)[] = [];
  const ready = (async () => {
    const [opened, answerer, described] = await Promise.all([searches, control, ssdp]);
    if (opened) states.push(() => questionsState("hdhomerun", `UDP port ${port}`, opened));
    if (answerer) states.push(() => controlState(port, answerer));
    if (described) states.push(() => questionsState("ssdp", "SSDP", described));
    for (const { what, ok, sentence } of states.map((state) => state()))
      if (!ok)
        log[what === "control" ? "info" : "warn"](`not ${what === "control" ? "asked" : "found"} by all: ${sentence}`);
  })();
  ready.catch(() => {});

  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= Promise.all([searches, control, ssdp].map(async (each) => (await each)?.close())).then(() => {});
    return stopping;
  };
  signal.addEventListener("abort", () => void stop().catch(() => {}), { once: true });
  if (signal.aborted) void stop().catch(() => {});
  return { ready, state: () => states.map((state) => state()), stop };
}

function questionsState(what: "hdhomerun" | "ssdp", where: string, { fault, links }: Questions): DiscoveryState {
  if (fault !== undefined) return { what, ok: false, sentence: fault };
  const sentence =
    links.length === 0 ? "there is no network at present" : `${where} answers on ${links.map(tell).join(", ")}`;
  return { what, ok: true, sentence };
}

function controlState(port: number, { fault }: Answerer): DiscoveryState {
  return { what: "control", ok: fault === undefined, sentence: fault ?? `TCP port ${port} answers` };
}

function tell({ name, ipv4, ipv6 }: Link): string {
  return `${name} (${ipv4 ?? ipv6})`;
}

/** Addresses that are remembered to have looked for a device, and for how many milliseconds. */
const mostSeekers = 256;
const seekingTime = 60_000;

/** Who looked for this very device of late: tools do so just before they connect to it. */
function createSought(clock: Clock) {
  const seekers = new Map<string, number>();
  return {
    add(address: string): void {
      seekers.delete(address);
      seekers.set(address, clock.monotonic());
      const oldest = seekers.size > mostSeekers ? seekers.keys().next().value : undefined;
      if (oldest !== undefined) seekers.delete(oldest);
    },
    /** When it did, by the monotonic clock; later is more. */
    at(address: string): number | undefined {
      const time = seekers.get(address);
      return time !== undefined && clock.monotonic() - time < seekingTime ? time : undefined;
    },
  };
}
