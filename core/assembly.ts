// Puts the headend together from a config: data folder, lineup, guide, server and supervisor, wired by hand.
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { defaults as always } from "../plugins/index.ts";
import { defaults as unconfigured } from "../providers/index.ts";
import { removeLeftovers } from "./cache.ts";
import { systemClock } from "./clock.ts";
import {
  type Config,
  type ConfigDraft,
  checkOptions,
  type Flags,
  formatProblem,
  type InstanceConfig,
  type Problem,
  readConfig,
} from "./config/index.ts";
import type { Environment } from "./config/substitute.ts";
import { createDoctor, type DoctorDoor } from "./doctor/door.ts";
import { HeadendError } from "./errors.ts";
import { createOriginLimiter } from "./fetch/index.ts";
import { createGuide } from "./guide/index.ts";
import type { ConfigDoor } from "./host.ts";
import type { Hub } from "./hub/index.ts";
import { createLineup } from "./lineup/index.ts";
import { createStore } from "./lineup/store.ts";
import { createLoader, type Loader } from "./loader.ts";
import { lockFolder } from "./lock.ts";
import { createLog, type Log } from "./log.ts";
import { guideSettings } from "./merging.ts";
import type { Clock, Plugin } from "./plugin.ts";
import { createPortBook } from "./ports.ts";
import { reasonOf } from "./reason.ts";
import { redact } from "./redact.ts";
import { diskReason } from "./replacement.ts";
import { releaseMemorySoon } from "./runtime/memory.ts";
import { importFile } from "./runtime/modules.ts";
import { serve } from "./runtime/serve.ts";
import { type ConfigRefusal, createServer, type Server } from "./server/index.ts";
import { keepSessionKey } from "./session-key.ts";
import { createHeadend } from "./status.ts";
import { createStreams } from "./streams.ts";
import { createSupervisor, type Supervisor, type SupervisorOptions, type Wanted } from "./supervisor.ts";
import { userAgent, version } from "./version.ts";

/** What the process was started with. */
export interface Setting {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  readonly builtins: readonly Plugin[];
  /** The guide's worker; undefined where merges may hold up everything else. */
  readonly worker: URL | undefined;
  /** Shown to viewers while no upstream of a channel works. */
  slate?(clock: Clock, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface Assembly {
  readonly log: Log;
  readonly server: Server;
  readonly supervisor: Supervisor;
  readonly hub: Hub;
  readonly doctor: DoctorDoor;
  /** True once every instance had its first try, and the merged files are served. */
  isReady(): boolean;
  /** Says in the status that the config file as it is now is refused, and why; undefined: it is in force. */
  refuseConfig(sentence: string | undefined): void;
  /** Stops everything and gives the data folder back. */
  close(): Promise<void>;
}

/** Reads the config with what runs by itself; or what it would be with a text in place of the file. */
export function readWanted(setting: Setting, draft?: ConfigDraft): Promise<Config> {
  const { flags, env, cwd } = setting;
  const environments = setting.builtins.flatMap(({ environment }) => environment ?? []);
  return readConfig({ flags, env, cwd, defaults: { always, unconfigured }, environments, ...(draft ? { draft } : {}) });
}

/** The config when it can be run. @throws HeadendError `config.usage` with every problem, a line each. */
export function wantedOf(config: Config): Wanted {
  const { settings, instances, problems } = config;
  if (!settings) throw new HeadendError("config.usage", { reason: problems.map(formatProblem).join("\n") });
  const invalid = new Map<string, string>();
  for (const problem of problems) {
    const [, name = ""] = /^instances\.([a-z0-9_-]+)/.exec(problem.key) ?? [];
    if (name && !instances.some((instance) => instance.name === name) && !invalid.has(name))
      invalid.set(name, formatProblem(problem));
  }
  return { settings, instances, invalid };
}

export function createPluginLoader(setting: Setting, dataFolder: string, configFile: string | undefined): Loader {
  const configFolder = configFile ? dirname(configFile) : setting.cwd;
  return createLoader({ builtins: setting.builtins, dataFolder, configFolder, importFile, clock: systemClock });
}

/** Every problem of the instances' own keys, and of the plugins that they use. */
export async function checkInstances(instances: readonly InstanceConfig[], loader: Loader): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const instance of instances) {
    try {
      const checked = checkOptions(instance, await loader.load(instance.use));
      if ("problems" in checked) problems.push(...checked.problems);
    } catch (error) {
      problems.push({ ...instance.locate(["use"]), key: `instances.${instance.name}.use`, reason: reasonOf(error) });
    }
  }
  return problems;
}

/** A stray failure of one plugin must not end the others. */
export function outliveStrays(log: Log): void {
  process.on("unhandledRejection", (error) => log.error(`unhandled rejection: ${reasonOf(error)}`, { error }));
  process.on("uncaughtException", (error) => log.error(`uncaught exception: ${reasonOf(error)}`, { error }));
}

