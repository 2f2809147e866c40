// The order in which the XMLTV DTD wants the children of `channel`, `programme` and `credits`.
import { Buffer } from "node:buffer";
import { hashBytes } from "./bytes.ts";

/** `xmltv.dtd`, content models of the three elements whose children have many kinds. */
const models: Readonly<Record<string, string>> = {
  channel: "display-name icon url",
  programme:
    "title sub-title desc credits date category keyword language orig-language length icon url country episode-num video audio " +
    "previously-shown premiere last-chance new subtitles rating star-rating review image",
  credits: "director actor writer adapter producer composer editor presenter commentator guest",
};

/** The rank of an element that the DTD does not know: after all that it does. */
export const UNKNOWN_RANK = 63;

/** Ranks of child names by their FNV-1a hash. */
export type Ranks = ReadonlyMap<number, number>;

function ranksOf(model: string): Ranks {
  return new Map(
    (models[model] ?? "").split(" ").map((name, rank) => [hashBytes(Buffer.from(name), 0, name.length), rank]),
  );
}

export const channelRanks = ranksOf("channel");
export const programmeRanks = ranksOf("programme");
export const creditsRanks = ranksOf("credits");

/**
 * An element's bytes with its children sorted into the order of the DTD; children of one name keep their order, and each
 * takes the white space before it along. `ends[i]` is where child `i` ends, `first` where the first child's space starts.
 */
export function sortChildren(
  bytes: Buffer,
  start: number,
  end: number,
  children: { readonly first: number; readonly ends: Int32Array; readonly ranks: Uint8Array; readonly count: number },
): Buffer {
  const order = Array.from({ length: children.count }, (_, i) => i);
  const { ends, ranks, first } = children;
  order.sort((a, b) => (ranks[a] as number) - (ranks[b] as number) || a - b);
  const parts = [bytes.subarray(start, first)];
  for (const i of order) parts.push(bytes.subarray(i === 0 ? first : ends[i - 1], ends[i]));
  parts.push(bytes.subarray(ends[children.count - 1], end));
  return Buffer.concat(parts);
}
