// Checks a tree against a schema: the value, or every problem. Texts are read as the type the schema wants.
import type { z } from "zod";
import { type ConfigNode, nodeAt, plainOf } from "./document.ts";
import { explainIssues, explainUnknownKey, type Subject } from "./explain.ts";
import { findDropped, type JsonSchema, toJsonSchema } from "./known.ts";
import type { KeyPath, Problem } from "./problem.ts";

/** What validating needs beyond the schema. */
export type ValidateOptions = Omit<Subject, "schema">;

/** The schema's output, or what is wrong. */
export type Validated<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

/**
 * A number where text is wanted is the text as it was written (a password of digits keeps its zeros); a text of digits
 * where a number is wanted is that number (`${PORT}`). Never throws.
 */
export function validate<Schema extends z.ZodType>(schema: Schema, o: ValidateOptions): Validated<z.output<Schema>> {
  // Only a problem needs the JSON Schema: making it takes longer than all the rest.
  let json: JsonSchema | undefined;
  const subject: Subject = { ...o, schema: () => (json ??= toJsonSchema(schema)) };
  const findUnknown = () => findDropped(subject.schema(), value).map((path) => explainUnknownKey(path, subject));
  let value = plainOf(o.node);
  const reread = new Set<string>();
  try {
    for (;;) {
      const result = schema.safeParse(value);
      if (result.success) {
        const unknown = isReduced(value, result.data) ? findUnknown() : [];
        return unknown.length > 0 ? { problems: unknown } : { value: result.data };
      }
      const readings = result.error.issues
        .flatMap((issue) => findReadings(issue, [], o.node, value))
        .filter(({ path }) => !reread.has(JSON.stringify(path)));
      if (readings.length === 0)
        return { problems: [...explainIssues(result.error.issues, subject), ...findUnknown()] };
      for (const { path, reading } of readings) {
        reread.add(JSON.stringify(path));
        value = replaceAt(value, path, reading);
      }
    }
  } catch (error) {
    const reason = `cannot be checked: ${error instanceof Error ? error.message : String(error)}`;
    return { problems: explainIssues([{ code: "custom", path: [], message: reason, input: undefined }], subject) };
  }
}

/** True when a key of the value is not in what the schema made of it. */
function isReduced(value: unknown, output: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (typeof output !== "object" || output === null) return true;
  return Object.entries(value).some(
    ([key, entry]) =>
      !Object.hasOwn(output, key) || isReduced(entry, (output as Readonly<Record<string, unknown>>)[key]),
  );
}

interface Reading {
  readonly path: KeyPath;
  readonly reading: string | number | boolean;
}

/** Other readings of scalars by which an issue would go away. */
function findReadings(issue: z.core.$ZodIssue, base: KeyPath, node: ConfigNode, value: unknown): Reading[] {
  const path = [...base, ...(issue.path as KeyPath)];
  if (issue.code === "invalid_union") {
    const branches = issue.errors.map((issues) => {
      const readings = issues.map((inner) => findReadings(inner, path, node, value));
      return readings.every(({ length }) => length > 0) ? readings.flat() : [];
    });
    return branches.find(({ length }) => length > 0) ?? [];
  }
  const text = nodeAt(node, path)?.text;
  if (issue.code !== "invalid_type" || text === undefined) return [];
  const current = path.reduce<unknown>(
    (parent, part) => (parent as Record<string, unknown> | undefined)?.[part],
    value,
  );
  const reading = readAs(issue.expected, text, current);
  return reading === undefined ? [] : [{ path, reading }];
}

function readAs(expected: string, text: string, current: unknown): string | number | boolean | undefined {
  if (expected === "string") return typeof current === "number" || typeof current === "boolean" ? text : undefined;
  if (typeof current !== "string") return undefined;
  if (expected === "number" || expected === "int") return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  return expected === "boolean" && (text === "true" || text === "false") ? text === "true" : undefined;
}

function replaceAt(value: unknown, [part, ...rest]: KeyPath, reading: unknown): unknown {
  if (part === undefined) return reading;
  if (Array.isArray(value)) return value.map((item, index) => (index === part ? replaceAt(item, rest, reading) : item));
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [part]: replaceAt(object[part], rest, reading) };
}
