// Every way to a tune's pictures: the channel's own upstream and its alternates, each with what it takes to open it.
import type { InstanceStreams } from "../config/index.ts";
import { HeadendError } from "../errors.ts";
import { catchupAddress } from "../formats/catchup.ts";
import type { Clock, Contribution, Dial, HlsSource, LineupChannel, Tune } from "../plugin.ts";
import { describeUrl } from "../redact.ts";
import type { Want } from "./ledger.ts";
import type { Candidate, HlsSession } from "./upstream.ts";

/** What an instance opens its upstreams with. */
export interface InstanceOpener {
  readonly streams: InstanceStreams;
  readonly open?: Contribution["open"];
  readonly dial: Dial;
  openHls(source: HlsSource, signal: AbortSignal, start: "live" | "beginning"): Promise<HlsSession>;
}

export interface CandidateOptions {
  readonly clock: Clock;
  /** What a `vod` address takes for the programme at an instant. */
  catchupId(channel: LineupChannel, at: number): Promise<string | undefined>;
  /** IANA name of the zone in which upstreams' clock times are; absent: this machine's. */
  timeZone(): string | undefined;
  /** What is kept here of a channel's past. */
  timeshift?(tune: Tune): Candidate | undefined;
  /** Absent: the instance is not running. */
  opener(instance: string): InstanceOpener | undefined;
}

/** What a channel takes as long as nobody has measured it. */
const assumedBits = 8_000_000;
const viewerRank = 3;

/** @returns best first. @throws HeadendError `tune.past`, `tune.failed` when there can be none */
export function createCandidates(o: CandidateOptions): (tune: Tune, bits: number | undefined) => Candidate[] {
  return (tune, bits = assumedBits) => {
    const { channel } = tune;
    const candidates: Candidate[] = [];
    const ways: Way[] = [channel, ...channel.alternates];
    for (const [index, way] of ways.entries()) {
      const opener = o.opener(way.instance ?? channel.instance);
      const candidate = opener && candidateOf(tune, way, index === 0, opener);
      if (candidate) candidates.push(candidate);
    }
    // What upstream has is whole; what was kept may have gaps.
    const kept = o.timeshift?.(tune);
    if (kept) candidates.push(kept);
    if (candidates.length === 0) throw noneFor(tune);
    return candidates;

    function candidateOf(tune: Tune, way: Way, main: boolean, opener: InstanceOpener): Candidate | undefined {
      const instance = way.instance ?? channel.instance;
      const wants = (rank: number) => wantsOf(instance, way.account, opener.streams, rank, bits);
      const { open } = opener;
      // A past that is only kept here is none that its plugin knows of.
      if (open && main && tune.at !== undefined && !channel.catchup && channel.timeshift) return undefined;
      if (open && main) {
        return {
          // An archive that fails says nothing of what is live.
          key: tune.at === undefined ? channel.id : `${channel.id} past`,
          instance,
          shown: channel.url ? describeUrl(channel.url) : channel.id,
          wants,
          open: (signal) => open(tune, signal),
          openHls: (source, signal) => opener.openHls(source, signal, tune.at === undefined ? "live" : "beginning"),
        };
      }
      const { at } = tune;
      const address = at === undefined ? way.url : pastAddress(tune, at, way, wantsId(way) ? "?" : undefined);
      if (address === undefined || address.startsWith("/")) return undefined;
      const { headers } = way;
      const options = headers ? { headers } : {};
      return {
        key: address,
        instance,
        shown: describeUrl(address),
        wants,
        async open(signal) {
          if (at === undefined || !wantsId(way)) return await opener.dial(address, { signal, ...options });
          const id = await o.catchupId(channel, at);
          const named = id === undefined ? undefined : pastAddress(tune, at, way, id);
          const reason = "the guide has no catch-up id for this time";
          if (named === undefined) throw new HeadendError("tune.past", { channel: channel.name, reason });
          return await opener.dial(named, { signal, ...options });
        },
        openHls: (source, signal) => opener.openHls(source, signal, tune.at === undefined ? "live" : "beginning"),
      };
    }
  };

  function pastAddress(tune: Tune, at: number, way: Way, catchupId: string | undefined): string | undefined {
    const { until } = tune;
    return catchupAddress(way, { at, until }, o.clock.now(), { timeZone: o.timeZone(), catchupId });
  }

  function noneFor({ at, channel: { name, instance } }: Tune): HeadendError {
    if (!o.opener(instance))
      return new HeadendError("tune.failed", { channel: name, reason: `${instance} is not running` });
    if (at !== undefined) return new HeadendError("tune.past", { channel: name, reason: "its past cannot be reached" });
    return new HeadendError("tune.failed", { channel: name, reason: "it has no address" });
  }
}

interface Way extends Pick<LineupChannel, "url" | "headers" | "catchup" | "account"> {
  readonly instance?: string;
}

/** Whether the past's address is made of what the guide says of the programme. */
function wantsId({ catchup }: Way): boolean {
  return (
    catchup !== undefined && (catchup.mode.toLowerCase() === "vod" || /\{catchup-id\}/i.test(catchup.source ?? ""))
  );
}

function wantsOf(
  instance: string,
  account: string | undefined,
  streams: InstanceStreams,
  rank: number,
  bits: number,
): Want[] {
  const { tuners, reserve, bandwidth } = streams;
  const wants: Want[] = [];
  if (tuners !== undefined) {
    const limit = rank < viewerRank ? Math.max(0, tuners - reserve) : tuners;
    wants.push({ key: `tuners ${instance}${account === undefined ? "" : ` ${account}`}`, amount: 1, limit });
  }
  if (bandwidth !== undefined) {
    const line = streams.interface === undefined ? `instance ${instance}` : `interface ${streams.interface}`;
    // A channel wider than the line can still be watched alone.
    wants.push({ key: `bits ${line}`, amount: Math.min(bits, bandwidth), limit: bandwidth });
  }
  return wants;
}
