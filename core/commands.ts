// The commands that end by themselves: check, plugins, refresh.
import process from "node:process";
import {
  assemble,
  checkInstances,
  createPluginLoader,
  outliveStrays,
  readWanted,
  type Setting,
  wantedOf,
} from "./assembly.ts";
import { systemClock } from "./clock.ts";
import { describePlugin, describePluginSchema, formatProblem, sortProblems } from "./config/index.ts";
import { createProgress } from "./progress.ts";
import { allWell, formatRefresh, formatTable } from "./report.ts";

/** Reads the config and every plugin it names; prints every problem. */
export async function runCheck(setting: Setting): Promise<number> {
  const config = await readWanted(setting);
  const loader = createPluginLoader(setting, config.settings?.data ?? setting.cwd, config.file);
  const problems = sortProblems([...config.problems, ...(await checkInstances(config.instances, loader))]).map(
    formatProblem,
  );
  const from = config.file ?? "no config file, so the built-in one";
  if (problems.length === 0) process.stdout.write(`${from}: nothing wrong; ${config.instances.length} instances\n`);
  else process.stderr.write(`${problems.join("\n")}\n`);
  return problems.length === 0 ? 0 : 2;
}

/** Lists what `use:` can name, or describes one. */
export async function runPlugins(setting: Setting, name: string | undefined, schema: boolean): Promise<number> {
  if (name === undefined) {
    const config = await readWanted(setting);
    const uses = (plugin: string) => config.instances.filter((instance) => instance.use === plugin).map((i) => i.name);
    const named = new Set([...setting.builtins.map(({ name }) => name), ...config.instances.map(({ use }) => use)]);
    const rows = [...named].map((name) => [name, uses(name).join(", ") || "-"]);
    process.stdout.write(`${formatTable([["plugin", "instances"], ...rows])}\n`);
    return 0;
  }
  const config = await readWanted(setting);
  const plugin = await createPluginLoader(setting, config.settings?.data ?? setting.cwd, config.file).load(name);
  const text = schema ? JSON.stringify(describePluginSchema(plugin), null, 2) : describePlugin(plugin);
  process.stdout.write(`${text}\n`);
  return 0;
}

/** One refresh of everything; 0, or 3 when a source failed. */
export async function runRefresh(setting: Setting): Promise<number> {
  const config = await readWanted(setting);
  for (const problem of config.problems) process.stderr.write(`${formatProblem(problem)}\n`);
  const progress = createProgress(process.stderr, systemClock);
  // Nobody is being served: the guide need not be merged out of the way.
  const alone = { ...setting, worker: undefined };
  const { log, supervisor, close } = await assemble(alone, config, {
    schedule: false,
    progress: progress.merge,
    writeLog: progress.write,
  });
  outliveStrays(log);
  const refreshed = supervisor.apply(wantedOf(config)).then(() => supervisor.refreshAll());
  const code = await Promise.race([refreshed, signalled()]);
  progress.end();
  if (code !== undefined) {
    await close();
    return code;
  }
  process.stdout.write(`${formatRefresh(supervisor)}\n`);
  const well = allWell(supervisor) && config.problems.length === 0;
  await close();
  return well ? 0 : 3;
}

/** The exit code that says which signal came. */
function signalled(): Promise<number> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve(130));
    process.once("SIGTERM", () => resolve(143));
  });
}
