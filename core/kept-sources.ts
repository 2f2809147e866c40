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
   * are removed: addresses that are signed anew every time would fill the disk. Resolves when all is on disk.
   */
  keep(instance: string, sources: readonly MergeSource[]): Promise<void>;
}

export function createKeptSources(data: string, log: Logger): KeptSources {
  const kept = new Map<string, readonly MergeSource[]>();
  /** Files that the newest list names no more; a merge may still be reading them. */
  const left = new Map<string, readonly string[]>();
  const writing = new Map<string, Promise<void>>();
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
    async keep(instance, sources) {
      const named = new Set(sources.map(({ path }) => path));
      const gone = (left.get(instance) ?? []).filter((path) => !named.has(path));
      const forgotten = Promise.all(gone.map(forget));
      const before = (kept.get(instance) ?? []).map(({ path }) => path);
      left.set(
        instance,
        before.filter((path) => !named.has(path) && isOurs(path, instance)),
      );
      const text = JSON.stringify(sources);
      const same = text === JSON.stringify(kept.get(instance) ?? []);
      kept.set(instance, sources);
      if (!same) write(instance, text);
      await Promise.all([forgotten, writing.get(instance)]);
    },
  };

  /** One after the other: the last that was said is what must stay. */
  function write(instance: string, text: string): void {
    const written = (writing.get(instance) ?? Promise.resolve())
      .then(() => replaceFile(pathOf(instance), text))
      .then(
        () => {},
        (error: unknown) => log.warn(`${instance}: the list of its guides could not be kept: ${reasonOf(error)}`),
      );
    writing.set(instance, written);
  }
}

/** Removes a document and what describes it. */
async function forget(path: string): Promise<void> {
  for (const name of [path, `${path}.json`]) await rm(name, { force: true }).catch(() => {});
}
