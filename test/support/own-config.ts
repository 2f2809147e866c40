// An instance's part of a config file that is a text in memory: changed as the real file is, checked by nobody.
import { parse } from "yaml";
import { editConfig } from "../../core/config/index.ts";
import type { OwnConfig } from "../../core/plugin.ts";

/** `text` is the whole file; undefined: there is none. */
export interface TestConfig extends OwnConfig {
  text: string | undefined;
  /** What the next changes are refused with; undefined: they are made. */
  refusal: Error | undefined;
  /** Called with what stands there after a change, before `change()` resolves: where core would reconfigure. */
  changed: ((value: unknown) => void | Promise<void>) | undefined;
}

export function createTestConfig(instance: string): TestConfig {
  const config: TestConfig = {
    text: undefined,
    refusal: undefined,
    changed: undefined,
    async read() {
      const file: { instances?: Record<string, unknown> } | null = parse(config.text ?? "");
      return file?.instances?.[instance];
    },
    async change(changes) {
      if (config.refusal) throw config.refusal;
      config.text = editConfig(config.text ?? "", ["instances", instance], changes);
      await config.changed?.(await config.read());
    },
  };
  return config;
}
