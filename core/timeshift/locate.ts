// Finds where in what was recorded an instant is.
import { type Block, continues } from "./block.ts";

/** A random-access point, and the tables that go before it. */
export interface Spot {
  readonly block: Block;
  readonly offset: number;
  readonly tables: Uint8Array;
}

/** Why an instant was not recorded; instants in milliseconds since the Unix epoch. */
export interface Hole {
  /** When what came before it ended. */
  readonly since?: number;
  /** When recording went on. */
  readonly until?: number;
}

/** So far from what was recorded an instant may be: players ask for whole seconds, and a picture must come first. */
const slack = 10_000;
const noTables = new Uint8Array(0);

/**
 * The last point at or before an instant, or, when recording began right after it, that one. Where the clock was set
 * back and an instant came twice, the later recording of it counts.
 *
 * @param blocks in order of their sequence
 */
export function locate(blocks: readonly Block[], at: number): Spot | Hole {
  const found = lastBefore(blocks, at);
  if (!found) {
    const [first] = spotsFrom(blocks, 0, 0);
    if (!first) return {};
    return first.at - at <= slack ? first.spot : { until: first.at };
  }
  const end = endOfRun(blocks, found.index, found.offset);
  if (at <= end.at + slack || end.next === undefined) {
    return at <= end.at + slack ? spotAt(blocks[found.index] as Block, found.place) : { since: end.at };
  }
  const [next] = spotsFrom(blocks, end.next.index, end.next.offset);
  if (!next) return { since: end.at };
  return next.at - at <= slack ? next.spot : { since: end.at, until: next.at };
}

/** The first point that is kept. */
export function oldest(blocks: readonly Block[]): Spot | undefined {
  const [first] = spotsFrom(blocks, 0, 0);
  return first?.spot;
}

/** The first point from `offset` on whose time has come: where what is wanted until then ends. */
export function stopAt({ points, times }: Block, offset: number, until: number): number | undefined {
  const place = points.findIndex((point, index) => point >= offset && (times[index] ?? 0) >= until);
  return place === -1 ? undefined : points[place];
}

export function isSpot(found: Spot | Hole): found is Spot {
  return "block" in found;
}

function lastBefore(blocks: readonly Block[], at: number) {
  for (let index = blocks.length - 1; index >= 0; index--) {
    const { points, times } = blocks[index] as Block;
    for (let place = times.length - 1; place >= 0; place--)
      if ((times[place] ?? 0) <= at) return { index, place, offset: points[place] ?? 0 };
  }
  return undefined;
}

/** When what goes on without a break from a place ends, and where what comes after that begins. */
function endOfRun(blocks: readonly Block[], index: number, offset: number) {
  let at = 0;
  let from = offset;
  for (let place = index; place < blocks.length; place++) {
    const block = blocks[place] as Block;
    const { breaks, to = 0, from: began = 0 } = block;
    // Blocks follow each other in time, unless the clock was set back between them.
    if (place > index && (began < at || !continues(block, blocks[place - 1] as Block)))
      return { at, next: { index: place, offset: 0 } };
    const end = breaks.find((each) => (place > index ? each.offset >= from : each.offset > from));
    if (end) return { at: end.before ?? at, next: { index: place, offset: end.offset } };
    at = to;
    from = 0;
  }
  return { at, next: undefined };
}

function* spotsFrom(blocks: readonly Block[], index: number, offset: number) {
  for (let place = index; place < blocks.length; place++) {
    const block = blocks[place] as Block;
    for (const [number, point] of block.points.entries())
      if (place > index || point >= offset) yield { at: block.times[number] ?? 0, spot: spotAt(block, number) };
  }
}

function spotAt(block: Block, place: number): Spot {
  const offset = block.points[place] ?? 0;
  const tables = block.tables.findLast((each) => each.offset <= offset)?.bytes ?? noTables;
  return { block, offset, tables };
}
