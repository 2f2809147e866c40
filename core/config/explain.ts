// What a schema has against a value, as sentences for the person who wrote the value.
import type { z } from "zod";
import { type ConfigNode, nodeAt, placeAt } from "./document.ts";
import { type JsonSchema, keysAt, schemasAt } from "./known.ts";
import { findNearest } from "./nearest.ts";
import { formatKey, type KeyPath, type Problem } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** What explaining needs to know of the value and of its schema. */
export interface Subject {
  readonly node: ConfigNode;
  /** The way from the top of the file to `node`. */
  readonly at: KeyPath;
  readonly schema: () => JsonSchema;
  /** Further keys that are known at the top of `node`, for hints. */
  readonly alsoKnown?: readonly string[];
  /** Values that came from the environment or from secrets files: no sentence of a plugin may quote them. */
  readonly secrets?: ReadonlySet<string>;
}

/** The problems behind the issues of one value, in no order. */
export function explainIssues(issues: readonly Issue[], subject: Subject): Problem[] {
  return issues
    .filter((issue) => !nodeAt(subject.node, issue.path as KeyPath)?.broken)
    .flatMap((issue) => explainIssue(issue, [], subject));
}

/** The problem of a key that nobody knows. */
export function explainUnknownKey(path: KeyPath, subject: Subject): Problem {
  const known = keysAt(subject.schema(), path.slice(0, -1));
  if (path.length === 1) known.push(...(subject.alsoKnown ?? []));
  const word = String(path.at(-1));
  const unused = known.filter((key) => !nodeAt(subject.node, [...path.slice(0, -1), key]));
  const nearest = findNearest(word, unused) ?? findNearest(word, known);
  const list = known.length > 0 ? `; known here: ${[...new Set(known)].sort().join(", ")}` : "";
  return problem(path, `unknown key${nearest ? `; did you mean ${nearest}?` : list}`, subject, "key");
}

function explainIssue(issue: Issue, base: KeyPath, subject: Subject): Problem[] {
  const path = [...base, ...(issue.path as KeyPath)];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => explainUnknownKey([...path, key], subject));
  if (issue.code === "invalid_union") return explainUnion(issue, path, subject);
  if (issue.code === "invalid_key") {
    const [first] = issue.issues;
    return [problem(path, first ? sentence(first, path, subject) : "this key cannot be", subject, "key")];
  }
  return [problem(path, sentence(issue, path, subject), subject)];
}

