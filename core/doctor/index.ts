// The self-test: plays what clients do against this very headend, over the network, all checks side by side and in bounded time.
import type { ListenAddress } from "../config/address.ts";
import { formatListen } from "../config/address.ts";
import { formatDuration } from "../formats/duration.ts";
import type { Check, Clock, Lineup, Logger, StreamHub } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { redact } from "../redact.ts";
import type { Supervisor } from "../supervisor.ts";
import type { FfmpegSettings } from "../transport/context.ts";
import { checkReachable, isContained, judgeAddress, ownAddress } from "./address.ts";
import { credentialsFor, sessionsBy } from "./credentials.ts";
import { checkFfmpeg, checkMulticast } from "./machine.ts";
import { checkLineup, checkPictures, chooseChannels } from "./pictures.ts";
import { createProbe } from "./probe.ts";
import { type DoctorReport, judgeClients, type ReportedCheck } from "./report.ts";

export interface DoctorOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lineup: Lineup;
  readonly hub: StreamHub;
  readonly ffmpeg: FfmpegSettings;
  readonly supervisor: Supervisor;
  /** Signs the sessions of users whose password is not known. */
  readonly sessionKey: Uint8Array;
  /** True once every instance had its first try, and the merged files are served. */
  isReady(): boolean;
  /** Where the server listens by now. */
  readonly listen: ListenAddress;
  /** What marks its own requests. */
  readonly mark: string;
}

/** Milliseconds for all of it. */
const limit = 20_000;

/** One run. Never fails: a check that does is one that failed. */
export async function runChecks(o: DoctorOptions): Promise<DoctorReport> {
  const { clock, log, supervisor, mark } = o;
  const began = clock.monotonic();
  const at = new Date(clock.now()).toISOString();
  const { access, publicUrl } = supervisor.settings;
  const control = new AbortController();
  const { signal } = control;
  const address = ownAddress(o.listen);
  const origin = `http://${formatListen({ host: address, port: o.listen.port })}`;
  const credentials = credentialsFor(access, sessionsBy(o.sessionKey, access, clock));
  const probeAt = (mount: string) => createProbe({ clock, signal, address, origin, mount, credentials, mark });
  const probe = probeAt("/");
  const channels = o.lineup.channels();
  const facts = { clock, log, signal, channels };
  const interfaces = [...supervisor.instances.values()].flatMap(({ config }) => config.streams.interface ?? []);
  const addresses = [origin, ...(publicUrl === undefined ? [] : [publicUrl])];

  const parts: readonly Part[] = [
    {
      name: "address",
      async *list() {
        yield judgeAddress({ listen: o.listen, address, publicUrl, contained: isContained() });
      },
    },
    { name: "reachable", list: () => checkReachable(probe, mark, addresses) },
    { name: "instances", list: () => checkInstances(supervisor, o.isReady()) },
    { name: "channels", list: () => checkLineup(probe) },
    { name: "pictures", list: () => checkPictures(probe, chooseChannels(channels, o.hub.streams())) },
    { name: "ffmpeg", list: () => checkFfmpeg(facts, o.ffmpeg) },
    { name: "multicast", list: () => checkMulticast(facts, [...new Set(interfaces)]) },
    ...[...supervisor.instances].flatMap(([instance, { checks, config }]): Part[] =>
      checks ? [{ name: "checks", instance, list: () => checks(probeAt(config.mount), signal) }] : [],
    ),
  ];
  const found = await collect(parts, clock, control);
  found.push(...statesOf(supervisor, found));
  const strike = createStrike(access);
  const checks = found.map((check) => ({
    ...check,
    sentence: strike(check.sentence),
    ...(check.fix === undefined ? {} : { fix: strike(check.fix) }),
  }));
  return {
    ok: !checks.some(({ ok }) => ok === false),
    version: o.version,
    at,
    seconds: (clock.monotonic() - began) / 1000,
    clients: judgeClients(checks),
    checks,
  };
}

/** Checks that are made one after the other, beside those of other parts. */
export interface Part {
  readonly name: string;
  readonly instance?: string;
  list(): AsyncIterable<Check>;
}

/** Everything that all parts found, in their order; what was not done in time, or could not be, has failed. */
export async function collect(
  parts: readonly Part[],
  clock: Clock,
  control: AbortController,
): Promise<ReportedCheck[]> {
  const lists = parts.map((): ReportedCheck[] => []);
  const done = new Set<Part>();
  const work = parts.map(async (part, at) => {
    const { name, instance } = part;
    const whose = instance === undefined ? {} : { instance };
    try {
      for await (const check of part.list()) if (!control.signal.aborted) lists[at]?.push({ ...check, ...whose });
    } catch (error) {
      if (control.signal.aborted) return;
      lists[at]?.push({ ...whose, name, ok: false, sentence: `could not be tried: ${reasonOf(error)}` });
    }
    done.add(part);
  });
  const timer = new AbortController();
  await Promise.race([Promise.all(work), clock.sleep(limit, timer.signal).catch(() => {})]);
  timer.abort();
  control.abort(new DOMException("the self-test is over", "AbortError"));
  return parts.flatMap((part, at) => {
    const list = lists[at] ?? [];
    if (done.has(part)) return list;
    const whose = part.instance === undefined ? {} : { instance: part.instance };
    return [...list, { ...whose, name: part.name, ok: false, sentence: `not done within ${formatDuration(limit)}` }];
  });
}

/** Those that the config describes wrongly, and how many run. */
async function* checkInstances({ instances, refused }: Supervisor, ready: boolean): AsyncGenerator<Check> {
  if (!ready) {
    const sentence = "the first refresh is under way: what is missing may come yet; ask again when /readyz says 200";
    yield { name: "ready", ok: "note", sentence };
  }
  for (const [name, { sentence }] of refused)
    yield {
      ...{ name: "instances", ok: false, sentence: `${name}: ${sentence}` },
      fix: "mend it in the config; headend check prints every mistake",
    };
  if (refused.size === 0)
    yield { name: "instances", ok: true, sentence: `${instances.size} run: ${[...instances.keys()].join(", ")}` };
}

/** What instances say of themselves; one that serves clients matters to those that it made checks for. */
function statesOf({ instances }: Supervisor, found: readonly ReportedCheck[]): ReportedCheck[] {
  return [...instances].flatMap(([instance, { state, sentence }]): ReportedCheck[] => {
    if (state === "ok") return [];
    const clients = [...new Set(found.flatMap((check) => (check.instance === instance ? (check.clients ?? []) : [])))];
    const whom = clients.length > 0 ? { clients } : {};
    if (state === "starting") return [{ instance, name: "state", ...whom, ok: "note", sentence: "still starting" }];
    return [{ instance, name: "state", ...whom, ok: false, sentence, fix: "see /api/status, and the log" }];
  });
}

/** No token is shown, however a check came by it. */
export function createStrike({
  tokens,
}: {
  readonly tokens: Readonly<Record<string, string>>;
}): (text: string) => string {
  const secrets = Object.values(tokens).flatMap((token) => (token === "" ? [] : [token, encodeURIComponent(token)]));
  return (text) => redact(secrets.reduce((struck, secret) => struck.replaceAll(`/t/${secret}`, "/t/***"), text));
}
