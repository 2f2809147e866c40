// What found nobody, on both sides, each with the nearest candidates of the other.
import type { Pacer } from "../clock.ts";
import { normaliseId, normaliseName } from "./match.ts";

export interface UnmatchedLists {
  /** Targets without a programme. */
  targets: { id: string; name: string }[];
  /** Ids of sources with programmes and without a target. */
  ids: { source: string; id: string; name: string }[];
}

export interface Candidate {
  readonly id: string;
  readonly name: string;
  /** Of an id of a source: which. */
  readonly source?: string;
  /** From 0 to 1: how alike the two are (Dice coefficient of letter pairs). */
  readonly likeness: number;
}

export interface Unmatched {
  readonly targets: readonly {
    readonly id: string;
    readonly name: string;
    readonly candidates: readonly Candidate[];
  }[];
  readonly ids: readonly {
    readonly source: string;
    readonly id: string;
    readonly name: string;
    readonly candidates: readonly Candidate[];
  }[];
}

/** Entries with candidates per side, candidates per entry, and how alike they must be. */
const MAX_ENTRIES = 500;
const MAX_CANDIDATES = 3;
const LEAST = 0.4;
/** A pair of letters that more entries than this share says nothing. */
const COMMON = 400;

/** Finds candidates both ways; bounded by the constants above, and paced. */
export async function nearest(lists: UnmatchedLists, pacer: Pacer): Promise<Unmatched> {
  const targets = lists.targets.map((entry) => ({ entry, pairs: pairsOf(entry) }));
  const ids = lists.ids.map((entry) => ({ entry, pairs: pairsOf(entry) }));
  const idsByPair = new Map<string, number[]>();
  const targetsByPair = new Map<string, number[]>();
  const rest = async () => {
    if (pacer.due()) await pacer.rest();
  };
  for (const [list, byPair] of [
    [ids, idsByPair],
    [targets, targetsByPair],
  ] as const) {
    for (const [place, { pairs }] of list.entries()) {
      for (const pair of pairs) {
        const places = byPair.get(pair);
        if (places) places.push(place);
        else byPair.set(pair, [place]);
      }
      await rest();
    }
  }
  const candidates = <T extends { id: string; name: string }>(
    pairs: ReadonlySet<string>,
    list: readonly Entry<T>[],
    byPair: ReadonlyMap<string, number[]>,
  ) => {
    const shared = new Map<number, number>();
    for (const pair of pairs) {
      const places = byPair.get(pair) ?? [];
      if (places.length <= COMMON) for (const place of places) shared.set(place, (shared.get(place) ?? 0) + 1);
    }
    const found: (T & { likeness: number })[] = [];
    for (const [place, count] of shared) {
      const other = list[place];
      if (!other) continue;
      const likeness = Math.round((200 * count) / (pairs.size + other.pairs.size)) / 100;
      if (likeness >= LEAST) found.push({ ...other.entry, likeness });
    }
    return found.sort((a, b) => b.likeness - a.likeness || (a.id < b.id ? -1 : 1)).slice(0, MAX_CANDIDATES);
  };
  const result: { targets: Unmatched["targets"][number][]; ids: Unmatched["ids"][number][] } = { targets: [], ids: [] };
  for (const { entry, pairs } of targets.slice(0, MAX_ENTRIES)) {
    result.targets.push({ ...entry, candidates: candidates(pairs, ids, idsByPair) });
    await rest();
  }
  for (const { entry, pairs } of ids.slice(0, MAX_ENTRIES)) {
    result.ids.push({ ...entry, candidates: candidates(pairs, targets, targetsByPair) });
    await rest();
  }
  return result;
}

interface Entry<T> {
  readonly entry: T;
  readonly pairs: ReadonlySet<string>;
}

/** The letter pairs of an entry's id and name. */
function pairsOf({ id, name }: { id: string; name: string }): Set<string> {
  const pairs = new Set<string>();
  for (const key of [normaliseId(id), normaliseName(name)]) {
    const letters = [...key];
    for (let i = 1; i < letters.length && i < 40; i++) pairs.add(`${letters[i - 1]}${letters[i]}`);
  }
  return pairs;
}
