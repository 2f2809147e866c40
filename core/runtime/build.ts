// Makes the single executable: `bun run build [--target bun-linux-arm64] [--outfile dist/headend]`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({ options: { target: { type: "string" }, outfile: { type: "string" } } });
// "bun-linux-arm64" makes "headend-linux-arm64": several targets fit in one folder.
const outfile = resolve(
  values.outfile ?? join(root, "dist", ["headend", values.target?.replace(/^bun-/, "")].filter(Boolean).join("-")),
);

mkdirSync(dirname(outfile), { recursive: true });
const { status } = spawnSync(
  process.execPath,
  [
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    // Embedded, so that stack traces name our files and lines.
    "--sourcemap",
    // Dropped plugins may bring packages of their own; what lies in the current folder is not ours to obey.
    "--compile-autoload-package-json",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...(values.target ? [`--target=${values.target}`] : []),
    ...assets().map((path) => `--asset=${path}`),
    `--outfile=${outfile}`,
    "core/main.ts",
    // A worker is found in the executable when its file is an entry of its own.
    "core/guide/worker.ts",
  ],
  { cwd: root, stdio: "inherit" },
);
// The maps are in the executable; Bun leaves them beside it as well.
for (const name of readdirSync(dirname(outfile)))
  if (name.endsWith(".js.map") || name === `${basename(outfile)}.map`) rmSync(join(dirname(outfile), name));
process.exit(status ?? 1);

/**
 * Files of plugins that are read and not imported: all modules of the executable find them in `import.meta.dirname`. A
 * folder called `page` is read as a whole, its scripts included.
 */
function assets(): string[] {
  const found = ["providers", "plugins"].flatMap((kind) => assetsIn(join(root, kind)));
  for (const name of ["hls.min.mjs", "hls.worker.js"]) found.push(join(root, "node_modules/hls.js/dist", name));
  const names = found.map((path) => basename(path));
  const double = names.find((name, at) => names.indexOf(name) !== at);
  if (double) throw new Error(`two plugins have a file called ${double}: in the executable they would be one`);
  return found;
}

function assetsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "page" ? [path] : assetsIn(path);
    return [".ts", ".md", ".sh"].includes(extname(entry.name)) ? [] : [path];
  });
}
