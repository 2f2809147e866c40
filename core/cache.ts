// Folders of files that readers see whole or not at all.
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Cache } from "./plugin.ts";
import { artefactOf, isPartial, openReplacement } from "./replacement.ts";
import type { Artefact } from "./types.ts";

export { artefactOf };

/** A cache in one folder, which is made by the first write, for the owner's eyes only. */
export function createCache(folder: string): Cache {
  const path = (key: string) => join(folder, ...namesOf(key));
  return {
    path,
    async read(key) {
      try {
        return await readFile(path(key), "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
          return undefined;
        throw error;
      }
    },
    write: async (key, content) => replaceFile(path(key), content),
    artefact: async (key) => artefactOf(path(key)),
    delete: async (key) => rm(path(key), { force: true }),
  };
}

/** No name starts with a dot: those are files in the making, and ways out of the folder. */
function namesOf(key: string): string[] {
  const names = key.split("/");
  if (names.every((name) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name))) return names;
  throw new TypeError(
    `cache key ${JSON.stringify(key.slice(0, 80))}: expected names of letters, digits, ".", "_" and "-", no dot first, slashes between`,
  );
}

/**
 * Replaces a file by rename, after the new bytes are on disk; makes its folder.
 *
 * @throws HeadendError `cache.write` when the disk refuses; what `content` or the signal throws, as it is. What was
 * there then stays, and nothing is left beside it.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array | AsyncIterable<string | Uint8Array>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Artefact> {
  const file = await openReplacement(path);
  try {
    const chunks = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
    for await (const chunk of chunks) {
      options.signal?.throwIfAborted();
      await file.write(chunk);
    }
    options.signal?.throwIfAborted();
    return await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Deletes what a killed run left unfinished in a folder and those below it. Only while no other process uses it. */
export async function removeLeftovers(folder: string, depth = 8): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile() && isPartial(entry.name)) await rm(path, { force: true }).catch(() => {});
    else if (entry.isDirectory() && depth > 0) await removeLeftovers(path, depth - 1);
  }
}