const closedDoor: ConfigDoor = {
  read: async () => undefined,
  async change() {
    throw new HeadendError("config.fileless", { reason: "this run does not follow a config file" });
  },
};

/** Builds everything; nothing runs until the supervisor is told what is wanted. */
export async function assemble(
  setting: Setting,
  config: Config,
  {
    writeLog,
    door = closedDoor,
    ...extra
  }: Pick<SupervisorOptions, "schedule" | "progress" | "refreshed"> & {
    readonly writeLog?: (line: string) => void;
    /** Absent: the config is read once, and nobody changes it. */
    readonly door?: ConfigDoor;
  },
): Promise<Assembly> {
  const { settings } = wantedOf(config);
  const clock = systemClock;
  const log = createLog({ ...settings.log, clock, ...(writeLog && { write: writeLog }) });
  const data = settings.data;
  const lock = await lockFolder(data);
  if (lock.unwritable) log.error(`${lock.unwritable.message}; what it holds is served until it can`);
  // A disk that refuses has been told of; whoever writes there says so again.
  for (const name of ["lineup", "guide", "instances", "plugins"])
    await mkdir(join(data, name), { recursive: true, mode: 0o700 }).catch(() => {});
  // Before anything is written: a file in the making of this run looks like one of the last.
  for (const name of ["lineup", "guide", "instances"]) await removeLeftovers(join(data, name));
  const lineup = createLineup({
    store: createStore(join(data, "lineup")),
    log: log.child("lineup"),
    clock,
    ...(extra.schedule ? {} : { releaseMemory: releaseMemorySoon }),
  });
  const guide = createGuide({
    folder: join(data, "guide"),
    clock,
    log: log.child("guide"),
    ...(setting.worker && { worker: setting.worker }),
    settings: guideSettings(settings.guide),
  });
  await guide
    .restore()
    .catch((error) => log.error(`the last good guide could not be put in order: ${diskReason(error)}`));
  let refusal: ConfigRefusal | undefined;
  const headend = createHeadend({ lineup, guide, clock, supervisor: () => supervisor, refusal: () => refusal });
  const streams = createStreams({
    clock,
    log: log.child("hub"),
    lineup,
    guide,
    instance: (name) => supervisor.instances.get(name),
    instances: () => supervisor.instances.values(),
    slate: setting.slate,
    settings: () => supervisor.settings.streams,
    folder: join(data, "timeshift"),
  });
  const { hub } = streams;
  const ffmpeg = {
    ...(settings.streams.ffmpeg === undefined ? {} : { path: settings.streams.ffmpeg }),
    ...(setting.env.FFMPEG_PATH ? { environment: setting.env.FFMPEG_PATH } : {}),
  };
  const sessionKey = await keepSessionKey(data);
  const doctor = createDoctor(() => {
    return {
      version,
      clock,
      log: log.child("doctor"),
      lineup,
      hub,
      ffmpeg,
      supervisor,
      sessionKey,
      isReady: headend.ready,
    };
  });
  const server = createServer({ ...settings, sessionKey, headend, streams, doctor, log: log.child("server"), clock });
  const supervisor = createSupervisor({
    shared: {
      clock,
      lineup,
      guide,
      data,
      hub,
      ffmpeg,
      limiter: createOriginLimiter(),
      configFolder: config.file ? dirname(config.file) : setting.cwd,
      userAgent,
      baseUrl: (request) => server.baseUrl(request),
      viewer: (request) => server.viewer(request),
      config: door,
    },
    log,
    loader: createPluginLoader(setting, data, config.file),
    lineup,
    guide,
    mounts: server.router,
    checkOptions(instance, plugin) {
      const checked = checkOptions(instance, plugin);
      if ("config" in checked) return checked.config;
      throw new HeadendError("config.usage", { reason: checked.problems.map(formatProblem).join("; ") });
    },
    endStreams: (name) => hub.stop(name),
    listen: createPortBook({
      server: () => settings.listen.port,
      listen: (name, listener) =>
        serve({
          host: listener.host ?? settings.listen.host,
          port: listener.port,
          fetch: server.answerPort(name, listener),
        }),
    }),
    ...extra,
  });
  return {
    log,
    server,
    supervisor,
    hub,
    doctor,
    isReady: () => headend.ready(),
    refuseConfig(sentence) {
      // It is refused since it was first so.
      const since = refusal?.since ?? new Date(clock.now()).toISOString();
      refusal = sentence === undefined ? undefined : { sentence: redact(sentence), since };
    },
    async close() {
      await streams.close();
      await supervisor.stop();
      await Promise.all([guide.close(), lineup.close()]);
      lock.release();
    },
  };
}
