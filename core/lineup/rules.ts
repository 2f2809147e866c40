// Filters and renames that are data: which channels stay, and what is set on those that do.
import { z } from "zod";
import { parseDuration, parseSize } from "../formats/duration.ts";
import { compileSelector, selectorSchema } from "../formats/selector.ts";
import type { Channel } from "../types.ts";

const number = z.union([
  z.number().nonnegative().transform(String),
  z.string().regex(/^\d+(\.\d+)?$/, "digits, or digits.digits"),
]);

/** Less would hold no minute of anything. */
const leastSize = 64e6;

/** What is kept of a channel's live pictures: the same keys for an instance, and for the channels that a rule selects. */
export const timeshiftSchema = z.strictObject({
  timeshift: z
    .string()
    .refine((text) => (parseDuration(text) ?? -1) >= 0, "expected a duration such as 2h; 0 for none")
    .meta({ title: "duration" })
    .optional()
    .describe("how much of its live pictures is kept on disk, so that catch-up and pause work where upstream has none"),
  timeshiftSize: z
    .string()
    .refine((text) => (parseSize(text) ?? 0) >= leastSize, "expected a size of 64MB or more, such as 8GB")
    .meta({ title: "size" })
    .optional()
    .describe("disk space that the timeshift of one channel may take; default: 8GB"),
  timeshiftWhen: z
    .enum(["watched", "always"])
    .optional()
    .describe("whether to keep it only while somebody watches, or always, which takes a tuner; default: watched"),
});

/** The keys by which the user edits channels: the same for one instance and for the whole lineup. */
export const rulesSchema = z.strictObject({
  include: z.array(selectorSchema).optional().describe("only channels that one of these selects"),
  exclude: z.array(selectorSchema).optional().describe("no channel that one of these selects"),
  set: z
    .array(
      z.strictObject({
        where: selectorSchema,
        name: z.string().min(1).optional(),
        group: z.union([z.string(), z.array(z.string())]).optional(),
        number: number.optional(),
        logo: z.string().optional(),
        ...timeshiftSchema.shape,
      }),
    )
    .optional()
    .describe("what to set on the channels that `where` selects; a later entry wins"),
});

export type Rules = z.output<typeof rulesSchema>;
export type ChannelTimeshift = Pick<Channel, "timeshift" | "timeshiftSize" | "timeshiftWhen">;

/** A channel that rules have seen; `pinned` when its number is the user's own wish. */
export interface Ruled {
  readonly channel: Channel;
  readonly pinned: boolean;
}

/** Compiles rules once; the result gives the edited channel, or undefined for one that is left out. */
export function compileRules(rules: Rules): ((channel: Channel) => Ruled | undefined) | undefined {
  const include = rules.include?.map(compileSelector);
  const exclude = rules.exclude?.map(compileSelector) ?? [];
  const set = rules.set?.map(({ where, ...changes }) => ({
    selects: compileSelector(where),
    ...compileChanges(changes),
  }));
  if (!include && exclude.length === 0 && !set?.length) return undefined;
  return (channel) => {
    if (include && !include.some((selects) => selects(channel))) return undefined;
    if (exclude.some((selects) => selects(channel))) return undefined;
    let edited = channel;
    let pinned = false;
    for (const { selects, changes, pins } of set ?? []) {
      if (!selects(channel)) continue;
      edited = { ...edited, ...changes };
      pinned ||= pins;
    }
    return { channel: edited, pinned };
  };
}

/** What an entry sets on a channel, read once. */
function compileChanges(changes: Omit<NonNullable<Rules["set"]>[number], "where">) {
  const { group, timeshift, timeshiftSize, timeshiftWhen, ...rest } = changes;
  return {
    changes: {
      ...definedOnly(rest),
      ...(group === undefined ? {} : { groups: typeof group === "string" ? group.split(";") : group }),
      ...readTimeshift({ timeshift, timeshiftSize, timeshiftWhen }),
    },
    pins: changes.number !== undefined,
  };
}

/** The keys of `timeshiftSchema` as a channel has them. */
export function readTimeshift(file: z.output<typeof timeshiftSchema>): ChannelTimeshift {
  const { timeshift = "", timeshiftSize = "", timeshiftWhen } = file;
  return definedOnly({ timeshift: parseDuration(timeshift), timeshiftSize: parseSize(timeshiftSize), timeshiftWhen });
}

function definedOnly<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
