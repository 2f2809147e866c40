// Describes every mounted app's routes as one OpenAPI document. There is no page: those of the package load scripts from elsewhere.
import type { AnyElysia } from "elysia";
import { z } from "zod";

/** The document, as JSON would have it. */
export async function describeApps(apps: readonly AnyElysia[], version: string): Promise<object> {
  // Loaded when somebody asks: it would add tens of milliseconds to every start.
  const { toOpenAPISchema } = await import("@elysiajs/openapi");
  const paths: Record<string, unknown> = {};
  const schemas: Record<string, unknown> = {};
  const toSchema = (schema: z.ZodType) => z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  for (const app of apps) {
    const described = toOpenAPISchema(app, { staticFile: false }, undefined, { zod: toSchema });
    Object.assign(paths, described.paths);
    Object.assign(schemas, described.components.schemas);
  }
  return { openapi: "3.1.2", info: { title: "Headend", version }, paths, components: { schemas } };
}
