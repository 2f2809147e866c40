// A YAML text as a tree that knows where each value stands and how it was written.
import { isAlias, isCollection, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import { formatKey, type KeyPath, type Place, type Problem } from "./problem.ts";
import type { Substitution } from "./substitute.ts";

/** A value of the config, with its place. */
export interface ConfigNode extends Place {
  readonly kind: "scalar" | "map" | "list";
  /** The value of a scalar. */
  readonly value?: string | number | boolean | null;
  /** How a scalar was written, `${…}` filled in: what a text key gets although it looks like a number. */
  readonly text?: string;
  /** Entries of a map by key, of a list by index. */
  readonly children: ReadonlyMap<string, ConfigNode>;
  /** True where a value could not be made out; the problem is known, and nothing else need be said about it. */
  readonly broken?: boolean;
  /** Where the key stands that leads here. */
  readonly keyPlace?: Place;
}

/** What a text holds; no tree when it is not YAML at all. */
export interface ConfigDocument {
  readonly root?: ConfigNode;
  readonly problems: readonly Problem[];
}

const mostNodes = 100_000;
/** Levels of keys that a config can have. */
export const deepest = 64;
const noChildren: ReadonlyMap<string, ConfigNode> = new Map();

/** Reads YAML 1.2; every problem is collected, nothing is thrown. `file` is the name that problems give it. */
export async function parseConfigDocument(
  source: string,
  file: string,
  substitution: Substitution,
): Promise<ConfigDocument> {
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.min(Math.max(0, offset), source.length));
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems: Problem[] = [];
  const report = (offset: number, path: KeyPath, reason: string) => {
    problems.push({ ...placeOf(offset), key: formatKey(path), reason });
  };
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const errors = [...document.errors, ...document.warnings];
  for (const { code, pos } of firstPerLine(errors, placeOf)) report(pos[0], [], explainSyntax(code, source, pos[0]));
  // A key that is there twice leaves the rest readable; anything else would only breed follow-up problems.
  if (errors.some(({ code }) => code !== "DUPLICATE_KEY")) return { problems };

  let nodes = 0;
  async function build(node: Node | null, path: KeyPath, offset: number): Promise<ConfigNode | undefined> {
    const start = node?.range?.[0] ?? offset;
    const place = placeOf(start);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target) return build(target, path, start);
      report(start, path, "a text that begins with * must be in quotes");
      return { ...place, ...empty, broken: true };
    }
    if (++nodes > mostNodes || path.length > deepest) {
      if (nodes <= mostNodes + 1) report(start, path, "more keys than a config can have");
      nodes = mostNodes + 1;
      return undefined;
    }
    if (!isCollection(node)) return isScalar(node) ? buildScalar(node, path, start) : { ...place, ...empty };
    const children = new Map<string, ConfigNode>();
    for (const [index, item] of node.items.entries()) {
      if (nodes > mostNodes) break;
      const key = isPair(item) ? String(isScalar(item.key) ? item.key.value : item.key) : String(index);
      const keyStart = isPair(item) ? ((item.key as Node | null)?.range?.[0] ?? start) : start;
      const value = (isPair(item) ? item.value : item) as Node | null;
      const child = [...path, isMap(node) ? key : index];
      if (key === "__proto__") report(keyStart, child, "unknown key");
      else {
        const built = await build(value, child, keyStart);
        if (built) children.set(key, isPair(item) ? { ...built, keyPlace: placeOf(keyStart) } : built);
      }
    }
    return { ...place, kind: isMap(node) ? "map" : "list", children };
  }

  async function buildScalar(node: Scalar, path: KeyPath, start: number): Promise<ConfigNode> {
    const plain = node.type === Scalar.PLAIN && node.tag === undefined;
    const written = typeof node.value === "string" ? node.value : (node.source ?? String(node.value ?? ""));
    const { text, reasons } = await substitution.fill(written);
    for (const reason of reasons) report(start, path, reason);
    const empty = plain && node.value === null;
    const value = empty ? null : plain ? readPlain(text) : text;
    return { ...placeOf(start), ...scalar(value, text), ...(reasons.length > 0 ? { broken: true } : {}) };
  }

  const root = await build(document.contents, [], 0);
  return { problems, ...(root ? { root } : {}) };
}

