// Which files an instance's guide was made of last: a merge that comes before its first refresh still has them.
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { replaceFile } from "./cache.ts";
import type { MergeSource } from "./guide/types.ts";
import type { Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";

export interface KeptSources {
  /** Reads what an earlier run kept. */
  load(instance: string): Promise<void>;
  get(instance: string): readonly MergeSource[];
  /**
   * Keeps a newer list; writes nothing when it is the same. Files of ours that neither it nor the list before it names
   * are removed: addresses that are signed anew every time would fill the disk.
   */
  keep(instance: string, sources: readonly MergeSource[]): void;
}

export function createKeptSources(data: string, log: Logger): KeptSources {
  const kept = new Map<string, readonly MergeSource[]>();
  /** Files that the newest list names no more; a merge may still be reading them. */
  const left = new Map<string, readonly string[]>();
  const pathOf = (instance: string) => join(data, "instances", instance, "sources.json");
  const isOurs = (path: string, instance: string) =>
    ["documents", "brought"].some((name) => dirname(path) === join(data, "instances", instance, name));
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
      const named = new Set(sources.map(({ path }) => path));
      for (const path of left.get(instance) ?? []) if (!named.has(path)) void forget(path);
      const before = (kept.get(instance) ?? []).map(({ path }) => path);
      left.set(
        instance,
        before.filter((path) => !named.has(path) && isOurs(path, instance)),
      );
      const text = JSON.stringify(sources);
      if (text === JSON.stringify(kept.get(instance) ?? [])) return;
      kept.set(instance, sources);
      replaceFile(pathOf(instance), text).catch((error: unknown) =>
        log.warn(`${instance}: the list of its guides could not be kept: ${reasonOf(error)}`),
      );
    },
  };
}

/** Removes a document and what describes it. */
async function forget(path: string): Promise<void> {
  for (const name of [path, `${path}.json`]) await rm(name, { force: true }).catch(() => {});
}
