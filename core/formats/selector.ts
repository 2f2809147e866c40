// What the config means by "these channels": a group, a name, an id, with wildcards.
import { z } from "zod";
import type { Channel } from "../types.ts";

const patterns = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe("text with * and ? as wildcards, upper and lower case alike; or a list of such");

/** The keys by which the user means channels. */
export const selectorSchema = z
  .strictObject({
    group: patterns.optional(),
    name: patterns.optional(),
    id: patterns.optional().describe("guide id (tvg-id) or the channel's own id"),
  })
  .refine((keys) => keys.group ?? keys.name ?? keys.id, "needs at least one of group, name, id");

export type Selector = z.output<typeof selectorSchema>;

/** Compiles once; the result tells of a channel whether all keys that are given fit it. */
export function compileSelector({ group, name, id }: Selector): (channel: Channel) => boolean {
  const byGroup = group && compilePatterns(group);
  const byName = name && compilePatterns(name);
  const byId = id && compilePatterns(id);
  return (channel) =>
    (!byGroup || (channel.groups ?? [""]).some(byGroup)) &&
    (!byName || byName(channel.name)) &&
    (!byId || [channel.guideId, channel.id].some((text) => text !== undefined && byId(text)));
}

function compilePatterns(patterns: string | readonly string[]): (text: string) => boolean {
  const globs = [patterns].flat().map((pattern) => pattern.toLowerCase());
  return (text) => {
    const lower = text.toLowerCase();
    return globs.some((glob) => matchesGlob(lower, glob));
  };
}

/** `*` stands for any text, `?` for any sign. Goes back to the last `*` only, so that no pattern is slow. */
function matchesGlob(text: string, glob: string): boolean {
  let at = 0;
  let g = 0;
  let star = -1;
  let mark = 0;
  while (at < text.length) {
    if (glob[g] === "*") {
      star = g++;
      mark = at;
    } else if (glob[g] === "?" || glob[g] === text[at]) {
      g++;
      at++;
    } else if (star >= 0) {
      g = star + 1;
      at = ++mark;
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}