const empty = { kind: "scalar", value: null, text: "", children: noChildren } as const;

function scalar(value: string | number | boolean | null, text: string) {
  return { kind: "scalar", value, text, children: noChildren } as const;
}

/** An unquoted text is a number only when it is written as a number is: `0123`, `7.10` and `1e3` stay text. */
function readPlain(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** A tree from a plain value that came from no file: all of it stands at one place. */
export function plantConfig(value: unknown, place: Place): ConfigNode {
  if (typeof value !== "object" || value === null) {
    const known = typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
    return { ...place, ...scalar(known, String(known ?? "")) };
  }
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  const children = new Map(entries.map(([key, entry]) => [key, plantConfig(entry, place)]));
  return { ...place, kind: Array.isArray(value) ? "list" : "map", children };
}

/** The plain value of a tree. */
export function plainOf(node: ConfigNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return Array.from(node.children.values(), plainOf);
  return Object.fromEntries(Array.from(node.children, ([key, child]) => [key, plainOf(child)]));
}

/** The node at a path, or undefined. */
export function nodeAt(node: ConfigNode, path: KeyPath): ConfigNode | undefined {
  let found: ConfigNode | undefined = node;
  for (const part of path) found = found?.children.get(String(part));
  return found;
}

/** True when a value anywhere in the tree could not be made out. */
export function isBroken(node: ConfigNode): boolean {
  return node.broken === true || Array.from(node.children.values()).some(isBroken);
}

/** Where a path stands: its value (or its key), else whatever of it is there. */
export function placeAt(node: ConfigNode, path: KeyPath, what: "key" | "value" = "value"): Place {
  for (let length = path.length; length >= 0; length--) {
    const found = nodeAt(node, path.slice(0, length));
    if (!found) continue;
    const { file, line, column } =
      what === "key" || length < path.length || found.value === null ? (found.keyPlace ?? found) : found;
    return { file, line, column };
  }
  return { file: node.file, line: node.line, column: node.column };
}

/** The parser repeats itself after a first error: one sentence a line is what a person can use. */
function firstPerLine<E extends { readonly pos: readonly [number, number] }>(
  errors: readonly E[],
  placeOf: (offset: number) => Place,
): E[] {
  const seen = new Set<number>();
  return errors.filter(({ pos }) => {
    const { line } = placeOf(pos[0]);
    return !seen.has(line) && seen.add(line);
  });
}

const syntaxByCode: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "a tab cannot indent; use spaces",
  DUPLICATE_KEY: "this key is there twice",
  BAD_INDENT: "this does not line up with the lines before it, or a bracket is not closed",
  BLOCK_AS_IMPLICIT_KEY:
    "a text with a colon and a space in it must be in quotes, and keys below a value cannot be indented further",
  MULTILINE_IMPLICIT_KEY: "a key needs a colon and a space after it",
  MULTIPLE_DOCS: "a line of --- starts a second document; one is all that is read",
  BAD_DQ_ESCAPE: "a \\ inside \"…\" must be written \\\\, or use '…' instead",
  TAG_RESOLVE_FAILED: "a text that begins with ! must be in quotes",
  NON_STRING_KEY: "a key must be a plain word",
  RESOURCE_EXHAUSTION: "nested too deeply",
};

/** The sentence for an error of the parser, in words of its own: the parser's may quote the file, which holds secrets. */
function explainSyntax(code: string, source: string, offset: number): string {
  const character = source[offset] ?? "";
  if (code === "BAD_SCALAR_START") return `a text that begins with ${character} must be in quotes`;
  if (source.startsWith("{", offset) && source[offset - 1] === "$")
    return `inside { } a text with \${…} must be in quotes`;
  if (code === "MISSING_CHAR") {
    return offset >= source.length ? "a quote is not closed" : "a key needs a colon and a space after it";
  }
  return syntaxByCode[code] ?? "this is not YAML: a colon, a quote or a bracket is missing or too many here";
}
