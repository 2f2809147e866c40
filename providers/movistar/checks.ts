// The self-test of the operator's network, stage by stage: the first that fails is what is to be mended.
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { Check, Probe } from "../../core/plugin.ts";
import type { Appserver } from "./appserver.ts";
import type { Receive } from "./discover.ts";
import { type GuideDay, parseGuideIndex, parsePackages, parseProviders, parseServices } from "./discovery.ts";
import type { DvbstpSegment } from "./dvbstp.ts";
import { numberServices } from "./found.ts";
import { readProfile } from "./profile.ts";
import { lookUp } from "./resolve.ts";

export interface CheckOptions {
  readonly probe: Probe;
  readonly appserver: Appserver;
  readonly receive: Receive;
  /** Our address in the operator's network. @throws when there is no such interface */
  face(): Promise<string | undefined>;
  /** The name server of the operator's network, where one is named. */
  readonly dns?: string | undefined;
  /** Our address towards another; undefined: there is no way, or the runtime does not tell. */
  route(to: string): Promise<string | undefined>;
  readonly demarcation?: number | undefined;
  readonly entryPoint?: string | undefined;
  readonly extra: readonly number[];
  /** An instant that the archive should have, in milliseconds since the Unix epoch, and a channel that has it. */
  past(): { readonly channel: string; readonly at: number } | undefined;
}

/** Milliseconds for a carousel: the self-test has little time. */
const limit = 4000;
const igmp =
  "see that the switch passes multicast on (IGMP snooping with a querier), that the machine is wired, and that `interface` is the one with the operator's VLAN";

export async function* checkNetwork(o: CheckOptions, signal: AbortSignal): AsyncGenerator<Check> {
  const told = await attempt(async () => ({ face: await o.face() }));
  const face = typeof told === "string" ? undefined : told.face;
  const name = Object.entries(networkInterfaces()).find(([, all]) => all?.some(({ address }) => address === face))?.[0];
  if (face === undefined || name === undefined) {
    const none = "no interface of this machine leads into the operator's network";
    const away = face === undefined ? none : `${face} is no address of this machine`;
    const sentence = typeof told === "string" ? told : away;
    const fix =
      sentence === none
        ? "name it with `interface`, or add a route to 172.26.0.0/16"
        : "let `interface` name an interface of this machine, or its address: `ip address` lists them";
    yield { name: "interface", ok: false, sentence, fix };
    return;
  }
  yield { name: "interface", ok: true, sentence: `the operator's network is reached through ${name} (${face})` };

  yield await checkRoute(o, face);
  yield await checkNames(o);

  const { profile, fault } = await readProfile(o.appserver, o, signal);
  if (fault) {
    const sentence = `the operator's web service does not answer: ${reasonOf(fault)}`;
    yield {
      name: "web service",
      ok: "note",
      sentence,
      fix: "see that 172.26.23.3 is the DNS server, or name `appserver`",
    };
  } else {
    const sentence = `it knows this customer: region ${profile.demarcation}, ${profile.packages.length} packages`;
    yield { name: "web service", ok: true, sentence };
  }

  const { address, port } = profile.entryPoint;
  const entry = await attempt(() => o.receive(profile.entryPoint, { signal, limit, wanted: ["1 0"] }));
  if (typeof entry === "string") {
    yield { name: "entry point", ok: false, sentence: entry, fix: igmp };
    return;
  }
  yield { name: "entry point", ok: true, sentence: `datagrams come from ${address}:${port}` };

  const provider = parseProviders(bytesOf(entry, "1 0"), profile.demarcation);
  if (!provider) {
    const sentence = `no provider for region ${profile.demarcation} is announced`;
    yield { name: "provider", ok: false, sentence, fix: "set `demarcation` to the number of your region" };
    return;
  }
  const sent = await attempt(() => o.receive(provider, { signal, limit, wanted: ["2 0", "5 0", "6 0"] }));
  if (typeof sent === "string") {
    yield { name: "provider", ok: false, sentence: sent, fix: igmp };
    return;
  }
  const services = parseServices(bytesOf(sent, "2 0"));
  yield { name: "provider", ok: services.length > 0, sentence: `it announces ${services.length} channels` };

  const numbers = parsePackages(bytesOf(sent, "5 0"), profile.packages);
  const listed = numberServices(services, numbers, o.extra);
  yield { name: "packages", ok: listed.length > 0, sentence: `${listed.length} of them are in what is paid for` };

  const days = parseGuideIndex(bytesOf(sent, "6 0"));
  yield await checkDays(days, o.receive, signal);

  const [first] = listed;
  if (first) yield { name: "live", ...(await o.probe.watch(`${o.probe.base}/${first.id}/live`)) };
  const past = o.past();
  if (past) {
    const url = `${o.probe.base}/${past.channel}/${Math.floor(past.at / 1000)}`;
    yield { name: "catch-up", ...(await o.probe.watch(url)) };
  } else yield { name: "catch-up", ok: "note", sentence: "the guide that names recordings is not there yet" };
}

