// Changes a config file's text where something changed and nowhere else: comments, order and layout stay the user's.
import { isDeepStrictEqual } from "node:util";
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type Tags,
  type YAMLMap,
} from "yaml";
import { HeadendError } from "../errors.ts";
import type { ConfigChange } from "../plugin.ts";
import { afterComments, lostComments, nextLine, withComment } from "./comments.ts";
import { deepest } from "./document.ts";
import { formatKey } from "./problem.ts";
import { applied, type Splice } from "./splice.ts";

type Plain = Readonly<Record<string, unknown>>;

/**
 * The text with values set, or removed (`undefined`), at paths below `base`; keys that are missing on the way are made.
 * An object is put in key by key: what stays the same keeps its form. Comments above what is removed stay. JSON stays JSON.
 *
 * @throws HeadendError `config.usage` where a path leads through what has no keys, or what `&` and `*` share
 */
export function editConfig(source: string, base: readonly string[], changes: readonly ConfigChange[]): string {
  // Before it becomes millions of spaces.
  if (changes.some(({ path, value }) => isDeeper(value, deepest - base.length - path.length)))
    throw new HeadendError("config.usage", { reason: `${formatKey(base)}: more keys than a config can have` });
  const document = read(source);
  const before: unknown = plainOf(document) ?? {};
  const after = changes.reduce((value, change) => put(value, [...base, ...change.path], change.value), before);
  if (isDeepStrictEqual(before, after)) return source;
  const indent = jsonIndent(source);
  if (indent !== undefined) return `${JSON.stringify(after, null, indent)}\n`;
  const root = document.contents;
  const splices: Splice[] = [];
  if (root === null || (isScalar(root) && root.value === null)) {
    splices.push({ from: source.length, to: source.length, text: `${lineBreak(source)}${render(after, 0, 2)}` });
  } else {
    if (!isMap(root) || !isBlock(root, source)) throw byHand(base);
    patch(
      { source, splices, indent: indentOf(root, source), at: [], column: 0 },
      root,
      before as Plain,
      after as Plain,
    );
  }
  const text = applied(source, splices);
  if (!isDeepStrictEqual(saysOf(text), after)) throw byHand(base);
  return text;
}

/** What a text says; undefined for what is no YAML. */
function saysOf(text: string): unknown {
  const document = read(text);
  try {
    return document.errors.length > 0 ? undefined : plainOf(document);
  } catch {
    // A `*` whose `&` is gone.
    return undefined;
  }
}

/** A text that grows out of hand by its `*` is no config, and was refused before. */
function plainOf(document: ReturnType<typeof read>): unknown {
  return document.toJS({ maxAliasCount: -1 });
}

/** As the config is read: what is not written as a number or as `true` or `false` is text. */
function read(source: string) {
  return parseDocument(source, {
    prettyErrors: false,
    stringKeys: true,
    customTags: (known) => [
      ...known.filter((tag) => typeof tag === "object" && !/:(?:int|float|bool)$/.test(tag.tag)),
      ...tags,
    ],
  });
}

const tags: Tags = [
  {
    tag: "tag:yaml.org,2002:bool",
    default: true,
    test: /^(?:true|false)$/,
    resolve: (text: string) => text === "true",
  },
  {
    tag: "tag:yaml.org,2002:float",
    default: true,
    test: /^-?\d+(?:\.\d+)?$/,
    resolve: (text: string) => (String(Number(text)) === text ? Number(text) : text),
  },
];

/** Where the walk is. */
interface Context {
  readonly source: string;
  readonly splices: Splice[];
  /** Spaces by which a map's keys stand further in than its own. */
  readonly indent: number;
  readonly at: readonly string[];
  readonly column: number;
}

/** Notes what must be spliced so that a block map says `after`. */
function patch(context: Context, map: YAMLMap, before: Plain, after: Plain): void {
  const { source, splices, indent } = context;
  const pairs = map.items as Pair<Node, Node | null>[];
  const column = columnOf(source, startOf(pairs[0]));
  for (const pair of pairs) {
    const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
    const [was, is] = [own(before, key), own(after, key)];
    if (isDeepStrictEqual(was, is)) continue;
    const at = [...context.at, key];
    if (is === undefined) {
      const { from, to } = linesOf(source, pair);
      splices.push({ from, to: afterComments(source, to, column), text: "" });
    } else change({ ...context, at, column }, pair, was, is);
  }
  const coming = Object.fromEntries(Object.entries(after).filter(([key]) => own(before, key) === undefined));
  const end = afterComments(source, linesOf(source, pairs.at(-1)).to, column);
  if (Object.keys(coming).length > 0)
    splices.push({ from: end, to: end, text: lineBreak(source, end) + render(coming, column, indent) });
}

/** Notes what must be spliced so that a key of a block map says `after`. */
function change(context: Context, pair: Pair<Node, Node | null>, before: unknown, after: unknown): void {
  const { source, splices, indent, at, column } = context;
  const { value } = pair;
  const colon =
    (pair.key.range?.[1] ?? 0) + (/^[ \t]*:/.exec(source.slice(pair.key.range?.[1]))?.[0].length ?? Number.NaN);
  if (Number.isNaN(colon) || isAlias(value) || value?.anchor) throw byHand(at);
  const lines = linesOf(source, pair);
  const comment = commentOf(source, value, colon);
  const replaceLines = (coming: string) => {
    const text = withComment(coming, comment);
    const above = lostComments(source.slice(lines.from, lines.to), text).map(
      (lost) => `${" ".repeat(column)}${lost}\n`,
    );
    splices.push({ ...lines, text: above.join("") + text });
  };
  if (isMap(value) && isPlain(before) && isPlain(after)) {
    if (isBlock(value, source)) {
      patch(context, value, before, after);
      // A map without keys must say so; what is said about it stays.
      if (Object.keys(after).length === 0) splices.push({ from: colon, to: colon, text: " {}" });
    } else {
      reform(value, before, after);
      delete value.comment;
      replaceLines(render({ [String(at.at(-1))]: value }, column, indent));
    }
    return;
  }
  if (isScalar(value) && !isObject(after)) {
    const [from = 0, to = 0] = value.range ?? [];
    if (to > from) {
      // Behind the | or > of a text of several lines.
      const said = /[|>]/.test(source[from] ?? "") ? lostComments(source.slice(from, to), "") : [];
      splices.push({ from, to: endOf(source, value), text: [scalarText(after), ...said].join(" ") });
    } else splices.push({ from: colon, to: colon, text: ` ${scalarText(after)}` });
  } else replaceLines(render({ [String(at.at(-1))]: after }, column, indent));
}

