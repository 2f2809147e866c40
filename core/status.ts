// What the HTTP side may know: the state of every instance and of the guide, computed at most once a second.
import type { GuideKeeper } from "./guide/index.ts";
import type { Instance } from "./instance.ts";
import type { LineupKeeper } from "./lineup/index.ts";
import type { Clock } from "./plugin.ts";
import type { ConfigRefusal, Headend, InstanceStatus, SourceStatus, StatusReport } from "./server/headend.ts";
import type { Supervisor } from "./supervisor.ts";
import { version } from "./version.ts";

export interface StatusOptions {
  readonly lineup: LineupKeeper;
  readonly guide: GuideKeeper;
  readonly clock: Clock;
  /** Asked when needed: the server is made before the supervisor. */
  supervisor(): Supervisor;
  /** Why the config file as it is now is not in force. */
  refusal(): ConfigRefusal | undefined;
}

const freshFor = 1000;

export function createHeadend({ lineup, guide, clock, supervisor, refusal }: StatusOptions): Headend {
  const started = iso(clock.now());
  let report: StatusReport | undefined;
  let computed = Number.NEGATIVE_INFINITY;

  function compute(): StatusReport {
    const { instances, refused, merging } = supervisor();
    const config = refusal();
    const running = [...instances].map(([name, instance]) => instanceStatus(name, instance, supervisor()));
    const broken = [...refused].map(([name, { config, sentence }]): InstanceStatus => {
      const mount = config?.mount ?? `/${name}`;
      return {
        ...{ name, use: config?.use ?? "", mount, state: "invalid", sentence },
        ...{ channels: 0, programmesKept: 0, sources: [] },
      };
    });
    return {
      version,
      started,
      ...(config ? { config } : {}),
      instances: [...running, ...broken],
      guide: {
        channels: merging.report?.channels ?? 0,
        programmes: merging.report?.programmes ?? 0,
        merging: merging.running,
        ...(merging.lastSuccess === undefined ? {} : { lastSuccess: iso(merging.lastSuccess) }),
        ...(merging.lastError === undefined ? {} : { lastError: merging.lastError }),
      },
    };
  }

  return {
    version,
    lineup,
    guide,
    status() {
      if (!report || clock.monotonic() - computed > freshFor) {
        report = compute();
        computed = clock.monotonic();
      }
      return report;
    },
    ready() {
      const { instances, merging } = supervisor();
      if (instances.size === 0 && supervisor().refused.size === 0) return false;
      const settled = [...instances.values()].every((instance) => instance.settled);
      return settled && (merging.report !== undefined || merging.lastError !== undefined);
    },
    health() {
      const problems = healthProblems(supervisor(), clock.now());
      return { ok: problems.length === 0, problems };
    },
    async refresh(instance, clean) {
      await supervisor().refresh(instance, clean);
    },
  };

  /** A restart does not make an artefact older: what was kept counts from when it was last written. */
  function healthProblems({ instances, refused, merging }: Supervisor, now: number): string[] {
    const problems = [...refused].map(([name, { sentence }]) => `${name} is invalid: ${sentence}`);
    const merged = Math.max(merging.lastSuccess ?? 0, guide.merged ?? 0);
    let longest = 0;
    for (const [name, { refreshes, lists, lastSuccess, config }] of instances) {
      if (!refreshes) continue;
      longest = Math.max(longest, config.refresh);
      const at = Math.max(lastSuccess ?? 0, (lists ? lineup.confirmed(name) : merged) ?? 0);
      if (at === 0) problems.push(`${name} has not refreshed yet`);
      else if (now - at > 2 * config.refresh) problems.push(`${name} is older than twice its refresh interval`);
    }
    if (longest === 0) return problems;
    if (merged === 0) problems.push("the guide has not been merged yet");
    else if (now - merged > 2 * longest) problems.push("the guide is older than twice the refresh interval");
    return problems;
  }
}

function instanceStatus(name: string, instance: Instance, { merging }: Supervisor): InstanceStatus {
  const merged = (merging.report?.sources ?? []).filter((source) => source.instance === name);
  const sources = instance.inputs.map((input): SourceStatus => {
    const result = merged.find((source) => source.name === input.name);
    const dropped = Object.values(result?.dropped ?? {}).reduce((sum, n) => sum + n, 0);
    const state = input.error ? (input.source ? "last good" : "failed") : (result?.error ?? "ok");
    return { name: input.name, state, bytes: result?.bytes ?? 0, kept: result?.kept ?? 0, dropped };
  });
  const { config, state, sentence, details, channels, lastSuccess, lastFailure, lastError, nextRefresh } = instance;
  return {
    name,
    use: config.use,
    mount: config.mount,
    state,
    sentence,
    ...(details === undefined ? {} : { details }),
    ...(lastSuccess === undefined ? {} : { lastSuccess: iso(lastSuccess) }),
    ...(lastFailure === undefined ? {} : { lastFailure: iso(lastFailure) }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(nextRefresh === undefined ? {} : { nextRefresh: iso(nextRefresh) }),
    channels,
    programmesKept: merged.reduce((sum, source) => sum + source.kept, 0),
    sources,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