/** An address of the operator's network. */
const within = "172.26.23.3";

const hostsOf = ({ appserver }: CheckOptions) => appserver.endPoints.map((url) => URL.parse(url)?.hostname ?? "");

/** What is not multicast goes by the system's routes, whatever `interface` says. */
async function checkRoute(o: CheckOptions, face: string): Promise<Check> {
  const name = "route";
  const to = hostsOf(o).find((host) => isIP(host) === 4) ?? o.dns?.split(":")[0] ?? within;
  const from = await o.route(to);
  if (from === undefined && (await o.route("127.0.0.1")) === undefined)
    return { name, ok: "note", sentence: "not known: this runtime does not tell by which way an address is reached" };
  if (from === undefined)
    return { name, ok: "note", sentence: `the system names no way to ${to}; the web service and catch-up need one` };
  if (from === face) return { name, ok: true, sentence: `the way to ${to} begins at ${face}` };
  return {
    ...{ name, ok: "note", sentence: `the way to ${to} begins at ${from}, not at ${face}` },
    fix: "add a route to 172.26.0.0/16 by the operator's gateway, 10.64.0.1 as a rule: catch-up needs it",
  };
}

async function checkNames(o: CheckOptions): Promise<Check> {
  const name = "DNS";
  const host = hostsOf(o).find((each) => isIP(each) === 0);
  if (host === undefined) return { name, ok: true, sentence: "the web service is named by its address" };
  const whom = o.dns === undefined ? "the system's name server" : `the name server ${o.dns}`;
  const address = await attempt(() => lookUp(o.dns, host));
  if (isIP(address)) return { name, ok: true, sentence: `${host} is ${address}, says ${whom}` };
  const fix = o.dns === undefined ? "dns: 172.26.23.3" : "see that it is the operator's, and that there is a way to it";
  return { name, ok: "note", sentence: `${whom} does not know ${host}: ${address}`, fix };
}

/** All days at once, as each has a group of its own. */
async function checkDays(days: readonly GuideDay[], receive: Receive, signal: AbortSignal): Promise<Check> {
  const all = await Promise.all(days.map((day) => attempt(() => receive(day, { signal, limit }))));
  const missing = all.flatMap((result, day) => (typeof result === "string" ? [day] : []));
  const name = "guide";
  if (days.length === 0) return { name, ok: false, sentence: "the provider does not say where the guide is" };
  if (missing.length === 0) return { name, ok: true, sentence: `all ${days.length} days of it are sent` };
  return { name, ok: false, sentence: `nothing comes of day ${missing.join(", ")} of ${days.length}`, fix: igmp };
}

/** What was wanted, or why it did not come. */
async function attempt<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    return reasonOf(error);
  }
}

const bytesOf = (segments: ReadonlyMap<string, DvbstpSegment>, key: string) =>
  segments.get(key)?.bytes ?? new Uint8Array(0);

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