/** Changes a map that is written in braces, and takes the braces off. */
function reform(map: YAMLMap, before: Plain, after: Plain): void {
  map.flow = false;
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [own(before, key), own(after, key)];
    if (isDeepStrictEqual(was, is)) continue;
    const child = map.get(key, true);
    if (is === undefined) map.delete(key);
    else if (isMap(child) && isPlain(was) && isPlain(is)) reform(child, was, is);
    else map.set(key, is);
  }
}

/** A value with another one at a path. @throws HeadendError where something on the way has no keys */
function put(value: unknown, path: readonly string[], next: unknown, done: readonly string[] = []): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return next === undefined ? undefined : JSON.parse(JSON.stringify(next));
  if (value !== undefined && value !== null && !isPlain(value))
    throw new HeadendError("config.usage", { reason: `${formatKey(done)}: what stands there has no keys` });
  const own = isPlain(value) ? value : {};
  if (next === undefined && !Object.hasOwn(own, key)) return value;
  const inner = put(Object.hasOwn(own, key) ? own[key] : undefined, rest, next, [...done, key]);
  if (inner === undefined) return Object.fromEntries(Object.entries(own).filter(([each]) => each !== key));
  return { ...own, [key]: inner };
}

function isDeeper(value: unknown, levels: number): boolean {
  return levels < 0 || (isObject(value) && Object.values(value as object).some((each) => isDeeper(each, levels - 1)));
}

/** Every object has a `constructor`; a config may have one, too. */
function own(map: Plain, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** True for a map with keys whose lines are its own. */
function isBlock(node: YAMLMap, source: string): boolean {
  return node.items.length > 0 && source[node.range?.[0] ?? 0] !== "{" && !node.anchor;
}

function startOf(pair: Pair<Node, Node | null> | undefined): number {
  return pair?.key.range?.[0] ?? 0;
}

function columnOf(source: string, offset: number): number {
  return offset - source.lastIndexOf("\n", offset - 1) - 1;
}

/** How far the keys of the first map below stand in. */
function indentOf(root: YAMLMap, source: string): number {
  for (const { value } of root.items as Pair<Node, Node | null>[]) {
    if (isMap(value) && isBlock(value, source))
      return columnOf(source, startOf(value.items[0] as Pair<Node, Node | null>));
  }
  return 2;
}

/** The end of what is written of a node, without the line break and the comments after it. */
function endOf(source: string, node: Node | null | undefined): number {
  if (isCollection(node) && !node.flow && node.items.length > 0) {
    const last = node.items.at(-1) as Node | Pair<Node, Node | null>;
    if (!isPair(last)) return endOf(source, last);
    return Math.max(last.key.range?.[1] ?? 0, endOf(source, last.value));
  }
  const [from = 0, to = 0] = node?.range ?? [];
  return from + source.slice(from, to).trimEnd().length;
}

/** The lines of a key and its value, from the start of the first to the start of the next. */
function linesOf(source: string, pair: Pair<Node, Node | null> | undefined): { from: number; to: number } {
  const start = startOf(pair);
  const end = Math.max(pair?.key.range?.[1] ?? start, endOf(source, pair?.value));
  return { from: source.lastIndexOf("\n", start - 1) + 1, to: nextLine(source, end) };
}

/** What is said in the same line after a value of one line; after the colon where no value is. */
function commentOf(source: string, value: Node | null, colon: number): string {
  const [from = 0, to = 0] = value?.range ?? [];
  const end = to > from ? endOf(source, value) : colon;
  if (source.slice(from, end).includes("\n")) return "";
  return /^[ \t]+#[^\r\n]*/.exec(source.slice(end, nextLine(source, end)))?.[0] ?? "";
}

/** As lines that begin at a column and end with a break. */
function render(value: unknown, column: number, indent: number): string {
  return stringify(value, { lineWidth: 0, indent }).replace(/^(?=[^\n])/gm, " ".repeat(column));
}

/** A scalar in one line. */
function scalarText(value: unknown): string {
  const text = stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd();
  return text.includes("\n") ? JSON.stringify(value) : text;
}

/** The break that is missing where a line is added. */
function lineBreak(source: string, end = source.length): string {
  return end === 0 || source[end - 1] === "\n" ? "" : "\n";
}

/** What a JSON text is indented by; undefined where it is none. */
function jsonIndent(source: string): string | undefined {
  if (!/^\s*\{/.test(source)) return undefined;
  try {
    JSON.parse(source);
    return /\n([ \t]+)"/.exec(source)?.[1] ?? "  ";
  } catch {
    return undefined;
  }
}

function byHand(at: readonly string[]): HeadendError {
  return new HeadendError("config.usage", {
    reason: `${formatKey(at)}: the file says this in a way that can only be changed by hand`,
  });
}
