// Reads the config: one file, or the environment, or neither; all problems at once.
import { dirname } from "node:path";
import { parseListen } from "./address.ts";
import type { Flags } from "./command.ts";
import { type ConfigDocument, type ConfigNode, nodeAt, parseConfigDocument, plainOf, plantConfig } from "./document.ts";
import { type EnvironmentReader, readEnvironment } from "./environment.ts";
import { expectSize, readText } from "./file.ts";
import { findConfigFile, findDataFolder, nameFile } from "./find.ts";
import { checkRanges, type Defaults, type InstanceConfig, mergeInstances, readInstances } from "./instances.ts";
import { type Problem, sortProblems } from "./problem.ts";
import { isRelayEnvironment, readRelayEnvironment } from "./relay.ts";
import { configSchema } from "./schema.ts";
import { readSettings, type Settings } from "./settings.ts";
import { createSubstitution, describeFileError, type Environment } from "./substitute.ts";
import { validate } from "./validate.ts";

export { type Command, type Flags, helpText, parseCommand } from "./command.ts";
export { describeConfig, describePlugin, describePluginSchema } from "./describe.ts";
export { diffConfig, differsInOptions } from "./diff.ts";
export { editConfig } from "./edit.ts";
export { newConfigFile, readText, replaceText, settling } from "./file.ts";
export { processEnvironment } from "./find.ts";
export { checkOptions, type Defaults, type InstanceConfig, type InstanceStreams } from "./instances.ts";
export { formatProblem, type Problem, sortProblems } from "./problem.ts";
export { isRelayEnvironment as isConfiguredByEnvironment } from "./relay.ts";
export type { GuideSettings, LogSettings, Settings, StreamsSettings } from "./settings.ts";
export { findSubstitutions } from "./substitute.ts";
export { watchConfig } from "./watch.ts";

export interface ReadOptions {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
  readonly defaults: Defaults;
  /** Forms in which the environment says what a file does not. */
  readonly environments?: readonly EnvironmentReader[];
  /** Read in place of the file that would be. */
  readonly draft?: ConfigDraft;
}

/** A text that is to become a file. */
export interface ConfigDraft {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
}

/** What a config says: of the instances those that are right, and the settings unless anything outside instances is wrong. */
export interface Config {
  /** Absolute path of the file that was read, or should have been. */
  readonly file?: string;
  /** The file says nothing. */
  readonly empty?: true;
  readonly settings?: Settings;
  readonly instances: readonly InstanceConfig[];
  /** In the order of the file. */
  readonly problems: readonly Problem[];
}

/** Reads the config that flags, environment and current folder lead to. Never throws: what is wrong is a problem. */
export async function readConfig(o: ReadOptions): Promise<Config> {
  const { flags, env, cwd, defaults, draft } = o;
  const file = draft?.file ?? (await findConfigFile(flags, env, cwd));
  const name = file === undefined ? "environment" : nameFile(file, cwd);
  const substitution = createSubstitution(env, file === undefined ? cwd : dirname(file));
  const relay = file === undefined && isRelayEnvironment(env);
  const document: ConfigDocument =
    file !== undefined
      ? await readDocument(file, name, substitution, draft?.text)
      : relay
        ? readRelay(env)
        : (readEnvironment(o.environments ?? [], env) ?? { problems: [] });
  const problems = [...document.problems, ...checkFlags(flags)];
  const empty = isEmpty(document.root);
  const at = { ...(file === undefined ? {} : { file }), ...(empty ? ({ empty } as const) : {}) };
  if (!document.root && document.problems.length > 0) return { ...at, instances: [], problems: sortProblems(problems) };

  const root = isEmpty(document.root) ? plantConfig({}, { file: name, line: 1, column: 1 }) : document.root;
  const configFolder = file === undefined ? cwd : dirname(file);
  const checked = validate(configSchema, { node: withoutInstances(root), at: [] });
  const right = !problems.some(({ key }) => !/^instances[.[]/.test(key));
  if ("problems" in checked) problems.push(...checked.problems);
  const settings =
    "value" in checked
      ? withFlags(readSettings(checked.value, findDataFolder(o, checked.value.data, configFolder)), flags)
      : undefined;
  const user = root.children.get("instances");
  const nodes = mergeInstances(user?.kind === "map" ? user : undefined, defaults, problems);
  const instances = readInstances(nodes, settings?.lineup.ranges ?? {}, substitution.secrets, problems);
  problems.push(
    ...checkRanges(
      root,
      nodes.map(({ text = "" }) => text),
    ),
  );
  return { ...at, ...(settings && right ? { settings } : {}), instances, problems: sortProblems(problems) };
}

/** What a text says at a path, `${…}` not filled in; undefined where nothing stands there. */
export async function readAsWritten(text: string, path: readonly string[]): Promise<unknown> {
  const asIs = { fill: async (written: string) => ({ text: written, reasons: [] }), secrets: new Set<string>() };
  const { root } = await parseConfigDocument(text, "", asIs);
  const found = root && nodeAt(root, path);
  return found && plainOf(found);
}

function isEmpty(root: ConfigNode | undefined): root is undefined {
  return root === undefined || root.value === null;
}

/** The core's own keys: sections that are there but empty count as absent, and instances are checked one by one. */
function withoutInstances(root: ConfigNode): ConfigNode {
  const isChecked = (key: string, node: ConfigNode) =>
    node.value !== null && (key !== "instances" || node.kind !== "map");
  return { ...root, children: new Map([...root.children].filter(([key, node]) => isChecked(key, node))) };
}

async function readDocument(
  file: string,
  name: string,
  substitution: Parameters<typeof parseConfigDocument>[2],
  draft: string | undefined,
): Promise<ConfigDocument> {
  const refuse = (reason: string) => ({ problems: [{ file: name, line: 0, column: 0, key: "", reason }] });
  try {
    if (draft !== undefined) expectSize(new TextEncoder().encode(draft).length);
    return await parseConfigDocument(draft ?? (await readText(file)), name, substitution);
  } catch (error) {
    return refuse(error instanceof TypeError ? error.message : describeFileError(error));
  }
}

function readRelay(env: Environment): ConfigDocument {
  const { config, problems } = readRelayEnvironment(env);
  // With a variable missing nothing below could add a word that helps.
  if (problems.length > 0) return { problems };
  return { root: plantConfig(config, { file: "environment", line: 0, column: 0 }), problems };
}

function checkFlags(flags: Flags): Problem[] {
  if (flags.listen === undefined || parseListen(flags.listen)) return [];
  return [{ file: "command line", line: 0, column: 0, key: "--listen", reason: "expected host:port, :port or a port" }];
}

function withFlags(settings: Settings, { listen, logLevel, logFormat }: Flags): Settings {
  const { level, format } = settings.log;
  return {
    ...settings,
    listen: (listen === undefined ? undefined : parseListen(listen)) ?? settings.listen,
    log: { level: logLevel ?? level, format: logFormat ?? format },
  };
}
