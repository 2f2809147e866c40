// Variables of HLS playlists (EXT-X-DEFINE, bis §4.3 and §4.4.2.3): replaced by their values, so that nobody after needs to know them.
import { readAttributes } from "./attributes.ts";
import { readLines } from "./lines.ts";

/** Characters that a whole playlist may grow by; beyond that variables stay as they are written. */
const mostGrowth = 16 << 20;

/** A playlist without variables, and what they were, which playlists that it names may import. */
export interface Expanded {
  readonly text: string;
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * Takes the EXT-X-DEFINE lines out and puts the values in. A variable that is not known stays as it is written.
 *
 * @param url the playlist's own address: some variables come from its query
 * @param imports the variables of the multivariant playlist that names this one
 */
export function expandVariables(text: string, url: string, imports: ReadonlyMap<string, string> = new Map()): Expanded {
  const variables = new Map<string, string>();
  if (!/#EXT-X-DEFINE:/i.test(text)) return { text, variables };
  const lines: string[] = [];
  let growth = 0;
  const replaced = (written: string, name: string): string => {
    const value = growth > mostGrowth ? undefined : variables.get(name);
    growth += value?.length ?? 0;
    return value ?? written;
  };
  for (const { text: line, end, tag, value } of readLines(text)) {
    if (tag === "#EXT-X-DEFINE") define(variables, readAttributes(value), url, imports);
    else lines.push(line.replace(/\{\$([\w-]{1,256})\}/g, replaced) + end);
  }
  return { text: lines.join(""), variables };
}

function define(
  variables: Map<string, string>,
  attributes: ReadonlyMap<string, string>,
  url: string,
  imports: ReadonlyMap<string, string>,
): void {
  const query = attributes.get("QUERYPARAM");
  const imported = attributes.get("IMPORT");
  const name = attributes.get("NAME") ?? query ?? imported;
  if (name === undefined || variables.has(name)) return;
  const value =
    query !== undefined
      ? queryOf(url).get(query)
      : imported !== undefined
        ? imports.get(imported)
        : (attributes.get("VALUE") ?? "");
  if (value !== undefined && value !== null) variables.set(name, value.replace(/[\r\n"]/g, ""));
}

function queryOf(url: string): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? "");
}
