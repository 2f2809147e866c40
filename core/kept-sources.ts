// Which files an instance's guide was made of last: a merge that comes before its first refresh still has them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "./cache.ts";
import type { MergeSource } from "./guide/types.ts";
import type { Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";

export interface KeptSources {
  /** Reads what an earlier run kept. */
  load(instance: string): Promise<void>;
  get(instance: string): readonly MergeSource[];
  /** Keeps a newer list; writes nothing when it is the same. */
  keep(instance: string, sources: readonly MergeSource[]): void;
}

export function createKeptSources(data: string, log: Logger): KeptSources {
  const kept = new Map<string, readonly MergeSource[]>();
  const pathOf = (instance: string) => join(data, "instances", instance, "sources.json");
  return {
    async load(instance) {
      if (kept.has(instance)) return;
      const text = await readFile(pathOf(instance), "utf8").catch(() => "[]");
      try {
        kept.set(instance, JSON.parse(text) as MergeSource[]);
      } catch {
        kept.set(instance, []);
      }
    },
    get: (instance) => kept.get(instance) ?? [],
    keep(instance, sources) {
      const text = JSON.stringify(sources);
      if (text === JSON.stringify(kept.get(instance) ?? [])) return;
      kept.set(instance, sources);
      replaceFile(pathOf(instance), text).catch((error: unknown) =>
        log.warn(`${instance}: the list of its guides could not be kept: ${reasonOf(error)}`),
      );
    },
  };
}
