// Looks where everything is: web service, entry point, provider, and there the channels, the packages and the guide.
import { HeadendError, type Logger } from "../../core/plugin.ts";
import type { Appserver } from "./appserver.ts";
import { type GroupAddress, parseGuideIndex, parsePackages, parseProviders, parseServices } from "./discovery.ts";
import type { DvbstpSegment } from "./dvbstp.ts";
import { type Found, numberServices } from "./found.ts";
import { readProfile } from "./profile.ts";
import type { ReceiveOptions } from "./receive.ts";

/** Receives a carousel through the operator's interface. @throws HeadendError `dial.*` */
export type Receive = (
  group: GroupAddress,
  o: Pick<ReceiveOptions, "signal" | "limit" | "wanted" | "mayLack" | "each">,
) => Promise<ReadonlyMap<string, DvbstpSegment>>;

export interface DiscoverOptions {
  readonly appserver: Appserver;
  readonly log: Logger;
  readonly receive: Receive;
  /** What the config says, and so need not be found. */
  readonly demarcation?: number | undefined;
  readonly entryPoint?: string | undefined;
  readonly extra: readonly number[];
}

/** Milliseconds for a carousel to be complete. */
const limit = 60_000;
/** `<payload> <segment>` of what discovery is about. */
const providers = "1 0";
const channels = "2 0";
const packages = "5 0";
const guide = "6 0";

/** @throws HeadendError `dial.*` when a group is silent, or does not have what belongs there */
export async function discover(o: DiscoverOptions, signal: AbortSignal): Promise<Found> {
  const { profile, fault } = await readProfile(o.appserver, o, signal);
  if (fault) o.log.warn("the operator's web service does not answer; what is usual is taken for granted");
  const { demarcation, entryPoint } = profile;
  const entry = await o.receive(entryPoint, { signal, limit, wanted: [providers] });
  const provider = parseProviders(bytesOf(entry, providers, entryPoint), demarcation);
  if (!provider) {
    const reason = `no provider for demarcation ${demarcation} is announced`;
    throw new HeadendError("dial.content", { url: urlOf(entryPoint), reason });
  }
  const sent = await o.receive(provider, { signal, limit, wanted: [channels, packages, guide] });
  const at = (key: string) => bytesOf(sent, key, provider);
  const services = parseServices(at(channels));
  if (services.length === 0)
    throw new HeadendError("dial.content", { url: urlOf(provider), reason: "it announces no channels" });
  const numbers = parsePackages(at(packages), profile.packages);
  return {
    profile,
    services: numberServices(services, numbers, o.extra),
    days: parseGuideIndex(at(guide)),
  };
}

function bytesOf(segments: ReadonlyMap<string, DvbstpSegment>, key: string, group: GroupAddress): Uint8Array {
  const segment = segments.get(key);
  if (segment) return segment.bytes;
  const reason = `payload ${key.split(" ")[0]} did not come whole`;
  throw new HeadendError("dial.content", { url: urlOf(group), reason });
}

const urlOf = ({ address, port }: GroupAddress) => `udp://${address}:${port}`;
