// Keys of core's that a plugin's schema has as well: its default is that of this plugin's instances.
import { parseDuration, parseRate } from "../formats/duration.ts";
import type { InstanceConfig } from "./instances.ts";

/**
 * The instance as its plugin means it: `refresh` and `bandwidth` as the plugin's own schema filled them in.
 *
 * @param options the plugin's own keys, checked
 */
export function adoptDefaults(config: InstanceConfig, options: unknown): InstanceConfig {
  const refresh = parseDuration(textOf(options, "refresh"));
  const bandwidth = parseRate(textOf(options, "bandwidth"));
  return {
    ...config,
    ...(refresh === undefined ? {} : { refresh }),
    ...(bandwidth === undefined ? {} : { streams: { ...config.streams, bandwidth } }),
  };
}

function textOf(options: unknown, key: string): string {
  if (typeof options !== "object" || options === null || !Object.hasOwn(options, key)) return "";
  const value: unknown = Reflect.get(options, key);
  return typeof value === "string" ? value : "";
}
