// Filters and renames that are data: which channels stay, and what is set on those that do.
import { z } from "zod";
import type { Channel } from "../types.ts";

const patterns = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe("text with * and ? as wildcards, upper and lower case alike; or a list of such");

const selector = z
  .strictObject({
    group: patterns.optional(),
    name: patterns.optional(),
    id: patterns.optional().describe("guide id (tvg-id) or the channel's own id"),
  })
  .refine((keys) => keys.group ?? keys.name ?? keys.id, "needs at least one of group, name, id");

const number = z.union([
  z.number().nonnegative().transform(String),
  z.string().regex(/^\d+(\.\d+)?$/, "digits, or digits.digits"),
]);

/** The keys by which the user edits channels: the same for one instance and for the whole lineup. */
export const rulesSchema = z.strictObject({
  include: z.array(selector).optional().describe("only channels that one of these selects"),
  exclude: z.array(selector).optional().describe("no channel that one of these selects"),
  set: z
    .array(
      z.strictObject({
        where: selector,
        name: z.string().min(1).optional(),
        group: z.union([z.string(), z.array(z.string())]).optional(),
        number: number.optional(),
        logo: z.string().optional(),
      }),
    )
    .optional()
    .describe("what to set on the channels that `where` selects; a later entry wins"),
});

export type Rules = z.output<typeof rulesSchema>;
type Selector = z.output<typeof selector>;

/** A channel that rules have seen; `pinned` when its number is the user's own wish. */
export interface Ruled {
  readonly channel: Channel;
  readonly pinned: boolean;
}

/** Compiles rules once; the result gives the edited channel, or undefined for one that is left out. */
export function compileRules(rules: Rules): ((channel: Channel) => Ruled | undefined) | undefined {
  const include = rules.include?.map(compileSelector);
  const exclude = rules.exclude?.map(compileSelector) ?? [];
  const set = rules.set?.map(({ where, ...changes }) => ({ selects: compileSelector(where), changes })) ?? [];
  if (!include && exclude.length === 0 && set.length === 0) return undefined;
  return (channel) => {
    if (include && !include.some((selects) => selects(channel))) return undefined;
    if (exclude.some((selects) => selects(channel))) return undefined;
    let edited = channel;
    let pinned = false;
    for (const { selects, changes } of set) {
      if (!selects(channel)) continue;
      const { group, ...rest } = changes;
      edited = { ...edited, ...definedOnly(rest) };
      if (group !== undefined) edited = { ...edited, groups: typeof group === "string" ? group.split(";") : group };
      pinned ||= changes.number !== undefined;
    }
    return { channel: edited, pinned };
  };
}

function definedOnly<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

function compileSelector({ group, name, id }: Selector): (channel: Channel) => boolean {
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
