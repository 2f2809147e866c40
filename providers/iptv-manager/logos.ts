// Logos that are files in an add-on's folder: their addresses here, and the files behind them.
import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";

export interface Logos {
  /**
   * What finds the logos of one source: in its folder, or beside the address of its channels. What it finds in the
   * folder is kept by a name of ours, which `address()` makes an address of.
   */
  finder(source: string, folder: string | undefined, base: string | undefined): (path: string) => string | undefined;
  /** Where a logo is, by what its finder gave; what is an address already stays. */
  address(logo: string): string;
  /** Says where they are served: the instance's own prefix. */
  mountAt(prefix: string): void;
  /** The picture behind an address; undefined: there is none. */
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

/** Begins what is kept of a logo that is served here, wherever that is at the time. */
const scheme = "logo:";

export function createLogos(): Logos {
  const folders = new Map<string, string>();
  let mount = "";
  return {
    finder(source, folder, base) {
      const key = createHash("sha256").update(source).digest("hex").slice(0, 8);
      if (folder !== undefined) folders.set(key, folder);
      return (path) => {
        if (folder === undefined) return beside(base, path);
        const file = pathInside(folder, path);
        if (file === undefined || typeOf(file) === undefined) return undefined;
        return `${scheme}${key}/${file.split(sep).map(encodeURIComponent).join("/")}`;
      };
    },
    address: (logo) => (logo.startsWith(scheme) ? `${mount}/logo/${logo.slice(scheme.length)}` : logo),
    mountAt(prefix) {
      mount = prefix;
    },
    async read(source, path) {
      const folder = folders.get(source);
      if (folder === undefined || pathInside(folder, path) === undefined) return undefined;
      try {
        // A link may lead out of the folder, or call what is no picture one.
        const [root, file] = await Promise.all([realpath(folder), realpath(join(folder, path))]);
        const type = typeOf(path) && typeOf(file);
        if (type === undefined || pathInside(root, file) === undefined) return undefined;
        const found = await stat(file);
        return found.isFile() && found.size <= largest ? { type, bytes: await readFile(file) } : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** A path beside the address of a document. */
function beside(base: string | undefined, path: string): string | undefined {
  if (base === undefined || isAbsolute(path) || !URL.canParse(base)) return undefined;
  const found = URL.parse(path, base);
  // Not what has a scheme of its own, such as `special://`.
  return found?.origin === new URL(base).origin && /^https?:/.test(found.protocol) ? found.href : undefined;
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
