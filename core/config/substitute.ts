// `${NAME}`, `${NAME:-fallback}` and `${file:path}` inside the values of the config file.
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its `${…}` filled in. */
export interface Substituted {
  readonly text: string;
  /** What could not be filled in, and why. Never holds a value. */
  readonly reasons: readonly string[];
}

/** Fills in texts; remembers what it put in, so that messages can be kept free of it. */
export interface Substitution {
  fill(text: string): Promise<Substituted>;
  /** Every value that came from a variable or a file. */
  readonly secrets: ReadonlySet<string>;
}

const largestFile = 64 * 1024;
const marks = /\$\$\{|\$\{([^}]*)(\}?)/g;

/** `folder` is what the paths of `${file:…}` are relative to. */
export function createSubstitution(environment: Environment, folder: string): Substitution {
  const secrets = new Set<string>();

  async function lookUp(content: string): Promise<{ value: string } | { reason: string }> {
    const [, path, name, fallback] = /^(?:file:(.+?)|([A-Za-z_]\w*))(?::-(.*))?$/s.exec(content) ?? [];
    if (name !== undefined) {
      const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
      if (value || (value === "" && fallback === undefined)) return { value };
      return fallback !== undefined ? { value: fallback } : { reason: `the environment variable ${name} is not set` };
    }
    if (path !== undefined) {
      const read = await readSecret(resolve(folder, path.replace(/^~(?=\/)/, homedir)), path);
      return "reason" in read && fallback !== undefined ? { value: fallback } : read;
    }
    return {
      reason: `\${…} holds the name of an environment variable, or file: and a path; a plain \${ is written $\${`,
    };
  }

  return {
    secrets,
    async fill(text) {
      if (!text.includes("${")) return { text, reasons: [] };
      const reasons: string[] = [];
      let filled = "";
      let from = 0;
      for (const match of text.matchAll(marks)) {
        filled += text.slice(from, match.index);
        from = match.index + match[0].length;
        const [whole, content = "", closed] = match;
        if (whole === "$${") filled += "${";
        else if (!closed) reasons.push(`\${ has no } after it; a plain \${ is written $\${`);
        else {
          const found = await lookUp(content);
          if ("reason" in found) reasons.push(found.reason);
          else {
            filled += inUserinfo(filled, text.slice(from)) ? encodeUserinfo(found.value) : found.value;
            secrets.add(found.value);
          }
        }
      }
      return { text: filled + text.slice(from), reasons };
    },
  };
}

/** Every `${…}` that would be filled in, of all texts in a value. */
export function findSubstitutions(value: unknown): ReadonlySet<string> {
  if (typeof value === "string")
    return new Set(Array.from(value.matchAll(marks), ([whole]) => whole).filter((whole) => whole !== "$${"));
  if (typeof value !== "object" || value === null) return new Set();
  return new Set(Object.values(value).flatMap((each) => [...findSubstitutions(each)]));
}

/** Whether what comes next stands before the @ of an address. */
function inUserinfo(before: string, after: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*$/i.test(before) && /^[^/?#@]*@/.test(after.replace(/\$\{[^}]*\}/g, ""));
}

/** A password may hold any sign; what is encoded already stays as it is. */
function encodeUserinfo(value: string): string {
  return /%[0-9a-f]{2}/i.test(value) ? value : encodeURIComponent(value);
}

async function readSecret(path: string, written: string): Promise<{ value: string } | { reason: string }> {
  try {
    const { size } = await statFile(path);
    if (size > largestFile) return { reason: `the file ${written} is larger than 64 KiB` };
    return { value: (await readFile(path, "utf8")).replace(/\r?\n$/, "") };
  } catch (error) {
    return { reason: `the file ${written} ${describeFileError(error)}` };
  }
}

async function statFile(path: string) {
  const stats = await stat(path);
  if (!stats.isFile()) throw Object.assign(new Error("not a file"), { code: "EISDIR" });
  return stats;
}

/** Why a file could not be read, to follow its name: "does not exist". */
export function describeFileError(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
  if (code === "EACCES" || code === "EPERM") return "may not be read by this user";
  if (code === "EISDIR") return "is not a file";
  return `cannot be read${code ? ` (${code})` : ""}`;
}
