// What discovery found, as it is kept for the next start: until it has looked again, this is what holds.
import { z } from "zod";
import type { GuideDay, Service } from "./discovery.ts";
import type { Profile } from "./profile.ts";

export interface Found {
  readonly profile: Profile;
  /** In order of their numbers. */
  readonly services: readonly NumberedService[];
  readonly days: readonly GuideDay[];
}

export interface NumberedService extends Service {
  /** Absent: no package that is paid for has it. */
  readonly number?: number;
}

const group = { address: z.string(), port: z.int() };
const schema = z.object({
  profile: z.object({
    demarcation: z.number(),
    packages: z.array(z.string()),
    entryPoint: z.object(group),
    logos: z.string(),
    covers: z.string(),
  }),
  services: z.array(
    z.object({
      ...group,
      id: z.int(),
      name: z.string(),
      genre: z.string().exactOptional(),
      logo: z.string().exactOptional(),
      replacement: z.int().exactOptional(),
      number: z.int().exactOptional(),
    }),
  ),
  days: z.array(z.object({ ...group, source: z.string(), services: z.array(z.int()) })),
});

/** Undefined when nothing was kept, or another version kept it. */
export function readFound(text: string | undefined): Found | undefined {
  try {
    return text === undefined ? undefined : schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The number that comes last: of the channel whose own is 0. */
export const lastNumber = 999;

/** Those that are in a package, and those that are wanted all the same; each with its number, in order. */
export function numberServices(
  services: readonly Service[],
  numbers: ReadonlyMap<number, number>,
  extra: readonly number[],
): NumberedService[] {
  return services
    .filter(({ id }) => numbers.has(id) || extra.includes(id))
    .map((service): NumberedService => {
      const number = numbers.get(service.id);
      return number === undefined ? service : { ...service, number: number || lastNumber };
    })
    .toSorted((a, b) => (a.number ?? lastNumber + 1) - (b.number ?? lastNumber + 1));
}
