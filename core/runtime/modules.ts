// Imports files dropped by the user, and hands them our own modules under the names they are published by.
import * as nodeModule from "node:module";
import { pathToFileURL } from "node:url";

/**
 * Makes `import … from "<name>"` mean these objects, wherever the importing file lies: `headend/plugin` and `zod` must be
 * ours, for the executable has no packages beside it, and a schema of another zod is a stranger to ours. Call it once,
 * before `importFile()`.
 */
export function provideModules(modules: Readonly<Record<string, object>>): void {
  if (typeof Bun !== "undefined") provideByPlugin(modules);
  else provideByHooks(modules);
}

/**
 * The module of a file as it is now. Runtimes keep a module for ever under the address it came from, so `version` must
 * change when the file does. What the file itself imports is kept.
 *
 * @throws Error with place and reason of every mistake when the file cannot be understood.
 */
export async function importFile(path: string, version: string | number): Promise<unknown> {
  // Bun takes a file: address without its query, a path with it.
  const address = typeof Bun !== "undefined" ? path : pathToFileURL(path).href;
  try {
    return await import(`${address}?version=${version}`);
  } catch (error) {
    throw error instanceof AggregateError ? new Error(error.errors.map(placed).join("; "), { cause: error }) : error;
  }
}

function provideByPlugin(modules: Readonly<Record<string, object>>): void {
  Bun.plugin({
    name: "headend",
    setup(build) {
      for (const [name, exports] of Object.entries(modules))
        build.module(name, () => ({ loader: "object", exports: { ...exports } }));
    },
  });
}

/** The part of Node's module hooks that Deno has and that we use. */
interface ModuleHooks {
  resolve(name: string, context: unknown, next: (name: string, context: unknown) => unknown): unknown;
  load(address: string, context: unknown, next: (address: string, context: unknown) => unknown): unknown;
}

function provideByHooks(modules: Readonly<Record<string, object>>): void {
  const scheme = "headend-module:";
  // The text of a made-up module can only reach objects that are global.
  const shelf = Symbol.for("headend.modules");
  Object.assign(globalThis, { [shelf]: modules });
  const textOf = (name: string) => {
    const lines = Object.keys(modules[name] ?? {}).map(
      (key, at) => `const e${at} = from[${JSON.stringify(key)}]; export { e${at} as ${JSON.stringify(key)} };`,
    );
    return [`const from = globalThis[Symbol.for("headend.modules")][${JSON.stringify(name)}];`, ...lines].join("\n");
  };
  const { registerHooks } = nodeModule as unknown as { registerHooks?: (hooks: ModuleHooks) => void };
  registerHooks?.({
    resolve: (name, context, next) =>
      Object.hasOwn(modules, name) ? { url: scheme + name, format: "module", shortCircuit: true } : next(name, context),
    load: (address, context, next) =>
      address.startsWith(scheme)
        ? { format: "module", source: textOf(address.slice(scheme.length)), shortCircuit: true }
        : next(address, context),
  });
}

/** A mistake of Bun's compiler as text: `file:line:column: reason`. */
function placed(mistake: unknown): string {
  if (!(mistake instanceof Error)) return String(mistake);
  const { position } = mistake as { position?: { file: string; line: number; column: number } | null };
  if (!position) return mistake.message;
  return `${position.file.replace(/\?version=.*$/, "")}:${position.line}:${position.column}: ${mistake.message}`;
}
