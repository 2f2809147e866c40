// Environment forms that plugins declare: a config that their variables stand for, where there is no file.
import type { EnvironmentForm } from "../plugin.ts";
import { type ConfigDocument, plantConfig } from "./document.ts";
import type { Environment } from "./substitute.ts";

/** Reads the variables; undefined when none of them is set. */
export type EnvironmentReader = (env: Environment) => EnvironmentForm | undefined;

/** The document of the first form whose variables are set. */
export function readEnvironment(readers: readonly EnvironmentReader[], env: Environment): ConfigDocument | undefined {
  const place = { file: "environment", line: 0, column: 0 };
  for (const read of readers) {
    const form = read(env);
    if (!form) continue;
    const problems = form.problems.map(({ variable, reason }) => ({ ...place, key: variable, reason }));
    // With a variable that is wrong nothing below could add a word that helps.
    return problems.length > 0 ? { problems } : { root: plantConfig(form.config, place), problems };
  }
  return undefined;
}
