// Keeps the instances as the config wants them: starts, reloads and stops them, each apart from the others.
import type { AnyElysia } from "elysia";
import { createBounded } from "./bounded.ts";
import { adoptDefaults } from "./config/adopt.ts";
import type { InstanceConfig, Settings } from "./config/index.ts";
import { HeadendError } from "./errors.ts";
import type { GuideKeeper } from "./guide/index.ts";
import type { MergeProgress, MergeSource } from "./guide/types.ts";
import { createHost, type HostShared } from "./host.ts";
import { createInstance, type Instance, type RefreshResult } from "./instance.ts";
import { createKeptSources } from "./kept-sources.ts";
import type { LineupKeeper } from "./lineup/index.ts";
import type { Loader } from "./loader.ts";
import type { Log } from "./log.ts";
import { createMerging, guideSettings, type Merging } from "./merging.ts";
import type { Listener } from "./plugin.ts";
import type { OpenPort } from "./ports.ts";
import { reasonOf } from "./reason.ts";
import { reconfigure } from "./reconfiguring.ts";
import { createRoots } from "./roots.ts";
import { backoff, jitter } from "./schedule.ts";
import type { Span } from "./types.ts";

/** Where instances' routes go. */
export interface Mounts {
  mount(name: string, prefix: string, app: AnyElysia): void;
  unmount(name: string): void;
  refuse(name: string, prefix: string, error: HeadendError): void;
  createApp(prefix: string): AnyElysia;
}

/** A config that has been read: what `readConfig()` gives when nothing is wrong with the file as a whole. */
export interface Wanted {
  readonly settings: Settings;
  readonly instances: readonly InstanceConfig[];
  /** Instances that the config names but describes wrongly: what is wrong, by name. */
  readonly invalid?: ReadonlyMap<string, string>;
}

export interface SupervisorOptions {
  readonly shared: HostShared;
  readonly log: Log;
  readonly loader: Loader;
  readonly lineup: LineupKeeper;
  readonly guide: GuideKeeper;
  readonly mounts: Mounts;
  /** Checks an instance's own keys. @throws HeadendError with every problem in its sentence. */
  checkOptions(config: InstanceConfig, plugin: Awaited<ReturnType<Loader["load"]>>): unknown;
  /** Opens a port of an instance's own. */
  listen(instance: string, listener: Listener): Promise<OpenPort>;
  /** False: nothing runs by itself; `refreshAll()` does one round. */
  readonly schedule: boolean;
  /** Ends every stream of an instance. */
  endStreams(instance: string): Promise<void>;
  progress?(progress: MergeProgress): void;
  refreshed?(name: string, result: RefreshResult): void;
}

/** An instance that could not be set up. */
export interface Refused {
  /** Absent when not even its config can be read. */
  readonly config?: InstanceConfig;
  readonly sentence: string;
}

export interface Supervisor {
  readonly instances: ReadonlyMap<string, Instance>;
  readonly refused: ReadonlyMap<string, Refused>;
  readonly merging: Merging;
  readonly settings: Settings;
  /**
   * Brings what runs to what is wanted; only instances whose config changed are restarted. Gives the names of those that
   * took their changes without it.
   */
  apply(wanted: Wanted): Promise<readonly string[]>;
  refresh(name: string, clean: boolean): Promise<void>;
  refreshAll(): Promise<void>;
  stop(): Promise<void>;
}

const day = 86_400_000;
/** Milliseconds for which a change of the config waits for the channels that it leads to. */
const patience = 5000;

