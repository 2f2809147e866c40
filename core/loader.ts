// From what `use:` says to a plugin: built in, a dropped file, or an npm package. Nothing else is ever imported.
import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { hintNearest } from "./config/nearest.ts";
import { HeadendError } from "./errors.ts";
import { formatDuration } from "./formats/duration.ts";
import { findEntry, findPackage, isFile, isPackageName } from "./package.ts";
import type { Clock, Plugin } from "./plugin.ts";
import { reasonOf } from "./reason.ts";

export interface LoaderOptions {
  readonly builtins: readonly Plugin[];
  readonly dataFolder: string;
  /** The config file's folder. */
  readonly configFolder: string;
  /** The module of a file; another `version` gives the file as it is now. */
  importFile(path: string, version: string): Promise<unknown>;
  readonly clock: Clock;
}

export interface Loader {
  /**
   * The plugin that `use:` names. While its file stays as it is, the answer is the same object; a file that was changed is
   * imported anew.
   *
   * @throws HeadendError `plugin.unknown`, `plugin.load`, `plugin.shape`, `plugin.api`
   */
  load(use: string): Promise<Plugin>;
}

const ourApi = 1;
const importLimit = 30_000;

export function createLoader(o: LoaderOptions): Loader {
  const { builtins, dataFolder, configFolder } = o;
  const loaded = new Map<string, { readonly version: string; readonly plugin: Promise<Plugin> }>();
  const ownFolder = import.meta.dirname ?? ".";

  async function locate(use: string): Promise<string> {
    if (isFileName(use)) {
      const candidates = isAbsolute(use)
        ? [use]
        : [join(dataFolder, "plugins"), configFolder].map((f) => resolve(f, use));
      for (const candidate of candidates) if (await isFile(candidate)) return candidate;
      throw new HeadendError("plugin.load", { use, reason: `no file is at ${candidates.join(" or ")}` });
    }
    const folders = [join(dataFolder, "plugins"), dataFolder, configFolder, ownFolder];
    const folder = isPackageName(use) ? await findPackage(use, folders) : undefined;
    if (folder === undefined) throw new HeadendError("plugin.unknown", { use, hint: hintFor(use) });
    try {
      return await findEntry(folder);
    } catch (error) {
      throw new HeadendError("plugin.load", { use, reason: `${folder}: ${reasonOf(error)}` }, error);
    }
  }

  function hintFor(use: string): string {
    const names = builtins.map(({ name }) => name);
    if (/\.[cm]?[jt]s$/.test(use)) return `; a file is written ./${use}`;
    return hintNearest(use, names) || `; built in are ${names.sort().join(", ")}; a package must be installed first`;
  }

  async function importPlugin(use: string, path: string, version: string): Promise<Plugin> {
    const timer = new AbortController();
    const late = o.clock.sleep(importLimit, timer.signal).then(() => {
      throw new Error(`it was not loaded within ${formatDuration(importLimit)}`);
    });
    const module = await Promise.race([Promise.resolve().then(() => o.importFile(path, version)), late])
      .catch((error: unknown) => {
        const reason = reasonOf(error);
        throw new HeadendError(
          "plugin.load",
          { use, reason: reason.includes(path) ? reason : `${path}: ${reason}` },
          error,
        );
      })
      .finally(() => {
        late.catch(() => {});
        timer.abort();
      });
    return checkShape(use, module);
  }

  return {
    async load(use) {
      const builtin = builtins.find(({ name }) => name === use);
      if (builtin) return builtin;
      const path = await locate(use);
      const { mtimeMs, size, ino } = await stat(path).catch((error: unknown) => {
        throw new HeadendError("plugin.load", { use, reason: `${path}: ${reasonOf(error)}` }, error);
      });
      const version = `${mtimeMs}-${size}-${ino}`;
      const before = loaded.get(path);
      if (before?.version === version) return before.plugin;
      const entry = { version, plugin: importPlugin(use, path, version) };
      loaded.set(path, entry);
      entry.plugin.catch(() => {
        if (loaded.get(path) === entry) loaded.delete(path);
      });
      return entry.plugin;
    },
  };
}

function isFileName(use: string): boolean {
  return isAbsolute(use) || /^\.{1,2}[/\\]/.test(use);
}

/** The default export of a module, when it is a plugin that this headend can run. */
function checkShape(use: string, module: unknown): Plugin {
  const refuse = (reason: string): never => {
    throw new HeadendError("plugin.shape", { use, reason });
  };
  const exported = readKey(module, "default");
  if (exported === undefined) return refuse("it has no default export");
  // A package written in the older module form has its exports one level down.
  const plugin = readKey(exported, "setup") === undefined ? (readKey(exported, "default") ?? exported) : exported;
  if (typeof plugin === "function")
    return refuse("its default export is a function, not the result of definePlugin({ … })");
  if (typeof plugin !== "object" || plugin === null)
    return refuse(`its default export is ${nameType(plugin)}, not a plugin`);
  const api = readKey(plugin, "api");
  if (typeof api === "number" && api !== ourApi) throw new HeadendError("plugin.api", { use, api, ours: ourApi });
  if (api === undefined) return refuse("it has no api: write api: 1");
  if (api !== ourApi) return refuse(`its api is ${nameType(api)}, not the number 1`);
  const name = readKey(plugin, "name");
  if (typeof name !== "string" || name === "") return refuse("it has no name");
  if (typeof readKey(plugin, "setup") !== "function") return refuse("it has no function setup(host, config)");
  const schema = readKey(plugin, "config");
  if (schema === undefined) return refuse("it has no config: write config: z.strictObject({}) when it needs no keys");
  if (typeof readKey(schema, "safeParse") !== "function") return refuse("its config is not a zod schema");
  return plugin as Plugin;
}

/** A property of anything; one that cannot be read counts as absent. */
function readKey(value: unknown, key: string): unknown {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

function nameType(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
