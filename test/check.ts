// `bun run check`: format, lint, types by tsc and by Deno, and the tests. Says at the end which of them failed.
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import process from "node:process";

const root = resolve(import.meta.dirname, "..");
const tool = (name: string) => join(root, "node_modules", ".bin", name);
const folders = ["core", "plugins", "providers", "test"];

const checks: Readonly<Record<string, readonly string[]>> = {
  "format and lint": [tool("biome"), "check", `--config-path=${join(root, ".biome.json")}`, "--error-on-warnings", "."],
  "types by tsc": [process.execPath, tool("tsc"), "-p", "."],
  "types by Deno": [tool("deno"), "check", "--no-lock", "--quiet", ...folders],
  tests: [process.execPath, "test/run.ts"],
};

const failed: string[] = [];
for (const [name, [file = "", ...args]] of Object.entries(checks)) {
  console.log(`\n== ${name}`);
  if (spawnSync(file, args, { cwd: root, stdio: "inherit" }).status !== 0) failed.push(name);
}
console.log(failed.length > 0 ? `\nfailed: ${failed.join(", ")}` : "\nall checks passed");
process.exit(failed.length > 0 ? 1 : 0);