export function createSupervisor(o: SupervisorOptions): Supervisor {
  const { clock } = o.shared;
  const instances = new Map<string, Instance>();
  const refused = new Map<string, Refused>();
  const kept = createKeptSources(o.shared.data, o.log);
  const controller = new AbortController();
  const roots = createRoots({ mounts: o.mounts, log: o.log });
  let wanted: Wanted | undefined;
  let starting = 0;

  const merging = createMerging({
    guide: o.guide,
    lineup: o.lineup,
    clock,
    log: o.log.child("guide"),
    signal: controller.signal,
    sources: () => (wanted?.instances ?? []).flatMap(({ name }) => sourcesOf(name)),
    unsettled: () => starting > 0 || [...instances.values()].some((instance) => !instance.settled),
    ...(o.progress ? { progress: o.progress } : {}),
  });

  /** What an instance's guide is made of: until it has said so itself, what it was the last time. */
  function sourcesOf(name: string): readonly MergeSource[] {
    const instance = instances.get(name);
    const listed = instance && (instance.inputs.length > 0 || (instance.last && !instance.last.error));
    return listed ? instance.inputs.flatMap((input) => input.source ?? []) : kept.get(name);
  }

  /** A setup can fail because the world is not ready yet; it is tried again while the config wants it. */
  async function retry(config: InstanceConfig, failures: number): Promise<void> {
    await clock.sleep(jitter(backoff(failures, config.refresh)), controller.signal);
    if (refused.get(config.name)?.config !== config) return;
    await startInstance(config, failures);
    void merging.request();
  }

  const settings = (): Settings => {
    if (!wanted) throw new Error("apply() comes first");
    return wanted.settings;
  };

  /** The span providers are asked for; `all` is bounded so that nobody makes programmes for ever. */
  const span = (): Span => {
    const { days, history } = settings().guide;
    const now = clock.now();
    return { from: now - (history ?? 7 * day), to: now + (days ?? 14 * day) };
  };

  async function startInstance(config: InstanceConfig, failures = 0): Promise<void> {
    const own = new AbortController();
    const end = () => own.abort(controller.signal.reason);
    controller.signal.addEventListener("abort", end, { once: true });
    const log = o.log.child(config.name);
    let instance: Instance | undefined;
    o.lineup.expect(config.name);
    starting++;
    try {
      controller.signal.throwIfAborted();
      const plugin = await o.loader.load(config.use);
      const options = o.checkOptions(config, plugin);
      instance = createInstance({
        config: adoptDefaults(config, options),
        plugin,
        options,
        host: createHost(
          {
            name: config.name,
            log,
            signal: own.signal,
            ...(config.streams.interface === undefined ? {} : { interface: config.streams.interface }),
          },
          o.shared,
        ),
        controller: own,
        lineup: o.lineup,
        rules: () => settings().lineup.rules,
        range: () => config.numbers ?? settings().lineup.ranges[config.name],
        span,
        createApp: () => o.mounts.createApp(config.mount),
        listen: (listener) => o.listen(config.name, listener),
        refreshed(result) {
          o.refreshed?.(config.name, result);
          void kept.keep(config.name, sourcesOf(config.name));
          if (o.schedule) void merging.request();
        },
      });
      const app = await instance.start(o.schedule);
      if (app) o.mounts.mount(config.name, config.mount, app);
      else o.mounts.unmount(config.name);
      refused.delete(config.name);
      instances.set(config.name, instance);
      arrangeRoots();
    } catch (error) {
      o.lineup.dismiss(config.name);
      own.abort(error);
      // What it had set up before it failed is its own to take down.
      await instance?.stop();
      if (controller.signal.aborted) return;
      const sentence = reasonOf(error);
      log.error(sentence);
      refused.set(config.name, { config, sentence });
      if (o.schedule) retry(config, failures + 1).catch(() => {});
      if (config.mount === "/") o.mounts.unmount(config.name);
      else o.mounts.refuse(config.name, config.mount, new HeadendError("instance.setup", { reason: sentence }, error));
    } finally {
      controller.signal.removeEventListener("abort", end);
      starting--;
    }
  }

  function arrangeRoots(): void {
    const running = Array.from(instances.values(), ({ config, root }) => ({ ...config, root }));
    roots.arrange(wanted?.instances ?? [], running);
  }

  /** Asks those that took another config for their channels; a slow upstream is not waited for. */
  async function refreshReconfigured(names: readonly string[]): Promise<void> {
    const asked = names.map((name) => {
      o.lineup.trust(name);
      return instances.get(name)?.refresh(false);
    });
    const bounded = createBounded(clock, controller.signal);
    await bounded(patience, "the refresh", () => Promise.all(asked)).catch(() => {});
  }

  async function stopInstance(name: string): Promise<void> {
    o.mounts.unmount(name);
    refused.delete(name);
    const instance = instances.get(name);
    instances.delete(name);
    arrangeRoots();
    // Viewers are let go and upstreams closed while the plugin can still close them well.
    await o.endStreams(name);
    await instance?.stop();
  }

  return {
    instances,
    refused,
    merging,
    get settings() {
      return settings();
    },

    async apply(next) {
      const before = wanted;
      wanted = next;
      const lineupChanged = JSON.stringify(before?.settings.lineup) !== JSON.stringify(next.settings.lineup);
      const old = new Map(before?.instances.map((config) => [config.name, config]));
      const keep = new Set(
        next.instances
          .filter((c) => instances.has(c.name) && old.get(c.name)?.fingerprint === c.fingerprint)
          .map((c) => c.name),
      );
      const reconfigured = await reconfigure(
        { instances, load: o.loader.load, checkOptions: o.checkOptions },
        before?.instances ?? [],
        next.instances,
      );
      for (const name of reconfigured) keep.add(name);
      const coming = next.instances.filter((config) => !keep.has(config.name));
      const gone = [...instances.keys(), ...refused.keys()].filter((name) => !keep.has(name));
      const stopped = gone.map(stopInstance);
      // Whoever asks too early hears that it is starting, not that nothing is there.
      for (const { name, mount } of coming)
        o.mounts.refuse(name, mount, new HeadendError("instance.starting", { instance: name }));
      await Promise.all(stopped);
      o.guide.configure(guideSettings(next.settings.guide));
      const names = next.instances.map((config) => config.name);
      const { duplicates, shrinkGuard } = next.settings.lineup;
      await Promise.all(names.map((name) => kept.load(name)));
      if (!before) await o.lineup.restore(names);
      // Another config may mean another lineup, however small.
      else for (const { name } of coming) o.lineup.trust(name);
      const deliver = Object.fromEntries(
        next.instances.flatMap(({ name, streams }) => (streams.deliver === "relay" ? [] : [[name, streams.deliver]])),
      );
      await o.lineup.arrange(names, { duplicates, shrinkGuard, deliver });
      for (const [name, sentence] of next.invalid ?? []) {
        refused.set(name, { sentence });
        o.mounts.refuse(name, `/${name}`, new HeadendError("instance.setup", { reason: sentence }));
      }
      await Promise.all(coming.map((config) => startInstance(config)));
      arrangeRoots();
      await refreshReconfigured(reconfigured);
      if (!before || !o.schedule) return reconfigured;
      if (lineupChanged) for (const name of keep) void instances.get(name)?.refresh(false);
      void merging.request();
      return reconfigured;
    },

    async refresh(name, clean) {
      const instance = instances.get(name);
      if (!instance) throw new HeadendError("instance.unknown", { instance: name });
      await instance.refresh(clean);
      await merging.request();
    },

    async refreshAll() {
      await Promise.all([...instances.values()].map((instance) => instance.refresh(false)));
      await merging.request();
    },

    async stop() {
      controller.abort(new HeadendError("instance.stopped", { instance: "headend" }));
      await Promise.all([...instances.keys()].map(stopInstance));
    },
  };
}
