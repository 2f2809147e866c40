// Takes the types out of TypeScript, so that browsers can run it: what each runtime does with our own code anyway.
import * as nodeModule from "node:module";

/**
 * JavaScript of a module whose types can just be erased; its imports stay as they are.
 *
 * @throws Error with the reason when it is no such TypeScript
 */
export function stripTypes(code: string): string {
  if (typeof Bun !== "undefined") return new Bun.Transpiler({ loader: "ts", target: "browser" }).transformSync(code);
  const { stripTypeScriptTypes } = nodeModule as unknown as { stripTypeScriptTypes(code: string): string };
  return stripTypeScriptTypes(code);
}
