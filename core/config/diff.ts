// What a new config changes: which instances start, stop or restart, and which settings are other ones.
import type { InstanceConfig } from "./instances.ts";
import type { Settings } from "./settings.ts";

/** A config that can be run. */
export interface RunnableConfig {
  readonly settings: Settings;
  readonly instances: readonly InstanceConfig[];
}

export interface ConfigDiff {
  readonly start: readonly InstanceConfig[];
  /** Names. */
  readonly stop: readonly string[];
  readonly restart: readonly InstanceConfig[];
  /** Settings that changed, of those that can change while running. */
  readonly settings: readonly (keyof Settings)[];
  /** Settings that changed but count only after the process is started again. */
  readonly later: readonly (keyof Settings)[];
}

const fixed: readonly string[] = ["listen", "data"] satisfies (keyof Settings)[];

export function diffConfig(before: RunnableConfig, after: RunnableConfig): ConfigDiff {
  const old = new Map(before.instances.map((instance) => [instance.name, instance]));
  const names = new Set(after.instances.map(({ name }) => name));
  const keys = new Set([...Object.keys(before.settings), ...Object.keys(after.settings)]) as Set<keyof Settings>;
  const changed = [...keys].filter(
    (key) => JSON.stringify(before.settings[key]) !== JSON.stringify(after.settings[key]),
  );
  return {
    start: after.instances.filter(({ name }) => !old.has(name)),
    stop: [...old.keys()].filter((name) => !names.has(name)),
    restart: after.instances.filter(
      ({ name, fingerprint }) => (old.get(name)?.fingerprint ?? fingerprint) !== fingerprint,
    ),
    settings: changed.filter((key) => !fixed.includes(key)),
    later: changed.filter((key) => fixed.includes(key)),
  };
}

/** True when two configs of an instance differ in the plugin's own keys, and in none of core's. */
export function differsInOptions(before: InstanceConfig, after: InstanceConfig): boolean {
  const frame = ({ options: _, fingerprint: __, locate: ___, origin: ____, ...keys }: InstanceConfig) =>
    JSON.stringify(keys);
  return before.fingerprint !== after.fingerprint && frame(before) === frame(after);
}
