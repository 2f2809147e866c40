// Logos that are files in an add-on's folder: their addresses here, and the files behind them.
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";

export interface Logos {
  /** What finds the logos of one source: in its folder, or beside the address of its channels. */
  finder(source: string, folder: string | undefined, base: string | undefined): (path: string) => string | undefined;
  /** The picture behind an address that a finder made; undefined: there is none. */
  read(source: string, path: string): Promise<Picture | undefined>;
}

export interface Picture {
  readonly type: string;
  readonly bytes: Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};

/** Far more than any logo has. */
const largest = 8 << 20;

/** `prefix` is where they are served, without a slash at its end. */
export function createLogos(prefix: string): Logos {
  const folders = new Map<string, string>();
  return {
    finder(source, folder, base) {
      const key = createHash("sha256").update(source).digest("hex").slice(0, 8);
      if (folder !== undefined) folders.set(key, folder);
      return (path) => {
        if (folder === undefined) {
          const beside = base !== undefined && !isAbsolute(path) && !/^[a-z]+:\/\//i.test(path);
          return beside && /^https?:/i.test(base) ? URL.parse(path, base)?.href : undefined;
        }
        const file = pathInside(folder, path);
        if (file === undefined || typeOf(file) === undefined) return undefined;
        return `${prefix}/${key}/${file.split(sep).map(encodeURIComponent).join("/")}`;
      };
    },
    async read(source, path) {
      const folder = folders.get(source);
      const type = typeOf(path);
      if (folder === undefined || type === undefined || pathInside(folder, path) === undefined) return undefined;
      try {
        // A link may lead out of the folder.
        const [root, file] = await Promise.all([realpath(folder), realpath(join(folder, path))]);
        const found = await stat(file);
        if (pathInside(root, file) === undefined || !found.isFile() || found.size > largest) return undefined;
        return { type, bytes: await readFile(file) };
      } catch {
        return undefined;
      }
    },
  };
}

/** A path relative to the folder; undefined when it leads out of it. Kodi's own names for an add-on's folder are understood. */
function pathInside(folder: string, path: string): string | undefined {
  const [, own] = /^special:\/\/home\/addons\/[^/]+\/(.*)$/i.exec(path) ?? [];
  if (own === undefined && /^[a-z]+:\/\//i.test(path)) return undefined;
  const inside = relative(folder, resolve(folder, own ?? path));
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? undefined : inside;
}

function typeOf(path: string): string | undefined {
  return types[/\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ""];
}
