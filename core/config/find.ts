// Which config file is read, and which folder holds the data.
import { access } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import process from "node:process";
import type { Flags } from "./command.ts";
import type { Environment } from "./substitute.ts";

/** The variables this process was started with. */
export function processEnvironment(): Environment {
  return process.env;
}

/** The config file: the one that is named (whether or not it is there), else the first that is there. */
export async function findConfigFile(flags: Flags, env: Environment, cwd: string): Promise<string | undefined> {
  const named = flags.config ?? env.HEADEND_CONFIG;
  if (named) return resolve(cwd, named);
  const home = env.XDG_CONFIG_HOME || (env.HOME && join(env.HOME, ".config"));
  const candidates = [
    join(cwd, "headend.yaml"),
    ...(home ? [join(home, "headend/headend.yaml")] : []),
    "/etc/headend/headend.yaml",
  ];
  for (const candidate of candidates) {
    const found = await access(candidate).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  return undefined;
}

/**
 * The data folder: `--data`, `HEADEND_DATA_DIR`, the file's `data` (relative to the file), else the place where
 * programs of this user keep theirs, else `data` where we were started.
 */
export function findDataFolder(
  o: { readonly flags: Flags; readonly env: Environment; readonly cwd: string },
  configured: string | undefined,
  configFolder: string,
): string {
  const { flags, env, cwd } = o;
  const named = flags.data ?? (env.HEADEND_DATA_DIR || undefined);
  if (named !== undefined) return resolve(cwd, named);
  const home = env.HOME;
  if (configured !== undefined)
    return resolve(configFolder, home ? configured.replace(/^~(?=\/|$)/, () => home) : configured);
  const shared = env.XDG_DATA_HOME;
  if (shared && isAbsolute(shared)) return join(shared, "headend");
  if (home) return join(home, ".local/share/headend");
  return env.LOCALAPPDATA ? join(env.LOCALAPPDATA, "headend") : resolve(cwd, "data");
}

/** A file's name as problems give it: short where it is below the current folder. */
export function nameFile(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}
