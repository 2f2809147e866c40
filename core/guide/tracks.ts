// The state of every target during a merge: who owns it, what its channel element is, and where its programmes go.
import { Buffer } from "node:buffer";
import { escapeValue } from "../formats/xmltv/text.ts";
import { type Step, stepRank } from "./match.ts";
import type { GuideTarget } from "./target.ts";

/** An id of a source, and the targets it means. */
export interface SourceId {
  readonly id: string;
  readonly source: number;
  wanted: Wanted[];
  names: readonly string[];
  declared: boolean;
  /** Programmes seen, whatever became of them. */
  programmes: number;
  /** Why programmes of it were passed over that a second reading might want. */
  refused: "unmatched" | "owned elsewhere" | undefined;
}

export interface Wanted {
  readonly track: Track;
  readonly step: Step;
}

/** A channel element as its source has it, well-formed, with the place of its id's value. */
export interface ChannelElement {
  readonly from: SourceId;
  readonly bytes: Buffer;
  readonly idStart: number;
  readonly idEnd: number;
}

export interface Track {
  readonly target: GuideTarget;
  readonly place: number;
  /** The set of instances it is for. */
  readonly set: number;
  /** The output id as a value between either kind of quotes. */
  readonly id: Buffer;
  owner: SourceId | undefined;
  step: Step | undefined;
  /** The best declared id of the source being read. */
  claim: { readonly by: SourceId; readonly step: Step } | undefined;
  /** A later source that has programmes for it by a better match than the owner's. */
  better: Reservation | undefined;
  /** The source that it is kept for. */
  reserved: Reservation | undefined;
  /** The element of the source being read, and that of the first source that had one. */
  element: ChannelElement | undefined;
  firstElement: ChannelElement | undefined;
  /** Programmes kept; the earliest start among the new ones. */
  count: number;
  earliest: number;
}

/** A source with its best match for a target. */
export interface Reservation {
  readonly source: number;
  readonly step: Step;
}

/** More combinations of instances than this are not kept apart. */
const MAX_SETS = 256;

/** The tracks of all targets, and the sets of instances. */
export function createTracks(targets: readonly GuideTarget[]): { tracks: Track[]; sets: string[][] } {
  const everyone = [...new Set(targets.flatMap((target) => target.instances))];
  const sets: string[][] = [everyone];
  const setByKey = new Map<string, number>();
  const setOf = (instances: readonly string[]): number => {
    const sorted = [...instances].sort();
    const key = JSON.stringify(sorted);
    let set = setByKey.get(key);
    if (set === undefined) {
      set = sets.length < MAX_SETS ? sets.push(sorted) - 1 : 0;
      setByKey.set(key, set);
    }
    return set;
  };
  const tracks = targets.map((target, place): Track => {
    return {
      target,
      place,
      set: setOf(target.instances),
      id: Buffer.from(escapeValue(target.id).replaceAll("'", "&apos;")),
      owner: undefined,
      step: undefined,
      claim: undefined,
      better: undefined,
      reserved: undefined,
      element: undefined,
      firstElement: undefined,
      count: 0,
      earliest: Number.POSITIVE_INFINITY,
    };
  });
  return { tracks, sets };
}

/** Is the target kept for a source that means it by a better match? */
export function keptForAnother({ track: { reserved }, step }: Wanted, by: SourceId): boolean {
  return reserved !== undefined && reserved.source !== by.source && stepRank[reserved.step] < stepRank[step];
}

/** Has another id of the same source been declared for this track by a better match? */
export function outranked({ track, step }: Wanted, by: SourceId): boolean {
  const { claim } = track;
  return (
    claim !== undefined && claim.by !== by && claim.by.source === by.source && stepRank[claim.step] < stepRank[step]
  );
}
