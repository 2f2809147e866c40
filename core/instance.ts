// One instance of a plugin: its setup, its refreshes and jobs, its state, its end.
import type { AnyElysia } from "elysia";
import { createBounded } from "./bounded.ts";
import { forget, readChannels } from "./channel-reading.ts";
import type { InstanceConfig } from "./config/index.ts";
import { expectContribution, expectSources } from "./contribution.ts";
import { HeadendError } from "./errors.ts";
import { formatDuration } from "./formats/duration.ts";
import { collectSources, type GuideInput } from "./guide-sources.ts";
import type { InstanceHost } from "./host.ts";
import type { InstanceOpener } from "./hub/candidates.ts";
import { startJobs } from "./jobs.ts";
import type { LineupKeeper, UpdateResult } from "./lineup/index.ts";
import type { NumberRange } from "./lineup/numbers.ts";
import type { Rules } from "./lineup/rules.ts";
import type { Contribution, Listener, Output, Plugin } from "./plugin.ts";
import { createPorts, type OpenPort } from "./ports.ts";
import { reasonOf } from "./reason.ts";
import { backoff, jitter, type Loop, startLoop } from "./schedule.ts";
import type { Health, Span, State } from "./types.ts";

/** What one refresh did. */
export interface RefreshResult {
  readonly seconds: number;
  /** Bytes of documents received. */
  readonly received: number;
  readonly update: UpdateResult | undefined;
  readonly inputs: readonly GuideInput[];
  /** Why the channels did not come. */
  readonly error: unknown;
}

export interface InstanceOptions {
  readonly config: InstanceConfig;
  readonly plugin: Plugin;
  /** The plugin's own keys, checked. */
  readonly options: unknown;
  readonly host: InstanceHost;
  readonly controller: AbortController;
  readonly lineup: LineupKeeper;
  /** The lineup's own rules, applied after the instance's. */
  readonly rules: () => Rules;
  readonly range: () => NumberRange | undefined;
  readonly span: () => Span;
  createApp(): AnyElysia;
  /** Opens a port of its own. */
  listen(listener: Listener): Promise<OpenPort>;
  /** After every refresh. */
  refreshed(result: RefreshResult): void;
}

export interface Instance {
  readonly config: InstanceConfig;
  readonly state: State;
  /** Why the state is what it is. */
  readonly sentence: string;
  /** What its plugin says besides. */
  readonly details: Health["details"];
  readonly lastSuccess: number | undefined;
  readonly lastFailure: number | undefined;
  readonly lastError: string | undefined;
  readonly nextRefresh: number | undefined;
  /** True once a first refresh has ended, well or not, or there is nothing to refresh. */
  readonly settled: boolean;
  readonly refreshes: boolean;
  /** True when it brings channels. */
  readonly lists: boolean;
  readonly channels: number;
  readonly inputs: readonly GuideInput[];
  readonly last: RefreshResult | undefined;
  /** How its upstreams are opened; absent while it is not running. */
  readonly opener: InstanceOpener | undefined;
  readonly outputs: Readonly<Record<string, Output>>;
  /** What it tries for the self-test; undefined: nothing. */
  readonly checks: Contribution["checks"];
  /** Its figures for `/metrics`; undefined: none. */
  readonly metrics: Contribution["metrics"];
  /** Gives an app what it answers at the server's root; undefined: nothing. */
  readonly root: ((app: AnyElysia) => AnyElysia) | undefined;
  /** Sets up and starts refreshing; resolves with the plugin's routes. @throws when the plugin refuses. */
  start(schedule: boolean): Promise<AnyElysia | undefined>;
  /** Takes changed options without a restart; false: it cannot. Nothing of the config but the options may differ. */
  reconfigure(config: InstanceConfig, options: unknown): Promise<boolean>;
  /** A refresh now; joins none that is running but follows it. */
  refresh(clean: boolean): Promise<void>;
  stop(): Promise<void>;
}

const setupLimit = 30_000;
const refreshLimit = 15 * 60_000;
const reconfigureLimit = 5_000;
const stopLimit = 5_000;

