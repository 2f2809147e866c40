// One kept element, made fit for the output: checked, mended or sorted where it must be, and edited where it may be.
import { Buffer } from "node:buffer";
import { channelRanks, programmeRanks, repairElement, Scanner, sortChildren, Verifier } from "../formats/xmltv/index.ts";

/** A well-formed element, children in order; the places of its values are as in the scanner. */
export interface Fit {
  bytes: Buffer;
  start: number;
  end: number;
  idStart: number;
  idEnd: number;
  fromStart: number;
  fromEnd: number;
  toStart: number;
  toEnd: number;
}

/** Makes elements fit; one is reused for all. */
export class Fitter {
  readonly #verifier = new Verifier();
  readonly #lost: (what: string) => void;

  constructor(lost: (what: string) => void) {
    this.#lost = lost;
  }

  /** The element the scanner stands at, or undefined when nothing can be had of it. The result may be the scanner's own. */
  fit(element: Fit, programme: boolean): Fit | undefined {
    const fit = this.#ordered(element, programme);
    if (fit) return fit;
    const mended = repairElement(element.bytes.subarray(element.start, element.end), this.#lost);
    if (!mended) return undefined;
    // Found anew, because mending moves everything.
    let found: Fit | undefined;
    const keep = (scanner: Scanner) => {
      if (programme) scanner.readTimes();
      found ??= this.#ordered(copyPlaces(scanner), programme);
    };
    const scanner = new Scanner({ channel: programme ? () => {} : keep, programme: programme ? keep : () => {}, lost: () => {} });
    scanner.push(mended);
    scanner.finish();
    return found && found.idStart >= 0 ? found : undefined;
  }

  /** The element, sorted if need be; undefined when it is not well-formed. */
  #ordered(element: Fit, programme: boolean): Fit | undefined {
    const verifier = this.#verifier;
    const { bytes, start } = element;
    if (!verifier.verify(bytes, start, element.end, programme ? programmeRanks : channelRanks)) return undefined;
    if (!verifier.misordered) {
      if (verifier.end !== element.end) element = { ...copyPlaces(element), end: verifier.end };
      return element;
    }
    const sorted = sortChildren(bytes, start, verifier.end, verifier);
    const moved = (place: number) => (place < 0 ? place : place - start);
    return {
      bytes: sorted,
      start: 0,
      end: sorted.length,
      idStart: moved(element.idStart),
      idEnd: moved(element.idEnd),
      fromStart: moved(element.fromStart),
      fromEnd: moved(element.fromEnd),
      toStart: moved(element.toStart),
      toEnd: moved(element.toEnd),
    };
  }
}

function copyPlaces(element: Fit): Fit {
  const { bytes, start, end, idStart, idEnd, fromStart, fromEnd, toStart, toEnd } = element;
  return { bytes, start, end, idStart, idEnd, fromStart, fromEnd, toStart, toEnd };
}

/** A fit element that outlives the scanner's buffer. */
export function detach(fit: Fit): Fit {
  const { start } = fit;
  const moved = (place: number) => (place < 0 ? place : place - start);
  return {
    bytes: Buffer.from(fit.bytes.subarray(start, fit.end)),
    start: 0,
    end: fit.end - start,
    idStart: moved(fit.idStart),
    idEnd: moved(fit.idEnd),
    fromStart: moved(fit.fromStart),
    fromEnd: moved(fit.fromEnd),
    toStart: moved(fit.toStart),
    toEnd: moved(fit.toEnd),
  };
}
