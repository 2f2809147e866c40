// Which channel of the lineup a guide's channel id or name means: pure keys, and the tables of one merge.
import type { GuideMatch, Match } from "../types.ts";
import type { GuideTarget } from "./target.ts";

export type Step = GuideMatch["step"];

/** Steps in order of trust. */
export const stepRank: Readonly<Record<Step, number>> = { map: 0, exact: 1, normalised: 2, name: 3 };

const quality = /@[\p{L}\p{N}]*$/u;
const country = /\.(?:it|uk|de|com|us|es|fr|pt|nl|be|at|ch)$/;
// Marks belong to the letters before them: without them, many Thai or Hindi names would be one.
const unimportant = /[^\p{L}\p{N}\p{M}]+/gu;

const ascii = /^[ -~]*$/;

/**
 * The key under which differently written ids meet: `Italia 1`, `Italia 1.it` and `italia1.it@HD` are `italia1`.
 * Empty when there is no letter or digit in it.
 */
export function normaliseId(id: string): string {
  const plain = id.trim();
  return normaliseName((plain.includes("@") ? plain.replace(quality, "") : plain).toLowerCase().replace(country, ""));
}

/** The key under which differently written names meet. */
export function normaliseName(name: string): string {
  const lower = name.toLowerCase();
  // The same for what is nothing but ASCII, and a fifth of the time.
  return ascii.test(lower) ? lower.replace(/[^a-z0-9]+/g, "") : lower.normalize("NFC").replace(unimportant, "");
}

/** A name as people compare it: letter case and white space do not count, signs do (`Canal` is not `Canal +`). */
const plainName = (name: string): string => name.trim().toLowerCase().replace(/\s+/g, " ");

/** A target that an id or a name means, by its place in the list. */
export interface Meant {
  readonly target: number;
  readonly step: Step;
}

/** How one source's ids are to be understood. */
export interface MatchOptions {
  readonly match: Match;
  readonly map: ReadonlyMap<string, string>;
  /** The instance whose own channel ids these are; absent: they are guide ids. */
  readonly channelsOf?: string;
}

export class Matcher {
  readonly #exact = new Map<string, number[]>();
  readonly #normalised = new Map<string, number[]>();
  readonly #channels = new Map<string, number[]>();
  readonly #names = new Map<string, { target: number; plain: string }[]>();

  constructor(targets: readonly GuideTarget[]) {
    targets.forEach((target, place) => {
      if (target.guideId !== undefined) {
        add(this.#exact, target.guideId, place);
        add(this.#normalised, normaliseId(target.guideId), place);
      }
      for (const id of target.channelIds) add(this.#channels, id, place);
      const plains = new Set(target.names.map(plainName));
      for (const plain of plains) add(this.#names, normaliseName(plain), { target: place, plain });
    });
  }

  /** Every target that a source's id means, each by its most trusted step. */
  byId(id: string, { match, map, channelsOf }: MatchOptions): Meant[] {
    const mapped = map.get(id);
    const wished = mapped === undefined ? undefined : this.#exact.get(mapped);
    // An id that no channel has is a slip of the pen; it does not keep the rules from looking.
    if (wished) return wished.map((target) => ({ target, step: "map" }));
    if (channelsOf !== undefined) {
      return (this.#channels.get(`${channelsOf}:${id}`) ?? []).map((target) => ({ target, step: "exact" }));
    }
    const meant: Meant[] = (this.#exact.get(id) ?? []).map((target) => ({ target, step: "exact" }));
    if (match === "exact") return meant;
    const key = normaliseId(id);
    for (const target of (key && this.#normalised.get(key)) || []) {
      if (!meant.some((other) => other.target === target)) meant.push({ target, step: "normalised" });
    }
    return meant;
  }

  /**
   * The targets that a channel's names mean. A key that differently written names share means only those that are written
   * like the source's, else none; numbers count only where there is nothing else.
   */
  byName(names: readonly string[]): Meant[] {
    const words = names.filter((name) => /\p{L}/u.test(name));
    for (const name of words.length > 0 ? words : names) {
      const key = normaliseName(name);
      const found = (key && this.#names.get(key)) || [];
      const plain = plainName(name);
      const same = found.every((other) => other.plain === found[0]?.plain)
        ? found
        : found.filter((other) => other.plain === plain);
      if (same.length > 0) return same.map(({ target }) => ({ target, step: "name" }));
    }
    return [];
  }
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
