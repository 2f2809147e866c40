// Finds the file that an npm package exports: by hand, for the executable cannot resolve packages by itself.
import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";

/** True for a name that npm would take, with or without a scope. */
export function isPackageName(text: string): boolean {
  return text.length <= 214 && /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(text);
}

/** Folder of a package: looked for in `node_modules` of each folder and of all above it, as a bare import would. */
export async function findPackage(name: string, folders: readonly string[]): Promise<string | undefined> {
  const looked = new Set<string>();
  for (const start of folders) {
    let folder = resolve(start);
    for (;;) {
      const candidate = join(folder, "node_modules", name);
      if (!looked.has(candidate) && (await isFile(join(candidate, "package.json")))) return candidate;
      looked.add(candidate);
      const above = dirname(folder);
      if (above === folder) break;
      folder = above;
    }
  }
  return undefined;
}

/**
 * Absolute path of a package's entry: `exports` (the conditions `import`, `module`, `default`), `module`, `main`, index.
 *
 * @throws Error with a sentence when there is none, or when it lies outside the package.
 */
export async function findEntry(folder: string): Promise<string> {
  const manifest = readManifest(await readFile(join(folder, "package.json"), "utf8"));
  const exported = manifest.exports;
  const wanted = exported === undefined ? [manifest.module, manifest.main, "index"] : [chooseExport(exported)];
  for (const candidate of wanted) {
    if (typeof candidate !== "string") continue;
    const path = await completePath(resolve(folder, candidate), exported === undefined);
    if (path === undefined) continue;
    // Real paths, because package managers link packages into place.
    const [real, home] = [await realpath(path), await realpath(folder)];
    if (relative(home, real).startsWith("..")) throw new Error("its package.json names a file outside the package");
    return real;
  }
  throw new Error("its package.json names no file that is there (exports, module, main)");
}

function readManifest(text: string): Readonly<Record<string, unknown>> {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw new Error("its package.json is not JSON");
  }
  if (typeof manifest !== "object" || manifest === null) throw new Error("its package.json is not an object");
  return manifest as Readonly<Record<string, unknown>>;
}

const conditions = new Set(["import", "module", "module-sync", "node", "default"]);

/** The path that `exports` gives for the package itself; the order of its keys decides. */
function chooseExport(exported: unknown): string | undefined {
  if (typeof exported === "string") return exported;
  if (Array.isArray(exported)) return exported.map(chooseExport).find((path) => path !== undefined);
  if (typeof exported !== "object" || exported === null) return undefined;
  if (Object.hasOwn(exported, ".")) return chooseExport((exported as Readonly<Record<string, unknown>>)["."]);
  for (const [condition, target] of Object.entries(exported)) {
    const path = conditions.has(condition) ? chooseExport(target) : undefined;
    if (path !== undefined) return path;
  }
  return undefined;
}

async function completePath(path: string, guess: boolean): Promise<string | undefined> {
  const endings = guess ? ["", ".ts", ".js", ".mjs", "/index.ts", "/index.js", "/index.mjs"] : [""];
  for (const ending of endings) if (await isFile(path + ending)) return path + ending;
  return undefined;
}

/** True when a file, not a folder, is there. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
