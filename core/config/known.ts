// What a schema allows at a path: read from its JSON Schema, the one public view of it.
import { z } from "zod";
import type { KeyPath } from "./problem.ts";

/** The part of JSON Schema (2020-12) that zod writes and that is read here. */
export interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

/** The JSON Schema of what a user writes; of a schema that zod cannot show, one that allows anything. */
export function toJsonSchema(schema: z.ZodType): JsonSchema {
  try {
    return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  } catch {
    return {};
  }
}

/** Every schema that may hold at a path. */
export function schemasAt(root: JsonSchema, path: KeyPath): JsonSchema[] {
  let found = flatten(root, root);
  for (const part of path) {
    const next = found.flatMap((schema): (JsonSchema | undefined)[] => {
      if (typeof part === "number") return [schema.prefixItems?.[part] ?? schema.items];
      if (schema.properties && Object.hasOwn(schema.properties, part)) return [schema.properties[part]];
      return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
    });
    found = next.flatMap((schema) => (schema ? flatten(schema, root) : []));
  }
  return found;
}

/** The keys that may stand at a path. */
export function keysAt(root: JsonSchema, path: KeyPath): string[] {
  return [...new Set(schemasAt(root, path).flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

/** Keys of a value that its schema would drop without a word: an object that is neither strict nor loose. */
export function findDropped(root: JsonSchema, value: unknown, path: (string | number)[] = []): KeyPath[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => findDropped(root, item, [...path, index]));
  const here = schemasAt(root, path).filter(({ type }) => type === "object");
  const closed =
    here.length > 0 && here.every((s) => s.additionalProperties === undefined && s.properties !== undefined);
  return Object.entries(value).flatMap(([key, entry]) => {
    const dropped = closed && !here.some(({ properties = {} }) => Object.hasOwn(properties, key));
    return dropped ? [[...path, key]] : findDropped(root, entry, [...path, key]);
  });
}

/** A schema and its alternatives, references followed. */
function flatten(schema: JsonSchema, root: JsonSchema, depth = 0): JsonSchema[] {
  if (depth > 16) return [];
  const { $ref, anyOf = [], oneOf = [], allOf = [] } = schema;
  const target = $ref === "#" ? root : $ref ? root.$defs?.[$ref.replace("#/$defs/", "")] : undefined;
  const others = [...(target ? [target] : []), ...anyOf, ...oneOf, ...allOf];
  return [schema, ...others.flatMap((other) => flatten(other, root, depth + 1))];
}
