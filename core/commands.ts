// The commands that end by themselves: check, plugins, refresh.
import process from "node:process";
import { systemClock } from "./clock.ts";
import { allWell, formatRefresh, formatTable } from "./report.ts";
import { assemble, createPluginLoader, readWanted, type Setting } from "./assembly.ts";
import { checkOptions, describePlugin, describePluginSchema, formatProblem } from "./config/index.ts";
import { reasonOf } from "./errors.ts";
import { createProgress } from "./progress.ts";

/** Reads the config and every plugin it names; prints every problem. */
export async function runCheck(setting: Setting): Promise<number> {
  const config = await readWanted(setting);
  const problems = config.problems.map(formatProblem);
  const loader = createPluginLoader(setting, config.settings?.data ?? setting.cwd, config.file);
  for (const instance of config.instances) {
    try {
      const checked = checkOptions(instance, await loader.load(instance.use));
      if ("problems" in checked) problems.push(...checked.problems.map(formatProblem));
    } catch (error) {
      const { file, line, column } = instance.locate(["use"]);
      problems.push(formatProblem({ file, line, column, key: `instances.${instance.name}.use`, reason: reasonOf(error) }));
    }
  }
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
    const rows = setting.builtins.map((plugin) => [plugin.name, uses(plugin.name).join(", ") || "-"]);
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
  const { supervisor, close } = await assemble(setting, config, { schedule: false, progress: progress.merge });
  await supervisor.apply({ settings: config.settings ?? supervisor.settings, instances: config.instances });
  const stop = () => void close().then(() => process.exit(130));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  await supervisor.refreshAll();
  progress.end();
  process.stdout.write(`${formatRefresh(supervisor)}\n`);
  const well = allWell(supervisor) && config.problems.length === 0;
  await close();
  return well ? 0 : 3;
}
