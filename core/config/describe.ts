// The config's documentation, made from the schemas that check it.
import type { z } from "zod";
import type { Plugin } from "../plugin.ts";
import { type JsonSchema, toJsonSchema } from "./known.ts";
import { configSchema } from "./schema.ts";

interface Row {
  readonly key: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  /** The key under which the same nested keys are described already. */
  readonly same?: string;
}

/** Markdown: a table of the core's keys, then one of each plugin's own. */
export function describeConfig(plugins: readonly Plugin[]): string {
  const core = `### The file\n\n${formatTable(listRows(toJsonSchema(configSchema)))}`;
  return `${[core, ...plugins.map(describePlugin)].join("\n\n")}\n`;
}

/** Markdown: a plugin's keys. */
export function describePlugin(plugin: Plugin): string {
  const rows = listRows(toJsonSchema(plugin.config));
  return `### \`use: ${plugin.name}\`\n\n${rows.length > 0 ? formatTable(rows) : "No keys of its own."}`;
}

/** The JSON Schema of a plugin's own keys, for editors and forms. */
export function describePluginSchema(plugin: Plugin): JsonSchema {
  return toJsonSchema(plugin.config as z.ZodType);
}

/** Keys in the order of the schema, those of nested objects with their path; the same keys again are only referred to. */
function listRows(schema: JsonSchema, prefix = "", seen = new Map<string, string>()): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const key = prefix + name;
    const row = { key, schema: child, required: schema.required?.includes(name) === true };
    const values = typeof child.additionalProperties === "object" ? child.additionalProperties : undefined;
    // What may be said in short or in full is listed in full.
    const full = values?.anyOf?.find((branch) => branch.properties);
    const nested = [child, values, full, child.items].find((candidate) => candidate?.properties);
    if (!nested) return [row];
    const shape = JSON.stringify(nested.properties);
    const same = seen.get(shape);
    if (same !== undefined) return [{ ...row, same }];
    seen.set(shape, key);
    const step = nested === child ? "." : nested === values || nested === full ? ".<name>." : "[].";
    return [row, ...listRows(nested, key + step, seen)];
  });
}

function formatTable(rows: readonly Row[]): string {
  const lines = rows.map(({ key, schema, required, same }) => {
    const meaning = [schema.description, same && `keys as in \`${same}\``].filter(Boolean).join("; ");
    const cells = [`\`${key}\``, describeType(schema), describeDefault(schema, required), meaning];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replace(/\s+/g, " ")).join(" | ")} |`;
  });
  return ["| key | type | default | meaning |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

function describeDefault({ default: value }: JsonSchema, required: boolean): string {
  if (required) return "required";
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return value === undefined || isEmpty ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "number",
  integer: "whole number",
  boolean: "true or false",
  null: "nothing",
};

function describeType(schema: JsonSchema): string {
  const { title, type, items, additionalProperties } = schema;
  if (title) return title;
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return [...new Set(branches.map(describeType))].join(" or ");
  if (type === "array") return items ? `list of ${describeType(items)}` : "list";
  if (type === "object") {
    const values = typeof additionalProperties === "object" ? describeType(additionalProperties) : "";
    return schema.properties || !values || values === "anything" ? "keys" : `${values} by name`;
  }
  return typeWords[type ?? ""] ?? "anything";
}
