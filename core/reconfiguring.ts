// A changed config that running instances take without a restart, where only their plugin's own keys changed.
import { adoptDefaults } from "./config/adopt.ts";
import { differsInOptions, type InstanceConfig } from "./config/index.ts";
import type { Instance } from "./instance.ts";
import type { Plugin } from "./plugin.ts";

export interface ReconfiguringOptions {
  readonly instances: ReadonlyMap<string, Instance>;
  /** @throws when no plugin can be had by this name */
  load(use: string): Promise<Plugin>;
  /** @throws with every problem of the plugin's own keys */
  checkOptions(config: InstanceConfig, plugin: Plugin): unknown;
}

/** The names of those that go on with the config that is next. */
export async function reconfigure(
  o: ReconfiguringOptions,
  before: readonly InstanceConfig[],
  next: readonly InstanceConfig[],
): Promise<readonly string[]> {
  const old = new Map(before.map((config) => [config.name, config]));
  const takes = async (config: InstanceConfig): Promise<boolean> => {
    const instance = o.instances.get(config.name);
    const known = old.get(config.name);
    if (!instance || !known || !differsInOptions(known, config)) return false;
    const options = o.checkOptions(config, await o.load(config.use));
    return await instance.reconfigure(adoptDefaults(config, options), options);
  };
  // What is wrong is said when the instance is started anew, which fails for the same reason.
  const took = await Promise.all(next.map((config) => takes(config).catch(() => false)));
  return next.flatMap(({ name }, index) => (took[index] ? [name] : []));
}
