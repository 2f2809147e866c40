// What an add-on sent, held against the schema that says how it should be.
import type { z } from "zod";

/** An object of JSON whose values may be anything. */
export type Given = Readonly<Record<string, unknown>>;

/** The object, and which of its keys are not as the schema says; undefined when it is no object. */
export function inspect(schema: z.ZodType, item: unknown): { given: Given; wrong: readonly string[] } | undefined {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
  const { error } = schema.safeParse(item);
  return { given: item as Given, wrong: [...new Set(error?.issues.map(({ path }) => String(path[0])))] };
}

/** Told of the keys that are wrong, but for those whose readers say themselves what is. */
export function tellWrong(
  wrong: readonly string[],
  spared: ReadonlySet<string>,
  mended: (reason: string) => void,
): void {
  for (const key of wrong) if (!spared.has(key)) mended(`${key} of another type`);
}
