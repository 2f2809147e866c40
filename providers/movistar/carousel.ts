// A carousel: segments sent one after the other, for ever. Tells when everything that it has has come.
import { createDvbstpAssembler, type DvbstpSegment, parseDvbstp } from "./dvbstp.ts";

export interface CarouselOptions {
  /** `<payload> <segment>` of what must come; absent: all that is sent. */
  readonly wanted?: Iterable<string>;
  /** Some of what must come may not be sent at all: rounds that bring nothing new are then enough. */
  readonly mayLack?: boolean;
}

export interface Carousel {
  /** What is whole, by `<payload> <segment>`; of each the newest version. */
  readonly segments: ReadonlyMap<string, DvbstpSegment>;
  /** True when there is no more to come. */
  readonly done: boolean;
  /** Datagrams; of these, such as are no sections that can be read; and segments that came whole and damaged. */
  readonly counts: { readonly datagrams: number; readonly foreign: number; readonly broken: number };
  /** Gives the segment that is whole with it. */
  push(datagram: Uint8Array): DvbstpSegment | undefined;
}

/** Sections of a round, and bytes that are kept of whole segments: nobody sends more. */
const mostSections = 100_000;
const mostBytes = 32 * 2 ** 20;
/** Bytes that a segment takes besides its own. */
const segmentCost = 256;
/** A section that was there so many datagrams ago and comes again has come round, and was not only sent twice. */
const roundLength = 16;
/** Rounds that must bring nothing new after something was seen to be lost. */
const quietRounds = 3;
/** The same where something is waited for that may not come; segments need not come equally often. */
const patientRounds = 6;

/** Where it is not known what is to come, a round without loss has everything; with losses there must be more of them. */
export function createCarousel(o: CarouselOptions = {}): Carousel {
  const assembler = createDvbstpAssembler();
  const segments = new Map<string, DvbstpSegment>();
  const wanted = o.wanted && new Set(o.wanted);
  /** Sections of this round, with the place at which they came. */
  let round = new Map<string, number>();
  let known = new Set<string>();
  let place = 0;
  let quiet = 0;
  let lossy = false;
  let datagrams = 0;
  let bytesKept = 0;
  let foreign = 0;
  let done = wanted?.size === 0;

  const endRound = () => {
    const isQuiet = [...round.keys()].every((key) => known.has(key));
    quiet = isQuiet ? quiet + 1 : 0;
    lossy ||= assembler.open > 0 || assembler.counts.broken > 0;
    known = new Set([...(known.size < mostSections ? known : []), ...round.keys()]);
    round = new Map();
    const isWhole = assembler.open === 0 && segments.size > 0;
    if (!wanted && isWhole && (!lossy || quiet >= quietRounds)) done = true;
    if (wanted && o.mayLack && isWhole && quiet >= patientRounds) done = true;
  };

  return {
    segments,
    get counts() {
      return { ...assembler.counts, datagrams, foreign };
    },
    get done() {
      return done;
    },
    push(datagram) {
      datagrams++;
      const section = parseDvbstp(datagram);
      if (!section) {
        foreign++;
        return undefined;
      }
      place++;
      const key = `${section.payload} ${section.segment}`;
      const own = `${key} ${section.version} ${section.number}`;
      const before = round.get(own);
      if (before !== undefined && place - before >= roundLength) endRound();
      if (round.size >= mostSections) endRound();
      if (!round.has(own)) round.set(own, place);
      const segment = assembler.push(section);
      if (!segment) return undefined;
      const costOf = (each?: DvbstpSegment) => (each ? each.bytes.length + segmentCost : 0);
      const more = costOf(segment) - costOf(segments.get(key));
      if (bytesKept + more > mostBytes) return undefined;
      bytesKept += more;
      segments.set(key, segment);
      wanted?.delete(key);
      if (wanted?.size === 0) done = true;
      return segment;
    },
  };
}