export function createInstance(o: InstanceOptions): Instance {
  const { host, controller } = o;
  let { config } = o;
  const reading = { ...o, config: () => config };
  const { clock, log } = host;
  const signal = controller.signal;
  let contribution: Contribution = {};
  const bounded = createBounded(clock, signal);
  const ports = createPorts({ clock, log, listen: o.listen });
  let root: Instance["root"];
  let state: State = "starting";
  let sentence = "setting up";
  let lastSuccess: number | undefined;
  let lastFailure: number | undefined;
  let lastError: string | undefined;
  let failures = 0;
  let last: RefreshResult | undefined;
  let inputs: readonly GuideInput[] = [];
  let loop: Loop | undefined;
  let clean = false;

  async function runRefresh(): Promise<number> {
    const started = clock.monotonic();
    const before = host.received();
    const wasClean = clean;
    clean = false;
    let update: UpdateResult | undefined;
    let error: unknown;
    if (wasClean) await forget(host, contribution);
    if (contribution.channels) {
      try {
        update = await bounded(refreshLimit, "the refresh of the channels", (s) =>
          readChannels(reading, contribution, s, wasClean),
        );
      } catch (e) {
        error = e;
      }
    }
    if (contribution.guide && !signal.aborted) {
      try {
        const sources = await bounded(refreshLimit, "listing the guides", async (s) =>
          expectSources((await contribution.guide?.(o.span(), s)) ?? []),
        );
        inputs = await bounded(refreshLimit, "fetching the guides", (s) => collectSources(sources, host, s));
      } catch (e) {
        error ??= e;
      }
    }
    if (signal.aborted) return 0;
    error ??= inputs.find((input) => input.error)?.error;
    const seconds = (clock.monotonic() - started) / 1000;
    last = { seconds, received: host.received() - before, update, inputs, error };
    settle(error);
    o.refreshed(last);
    const pause = failures > 0 ? backoff(failures, config.refresh) : config.refresh;
    return jitter(pause);
  }

  function settle(error: unknown): void {
    if (error) {
      failures++;
      lastFailure = clock.now();
      lastError = reasonOf(error);
      state = "degraded";
      sentence = lastError;
      log.warn(`refresh failed: ${lastError}`, { again: loop && formatDuration(backoff(failures, config.refresh)) });
    } else {
      if (failures > 0) log.info("refresh works again");
      failures = 0;
      lastSuccess = clock.now();
      state = "ok";
      sentence = "refreshed";
    }
  }

  function health(): Health | undefined {
    if (ports.fault) return { state: "degraded", sentence: ports.fault };
    try {
      return contribution.health?.();
    } catch (error) {
      return { state: "degraded", sentence: `health() failed: ${reasonOf(error)}` };
    }
  }

  const refreshes = () => Boolean(contribution.channels ?? contribution.guide);

  return {
    get config() {
      return config;
    },
    get state() {
      if (state !== "ok") return state;
      return (health()?.state ?? "ok") === "ok" ? "ok" : "degraded";
    },
    get sentence() {
      return state === "ok" ? (health()?.sentence ?? sentence) : sentence;
    },
    get details() {
      return state === "stopped" ? undefined : health()?.details;
    },
    get lastSuccess() {
      return lastSuccess;
    },
    get lastFailure() {
      return lastFailure;
    },
    get lastError() {
      return lastError;
    },
    get nextRefresh() {
      return loop?.next;
    },
    get settled() {
      return !refreshes() || last !== undefined;
    },
    get refreshes() {
      return refreshes();
    },
    get lists() {
      return contribution.channels !== undefined;
    },
    get channels() {
      return o.lineup.channels(config.name).length;
    },
    get inputs() {
      return inputs;
    },
    get last() {
      return last;
    },
    get opener() {
      if (state === "starting" || state === "stopped") return undefined;
      const { open } = contribution;
      return {
        streams: config.streams,
        dial: host.dial,
        openHls: host.openHls,
        ...(open ? { open: open.bind(contribution) } : {}),
      };
    },
    get outputs() {
      return state === "stopped" ? {} : (contribution.outputs ?? {});
    },
    get checks() {
      return state === "stopped" ? undefined : contribution.checks?.bind(contribution);
    },
    get metrics() {
      return state === "stopped" ? undefined : contribution.metrics?.bind(contribution);
    },
    get root() {
      return state === "stopped" ? undefined : root;
    },

    async start(schedule) {
      contribution = expectContribution(
        await bounded(setupLimit, "setup", async () => o.plugin.setup(host, o.options as never)),
      );
      if (!contribution.channels) o.lineup.dismiss(config.name);
      const app = contribution.routes?.(o.createApp() as never);
      state = "ok";
      sentence = refreshes() ? "waiting for the first refresh" : "running";
      if (contribution.root) root = (at) => contribution.root?.(at as never) ?? at;
      if (!schedule) return app;
      await ports.open(contribution.listeners ?? []);
      startJobs(contribution.jobs ?? {}, { clock, log, signal });
      if (refreshes()) loop = startLoop(clock, signal, runRefresh);
      return app;
    },

    async reconfigure(next, options) {
      if (state === "starting" || state === "stopped" || !contribution.reconfigure) return false;
      try {
        const take = async () => contribution.reconfigure?.(options);
        if ((await bounded(reconfigureLimit, "taking the new config", take)) !== true) return false;
      } catch (error) {
        log.warn(`it is restarted: ${reasonOf(error)}`);
        return false;
      }
      config = next;
      return true;
    },

    async refresh(forget) {
      clean ||= forget;
      if (loop) await loop.wake();
      else if (refreshes()) await runRefresh();
    },

    async stop() {
      if (state === "stopped") return;
      state = "stopped";
      sentence = "stopped";
      o.lineup.dismiss(config.name);
      controller.abort(new HeadendError("instance.stopped", { instance: config.name }));
      const late = new AbortController();
      const limit = clock.sleep(stopLimit, late.signal).then(
        () => log.warn(`did not stop within ${formatDuration(stopLimit)}`),
        () => {},
      );
      const stopping = (async () => contribution.stop?.())().catch((error) =>
        log.warn(`stop failed: ${reasonOf(error)}`),
      );
      await Promise.race([Promise.all([stopping, ports.close()]), limit]);
      late.abort();
    },
  };
}
