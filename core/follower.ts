// Follows the config file, and changes it for an instance that asks: one after the other, so that no two get mixed up.
import { mkdir, realpath, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Assembly, checkInstances, createPluginLoader, readWanted, type Setting, wantedOf } from "./assembly.ts";
import { removeLeftovers } from "./cache.ts";
import { systemClock } from "./clock.ts";
import {
  type Config,
  type ConfigDraft,
  diffConfig,
  editConfig,
  findSubstitutions,
  formatProblem,
  isConfiguredByEnvironment,
  newConfigFile,
  type Problem,
  readAsWritten,
  readText,
  replaceText,
  settling,
  sortProblems,
} from "./config/index.ts";
import { HeadendError } from "./errors.ts";
import type { ConfigDoor } from "./host.ts";
import type { ConfigChange } from "./plugin.ts";
import { reasonOf } from "./reason.ts";
import { redact } from "./redact.ts";
import type { Wanted } from "./supervisor.ts";

export interface Follower extends ConfigDoor {
  /** Puts the config in force with which it was made; call it once, first. */
  start(): void;
  /** Reads the config again, and puts it in force if it is right. `noticed`: the file is seen to be another. */
  reload(noticed?: "noticed"): Promise<void>;
  /** The text of the file, as far as it was written here and nobody is known to have written another since. */
  written(): string | undefined;
}

export interface FollowerOptions {
  readonly setting: Setting;
  /** The config as the process was started with it. */
  readonly first: Config;
  /** Asked when needed: it is made with the door that this is. */
  assembly(): Pick<Assembly, "log" | "server" | "supervisor" | "refuseConfig">;
  /** Told the config file that was made where there was none. */
  made?(file: string): void;
}

/** How often a change is made anew when somebody else writes the file at the same time. */
const attempts = 3;

