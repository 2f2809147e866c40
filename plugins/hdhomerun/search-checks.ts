// Looks for the device on the network as clients do: on port 65001 in both shapes of the question, and by SSDP.
import { anyDeviceId, deviceTypes, formatDiscoverRequest, parseDiscoverReply } from "../../core/formats/hdhomerun.ts";
import { formatSearch, parseSearchAnswer, serviceNames, ssdpGroup } from "../../core/formats/ssdp.ts";
import type { Check, Client, Clock } from "../../core/plugin.ts";
import { askByDatagram } from "../../core/transport/udp/asking.ts";
import { isNearAddress, isWantedLink, type Link, listLinks } from "../../core/transport/udp/links.ts";
import type { DiscoveryState } from "./discovery.ts";
import { deviceType } from "./ssdp.ts";

export interface SearchFacts {
  /** Eight hexadecimal digits. */
  readonly id: string;
  readonly uuid: string;
  readonly clock: Clock;
  readonly allow: "private" | "all";
  readonly discovery: {
    readonly ssdp: boolean;
    readonly hdhomerun: boolean;
    readonly interfaces: readonly string[] | undefined;
    readonly ports: { readonly hdhomerun: number; readonly ssdp: number };
  };
  /** What is known to be wrong with the ways to be found and asked, for people. */
  readonly faults: Readonly<Record<DiscoveryState["what"], readonly string[]>>;
}

/** Networks that are tried. */
const mostLinks = 3;
/** Milliseconds that clients wait on port 65001, and by SSDP where they allow a second for an answer. */
const patience = { hdhomerun: 1000, ssdp: 3000 };
const longest = 28;

/** Both shapes, and who asks so (libhdhomerun since 2022; before it, and Jellyfin). */
const shapes = [
  {
    shape: "today's question",
    question: formatDiscoverRequest({ types: [deviceTypes.tuner] }),
    clients: ["Plex", "Emby", "Kodi pvr.hdhomerun", "Channels"] as readonly Client[],
  },
  {
    shape: "the older question",
    question: formatDiscoverRequest({ types: [], id: anyDeviceId }),
    clients: ["Jellyfin", "Emby"] as readonly Client[],
  },
];

export async function* checkSearches(facts: SearchFacts, signal: AbortSignal): AsyncGenerator<Check> {
  const { discovery } = facts;
  const known = listLinks();
  const links = known.filter((link) => link.ipv4 !== undefined && isWantedLink(link, discovery.interfaces));
  const clients: readonly Client[] = [...new Set(shapes.flatMap((shape) => shape.clients))];
  if (links.length === 0 && (discovery.hdhomerun || discovery.ssdp)) {
    const sentence = "no network is there to be found on";
    const missing = discovery.interfaces !== undefined;
    yield {
      name: "search",
      clients,
      ok: missing ? false : "note",
      sentence,
      fix: "connect it; see discovery.interfaces",
    };
    return;
  }
  const tried = links
    .slice(0, mostLinks)
    .flatMap((link) => [
      ...(discovery.hdhomerun ? shapes.map((shape) => trySearch(facts, link, shape, signal)) : []),
      ...(discovery.ssdp ? [trySsdp(facts, link, signal)] : []),
    ]);
  yield* await Promise.all(tried);
  for (const fault of facts.faults.control)
    yield {
      ...{ name: "questions", clients: ["Kodi pvr.hdhomerun"] as const, ok: "note", sentence: fault },
      fix: "stop that program, if hdhomerun_config is to ask this device; who only finds it and plays needs nothing there",
    };
  if (!discovery.hdhomerun)
    yield {
      ...{ name: "search", clients, ok: "note", sentence: "discovery.hdhomerun is off: it must be added by address" },
    };
}

async function trySearch(
  { id, clock, allow, discovery, faults }: SearchFacts,
  { name: face, ipv4 = "", internal }: Link,
  { shape, question, clients }: (typeof shapes)[number],
  signal: AbortSignal,
): Promise<Check> {
  const port = discovery.ports.hdhomerun;
  const check = { name: `search on port ${port} by ${face}`, clients };
  const to = { address: internal ? ipv4 : "255.255.255.255", port };
  const wanted = Number.parseInt(id, 16);
  const reply = await askByDatagram(
    { from: ipv4, to, question, patience: patience.hdhomerun, clock, signal },
    (bytes) => {
      const read = parseDiscoverReply(bytes);
      return read?.id === wanted ? read : undefined;
    },
  );
  if (!reply)
    return {
      ...{ ...check, ok: false, sentence: [`nobody answers ${shape}`, ...faults.hdhomerun].join("; ") },
      fix: isRefused(ipv4, allow)
        ? allowFix
        : `let the firewall pass UDP ${port}, broadcasts too; stop another program that has it; a container needs the host's network`,
    };
  const { baseUrl = "" } = reply;
  if (baseUrl.length > longest || baseUrl === "")
    return {
      ...{
        ...check,
        ok: false,
        sentence: `${baseUrl || "no address"} is announced; clients keep ${longest} characters`,
      },
      fix: "publicHost: the IPv4 address of this machine, or leave it out",
    };
  return { ...check, ok: true, sentence: `${shape} is answered: ${baseUrl}` };
}

/** Every search target that finds a media server. */
async function trySsdp(facts: SearchFacts, link: Link, signal: AbortSignal): Promise<Check> {
  const { uuid, clock, allow, discovery, faults } = facts;
  const { name: face, ipv4 = "" } = link;
  const port = discovery.ports.ssdp;
  const check = { name: `SSDP by ${face}`, clients: ["Plex"] as const };
  const names = serviceNames(uuid, deviceType);
  const targets = [...names.map(({ target }) => target), "ssdp:all"];
  const found = await Promise.all(
    targets.map((st) =>
      askByDatagram(
        {
          ...{ from: ipv4, to: { address: ssdpGroup, port }, clock, signal },
          ...{ question: formatSearch({ st, mx: 1 }), patience: patience.ssdp },
        },
        (bytes) => {
          const answer = parseSearchAnswer(bytes);
          if (!answer || !(st === "ssdp:all" || answer.target === st)) return undefined;
          return names.some(({ usn }) => usn === answer.usn) ? answer : undefined;
        },
      ),
    ),
  );
  const missing = targets.filter((_, at) => !found[at]);
  if (missing.length === 0)
    return { ...check, ok: true, sentence: `found by ${targets.length} searches: ${found[0]?.location}` };
  return {
    ...{ ...check, ok: false, sentence: [`not found by ${missing.join(", ")}`, ...faults.ssdp].join("; ") },
    fix: isRefused(ipv4, allow)
      ? allowFix
      : `let the firewall pass UDP ${port} and multicast; stop another program that does not share the port; a container needs the host's network`,
  };
}

/** Where a device's clients have public addresses. */
export const allowFix =
  "allow: all, if this network has public addresses and a firewall keeps strangers from the port; else give this machine a private address";

function isRefused(address: string, allow: SearchFacts["allow"]): boolean {
  return allow === "private" && !isNearAddress(address);
}
