// A carousel: segments sent one after the other, for ever. Tells when everything that it has has come.
import { createDvbstpAssembler, type DvbstpSegment, parseDvbstp } from "./dvbstp.ts";

export interface CarouselOptions {
  /** `<payload> <segment>` of what must come; absent: all that is sent. */
  readonly wanted?: Iterable<string>;
}

export interface Carousel {
  /** What is whole, by `<payload> <segment>`; of each the newest version. */
  readonly segments: ReadonlyMap<string, DvbstpSegment>;
  /** True when there is no more to come. */
  readonly done: boolean;
  /** Datagrams that are no sections that can be read, and segments that came whole and damaged. */
  readonly counts: { readonly foreign: number; readonly broken: number };
  push(datagram: Uint8Array): void;
}

/** A section that was there so many datagrams ago and comes again has come round, and was not only sent twice. */
const roundLength = 16;
/** Rounds that must bring nothing new after something was seen to be lost. */
const quietRounds = 3;

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
  let foreign = 0;
  let done = wanted?.size === 0;

  const endRound = () => {
    const isQuiet = [...round.keys()].every((key) => known.has(key));
    quiet = isQuiet ? quiet + 1 : 0;
    lossy ||= assembler.open > 0 || assembler.counts.broken > 0;
    known = new Set([...known, ...round.keys()]);
    round = new Map();
    if (!wanted && assembler.open === 0 && segments.size > 0 && (!lossy || quiet >= quietRounds)) done = true;
  };

  return {
    segments,
    get counts() {
      return { ...assembler.counts, foreign };
    },
    get done() {
      return done;
    },
    push(datagram) {
      const section = parseDvbstp(datagram);
      if (!section) {
        foreign++;
        return;
      }
      place++;
      const key = `${section.payload} ${section.segment}`;
      const own = `${key} ${section.version} ${section.number}`;
      const before = round.get(own);
      if (before !== undefined && place - before >= roundLength) endRound();
      if (!round.has(own)) round.set(own, place);
      const segment = assembler.push(section);
      if (!segment) return;
      segments.set(key, segment);
      wanted?.delete(key);
      if (wanted?.size === 0) done = true;
    },
  };
}