/** Of a union the branch that the value comes nearest to; where it fits none at all, all of them as words. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, path: KeyPath, subject: Subject): Problem[] {
  const hasValue = nodeAt(subject.node, path) !== undefined;
  if (!isBuiltIn(issue.message) || issue.errors.length === 0) {
    const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    const reason = options.length > 0 ? oneOf(options, path, subject) : withoutSecrets(issue.message, subject);
    return [problem(path, reason, subject)];
  }
  const near = issue.errors.filter(
    (branch) => !branch.some(({ code, path: [...p] }) => code === "invalid_type" && !p.length),
  );
  const [branch] = near.sort((a, b) => a.length - b.length || depth(b) - depth(a));
  const isChoice = branch?.every(({ code, path: p }) => code === "invalid_value" && p.length === 0);
  if (branch && !(isChoice && issue.errors.length > 1)) return branch.flatMap((i) => explainIssue(i, path, subject));
  const words = issue.errors.flat().flatMap((i) => (i.code === "invalid_value" ? i.values.map(String) : [wordOf(i)]));
  const expected = join([...new Set(words.filter((word) => word !== ""))]);
  return [
    problem(
      path,
      hasValue ? `expected ${expected}${note(path, subject)}` : `required${note(path, subject, ": ")}`,
      subject,
    ),
  ];
}

function sentence(issue: Issue, path: KeyPath, subject: Subject): string {
  const node = nodeAt(subject.node, path);
  const missing = !node && path.length > 0 && issue.code !== "custom";
  if (missing)
    return `required${isBuiltIn(issue.message) ? note(path, subject, ": ") : `: ${withoutSecrets(issue.message, subject)}`}`;
  if (!isBuiltIn(issue.message)) return withoutSecrets(issue.message, subject);
  switch (issue.code) {
    case "invalid_type":
      return `expected ${wordOf(issue)}${note(path, subject)}, but ${describeKind(node)}`;
    case "invalid_value":
      return oneOf(issue.values.map(String), path, subject);
    case "too_small":
      return sizeSentence(issue.origin, "at least", Number(issue.minimum), issue.inclusive !== false);
    case "too_big":
      return sizeSentence(issue.origin, "at most", Number(issue.maximum), issue.inclusive !== false);
    case "not_multiple_of":
      return `expected a multiple of ${issue.divisor}`;
    case "invalid_format":
      return `expected ${formatWord(issue)}${note(path, subject)}`;
    default:
      return `is not valid${note(path, subject)}`;
  }
}

const formatWords: Readonly<Record<string, string>> = {
  url: "an address such as http://host/path",
  email: "an e-mail address",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
};

function formatWord(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if ("prefix" in issue) return `text that begins with ${issue.prefix}`;
  return formatWords[issue.format] ?? "another form";
}

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "keys and values",
  record: "keys and values",
  null: "nothing",
};

function wordOf(issue: Issue): string {
  return issue.code === "invalid_type" ? (typeWords[issue.expected] ?? issue.expected) : "";
}

function describeKind(node: ConfigNode | undefined): string {
  if (!node || node.value === null) return "nothing is there";
  if (node.kind !== "scalar") return node.kind === "map" ? "keys are there" : "a list is there";
  if (typeof node.value === "string") return "a text is there";
  return typeof node.value === "number" ? "a number is there" : `${node.value} is there`;
}

function oneOf(values: readonly string[], path: KeyPath, subject: Subject): string {
  const node = nodeAt(subject.node, path);
  if (node?.value === null) return `expected ${join(values)}, but nothing is there`;
  const nearest = node?.text === undefined ? undefined : findNearest(node.text, values);
  return `expected ${join(values)}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`;
}

function sizeSentence(origin: string, bound: string, limit: number, inclusive: boolean): string {
  if (limit === 1 && bound === "at least" && ["string", "array", "record", "object"].includes(origin))
    return "must not be empty";
  const edge = inclusive ? bound : bound === "at least" ? "more than" : "less than";
  const unit = origin === "string" ? " characters" : origin === "array" || origin === "set" ? " entries" : "";
  return `must be ${edge} ${limit}${unit}${unit ? " long" : ""}`;
}

/** The description of what belongs at a path, when it is short enough to help. */
function note(path: KeyPath, subject: Subject, before = " (", after = before === " (" ? ")" : ""): string {
  const text = schemasAt(subject.schema(), path).find(({ description }) => description)?.description;
  return text && text.length <= 120 ? before + text + after : "";
}

function problem(path: KeyPath, reason: string, subject: Subject, what: "key" | "value" = "value"): Problem {
  return { ...placeAt(subject.node, path, what), key: formatKey([...subject.at, ...path]), reason };
}

function join(words: readonly string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : (words[0] ?? "something else");
}

function depth(branch: readonly Issue[]): number {
  return Math.max(0, ...branch.map(({ path }) => path.length));
}

/** A plugin's sentence may quote the value it is about. */
function withoutSecrets(sentence: string, { secrets = new Set() }: Subject): string {
  let clean = sentence;
  for (const secret of secrets) if (secret.length > 2) clean = clean.replaceAll(secret, "…");
  return clean;
}

/** True for zod's own wording, which is written for programmers. */
function isBuiltIn(message: string): boolean {
  return /^(Invalid |Too (small|big)|Unrecognized key)/.test(message);
}
