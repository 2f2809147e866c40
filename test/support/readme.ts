// The generated parts of the folders' READMEs: checked by tests, written anew by `bun test/support/readme.ts`.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeConfig, describePlugin } from "../../core/config/describe.ts";
import type { Plugin } from "../../core/plugin.ts";
import { plugins } from "../../plugins/index.ts";
import { providers } from "../../providers/index.ts";

const begin = "<!-- generated from the schemas: bun test/support/readme.ts -->\n";
const end = "<!-- end of what is generated -->\n";

/** The READMEs with generated parts, and the plugins that they describe; the one with none describes the config file. */
export const readmes: readonly { readonly path: string; readonly plugins: readonly Plugin[] }[] = [
  { path: join(import.meta.dirname, "../../providers/README.md"), plugins: providers },
  { path: join(import.meta.dirname, "../../plugins/README.md"), plugins },
  { path: join(import.meta.dirname, "../../core/README.md"), plugins: [] },
];

/** A table as a formatter may have padded it, without the padding. */
export function unpadded(markdown: string): string {
  return markdown.replace(/[ \t]*\|[ \t]*/g, "|").replace(/-{3,}/g, "---");
}

/** What stands between the markers of a README, and what should. */
export async function compareReadme(path: string, described: readonly Plugin[]) {
  const text = await readFile(path, "utf8");
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  if (from < begin.length || to < from) throw new Error(`${path} lacks its markers`);
  const tables =
    described.length > 0 ? described.map((plugin) => describePlugin(plugin)).join("\n\n") : describeConfig([]).trim();
  const generated = `\n${tables}\n\n`;
  return { written: text.slice(from, to), generated, whole: text.slice(0, from) + generated + text.slice(to) };
}

if (import.meta.main) {
  for (const { path, plugins } of readmes) await writeFile(path, (await compareReadme(path, plugins)).whole);
}
