// The page's files as browsers want them, made of its sources into a folder that is kept from start to start.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join } from "node:path";

/** Folders by what lies in them: browsers run no script that is called something else. */
export const folders = {
  scripts: "text/javascript; charset=utf-8",
  styles: "text/css; charset=utf-8",
  images: "image/svg+xml",
} as const;

/** Where the sources are: beside this file, or in the executable. */
const sources = join(import.meta.dirname, "page");

/** Files of hls.js, by what they are called here. They are fetched when something is played. */
const player = { "hls.js": "hls.min.mjs", "hls.worker.js": "hls.worker.js" } as const;

export interface PageFile {
  readonly folder: keyof typeof folders;
  readonly name: string;
  content(): Promise<string | Uint8Array>;
}

/** All files but the page itself, and a name for this version of them. */
export async function readPage(strip: (code: string) => string): Promise<{ files: PageFile[]; version: string }> {
  const hash = createHash("sha256");
  const files: PageFile[] = [];
  for (const name of (await readdir(sources)).sort()) {
    const text = await readFile(join(sources, name), "utf8");
    hash.update(`${name}\n${text}\n`);
    const kind = extname(name);
    if (kind === ".css") files.push({ folder: "styles", name, content: async () => text });
    if (kind === ".svg") files.push({ folder: "images", name, content: async () => text });
    if (kind === ".ts")
      files.push({ folder: "scripts", name: scriptName(name), content: async () => pointed(strip(text)) });
  }
  for (const [name, original] of Object.entries(player)) {
    const path = playerPath(original);
    hash.update(path);
    files.push({ folder: "scripts", name, content: () => readFile(path) });
  }
  return { files, version: hash.digest("base64url") };
}

/** The page itself; `root` leads from it to where the headend's addresses begin. */
export async function readIndex(): Promise<(root: string) => string> {
  const text = await readFile(join(sources, "index.html"), "utf8");
  return (root) => text.replace('data-root="../"', `data-root="${root}"`);
}

const scriptName = (source: string): string => source.replace(/\.ts$/, ".js");

/** Imports by the names that the files have for browsers. */
function pointed(code: string): string {
  return code.replace(/(\bfrom\s*|\bimport\s*)"(\.\/[\w-]+)\.ts"/g, '$1"$2.js"');
}

function playerPath(name: string): string {
  const embedded = join(import.meta.dirname, name);
  if (existsSync(embedded)) return embedded;
  return createRequire(import.meta.url).resolve(`hls.js/dist/${name}`);
}