export function createFollower(o: FollowerOptions): Follower {
  const { setting, first } = o;
  let wanted = wantedOf(first);
  let { file } = first;
  let queue: Promise<unknown> = Promise.resolve();
  /** The text that was written last, and put in force. */
  let written: string | undefined;
  /** The file said something when it was last put in force. */
  let full = !first.empty;

  function enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    const run = queue.then(work);
    queue = run.catch(() => {});
    return run;
  }

  /** All that is wrong with a config. Instances that stay as they are stay: a plugin that went missing is no reason. */
  async function judge(config: Config, before: Wanted): Promise<readonly Problem[]> {
    const old = new Map(before.instances.map(({ name, fingerprint }) => [name, fingerprint]));
    const changed = config.instances.filter(({ name, fingerprint }) => old.get(name) !== fingerprint);
    const loader = createPluginLoader(setting, before.settings.data, config.file);
    return sortProblems([...config.problems, ...(await checkInstances(changed, loader))]);
  }

  /**
   * What is wrong with the config as it is now; nothing: it is in force.
   *
   * @param draft what was just written: the file may be somebody else's by now, and half a one
   */
  async function follow(draft?: ConfigDraft): Promise<readonly Problem[]> {
    const { log, server, supervisor, refuseConfig } = o.assembly();
    const before = wanted;
    const config = await readWanted(setting, draft);
    const problems = await judge(config, before);
    if (!config.settings || problems.length > 0) {
      for (const problem of problems) log.error(formatProblem(problem));
      log.error("the changed config is refused; the one before stays in force");
      refuseConfig(sentenceOf(problems));
      return problems;
    }
    refuseConfig(undefined);
    const next = wantedOf(config);
    const { start, stop, restart, settings, later } = diffConfig(before, next);
    for (const key of later) log.warn(`${key} changed: counts after the headend is started again`);
    log.configure(next.settings.log);
    server.configure(next.settings);
    wanted = next;
    full = !config.empty;
    const reconfigured = await supervisor.apply(next);
    const restarted = restart.map(({ name }) => name).filter((name) => !reconfigured.includes(name));
    const list = (names: readonly string[]) => names.join(",") || "-";
    log.info("config read again", {
      started: list(start.map(({ name }) => name)),
      ...(reconfigured.length > 0 ? { reconfigured: list(reconfigured) } : {}),
      restarted: list(restarted),
      stopped: list(stop),
      settings: list(settings),
    });
    return [];
  }

  /** The text as it would be. @throws HeadendError `config.*` */
  async function draft(at: string, text: string, instance: string, changes: readonly ConfigChange[]): Promise<string> {
    const before = await judge(await readWanted(setting, { file: at, text }), wanted);
    if (before.length > 0) throw new HeadendError("config.broken", { reason: sentenceOf(before) });
    await expectKnownSecrets(text, instance, changes);
    const next = editConfig(text, ["instances", instance], changes);
    const after = await judge(await readWanted(setting, { file: at, text: next }), wanted);
    if (after.length > 0) throw new HeadendError("config.usage", { reason: sentenceOf(after) });
    return next;
  }

  async function change(instance: string, changes: readonly ConfigChange[]): Promise<void> {
    const at = file ?? newFile();
    const { log } = o.assembly();
    for (let attempt = 1; ; attempt++) {
      try {
        const before = await steadyTextOf(at);
        // A file that is away or empty for a moment, as some editors do it, is not one that says nothing.
        if (file && before === undefined) throw new HeadendError("config.broken", { reason: `${at} does not exist` });
        if (full && file && !before) throw new HeadendError("config.broken", { reason: `${at} is empty just now` });
        const next = await draft(at, before ?? "", instance, changes);
        if (next === before) return;
        if (!file) await mkdir(dirname(at), { recursive: true });
        if (!(await replaceText(at, before, next))) throw new HeadendError("config.overtaken");
        await settle(at, before, next);
        log.info(`${instance} changed the config file`, { file: at });
        return;
      } catch (error) {
        // Of a file that is broken it may have been half that was read.
        const code = error instanceof HeadendError ? error.code : "";
        if (attempt === attempts || !["config.broken", "config.overtaken"].includes(code)) throw error;
        if (code === "config.broken") await systemClock.sleep(settling);
      }
    }
  }

  /** Puts in force what was written, or else what was there before back in its place. */
  async function settle(at: string, before: string | undefined, next: string): Promise<void> {
    const problems = await follow({ file: at, text: next });
    if (problems.length > 0) {
      if (before !== undefined) await replaceText(at, next, before);
      else if ((await textOf(at)) === next) await rm(at);
      throw new HeadendError("config.usage", { reason: sentenceOf(problems) });
    }
    written = next;
    if (file !== undefined) return;
    file = at;
    o.made?.(at);
  }

  /** Takes away what a process that was killed while it wrote left beside the file. */
  async function tidy(): Promise<void> {
    const path = file === undefined ? undefined : await realpath(file).catch(() => undefined);
    if (path !== undefined) await removeLeftovers(dirname(path), 0);
  }

  /** @throws HeadendError `config.fileless` */
  function newFile(): string {
    const { env, cwd } = setting;
    if (isConfiguredByEnvironment(env))
      throw new HeadendError("config.fileless", { reason: "this headend is configured by environment variables" });
    return newConfigFile(env, cwd);
  }

  return {
    start() {
      const { log, supervisor } = o.assembly();
      void enqueue(() => supervisor.apply(wanted)).catch((error) => log.error(reasonOf(error)));
      void enqueue(tidy);
    },
    written: () => written,
    async reload(noticed) {
      const { log } = o.assembly();
      const read = async () => {
        // What was written here is in force.
        if (noticed && file !== undefined && (await textOf(file).catch(() => undefined)) === written) return;
        written = undefined;
        await follow();
      };
      await enqueue(read).catch((error) =>
        log.error(`the changed config could not be put in force: ${reasonOf(error)}`),
      );
    },
    async read(instance) {
      return file === undefined ? undefined : await readAsWritten((await textOf(file)) ?? "", ["instances", instance]);
    },
    change: (instance, changes) => enqueue(() => change(instance, changes)),
  };
}

/**
 * Whoever may change an instance is not thereby one who may read this machine's files and environment: of `${…}` only
 * what stands in the instance's part already can be put there.
 *
 * @throws HeadendError `config.usage`
 */
async function expectKnownSecrets(text: string, instance: string, changes: readonly ConfigChange[]): Promise<void> {
  const known = findSubstitutions(await readAsWritten(text, ["instances", instance]));
  for (const { path, value } of changes) {
    const [strange] = [...findSubstitutions(value)].filter((each) => !known.has(each));
    if (strange === undefined) continue;
    const key = ["instances", instance, ...path].join(".");
    const reason = `${key}: \${…} can be put in by hand only; a plain \${ is written $\${`;
    throw new HeadendError("config.usage", { reason });
  }
}

/** The text of the file; undefined where there is none. @throws HeadendError `config.broken` */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readText(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new HeadendError("config.broken", { reason: `${file} ${reasonOf(error)}` }, error);
  }
}

/** As `textOf()`; a file that is away, empty or no text for a moment is given the time to be written. */
async function steadyTextOf(file: string): Promise<string | undefined> {
  const text = await textOf(file).catch(() => "");
  if (text) return text;
  await systemClock.sleep(settling);
  return await textOf(file);
}

/** For whoever asked, who may be no reader of the log. */
function sentenceOf(problems: readonly Problem[]): string {
  return redact(problems.map(formatProblem).join("; "));
}
