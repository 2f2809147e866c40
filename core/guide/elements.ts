// One kept element, made fit for the output: checked, mended or sorted where it must be, and edited where it may be.
import { Buffer, isUtf8 } from "node:buffer";
import { wholeCharacters } from "../formats/xmltv/encoding.ts";
import { channelRanks, programmeRanks, sortChildren } from "../formats/xmltv/order.ts";
import { isPlain } from "../formats/xmltv/plain.ts";
import { repairElement } from "../formats/xmltv/repair.ts";
import { Scanner } from "../formats/xmltv/scanner.ts";
import type { Places } from "../formats/xmltv/start-tag.ts";
import { Verifier } from "../formats/xmltv/verifier.ts";

/** A well-formed element, children in order. */
export interface Fit extends Places {
  bytes: Buffer;
  start: number;
  end: number;
}

/** Makes elements fit; one is reused for all. */
export class Fitter {
  readonly #verifier = new Verifier();
  readonly #lost: (what: string) => void;
  /** The buffer that was looked at last, and where in it there is nothing but UTF-8. */
  #bytes: Buffer | undefined;
  #from = 0;
  #valid = 0;

  constructor(lost: (what: string) => void) {
    this.#lost = lost;
  }

  /** The element the scanner stands at, or undefined when nothing can be had of it. The result may be the scanner's own. */
  fit(element: Fit, programme: boolean): Fit | undefined {
    const { bytes, start, end } = element;
    if (this.#isUtf8(bytes, start, end) && isPlain(bytes, start, end, programme ? programmeRanks : channelRanks))
      return element;
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
    const scanner = new Scanner({
      channel: programme ? () => {} : keep,
      programme: programme ? keep : () => {},
      lost: () => {},
    });
    scanner.push(mended);
    scanner.finish();
    return found && found.idStart >= 0 ? found : undefined;
  }

  /** Elements come in rising order, so that all that follow in a buffer can be looked at in one go. */
  #isUtf8(bytes: Buffer, start: number, end: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#from = start;
      const whole = wholeCharacters(bytes.subarray(start));
      this.#valid = isUtf8(whole) ? start + whole.length : 0;
    }
    return (start >= this.#from && end <= this.#valid) || isUtf8(bytes.subarray(start, end));
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
    return moved(element, sorted);
  }
}

function copyPlaces(element: Fit): Fit {
  const { bytes, start, end, idStart, idEnd, fromStart, fromEnd, toStart, toEnd } = element;
  return { bytes, start, end, idStart, idEnd, fromStart, fromEnd, toStart, toEnd };
}

/** The places of an element, in bytes that start where the element does. */
function moved(element: Fit, bytes: Buffer): Fit {
  const move = (place: number) => (place < 0 ? place : place - element.start);
  return {
    bytes,
    start: 0,
    end: bytes.length,
    idStart: move(element.idStart),
    idEnd: move(element.idEnd),
    fromStart: move(element.fromStart),
    fromEnd: move(element.fromEnd),
    toStart: move(element.toStart),
    toEnd: move(element.toEnd),
  };
}

/** A fit element that outlives the scanner's buffer. */
export function detach(fit: Fit): Fit {
  return moved(fit, Buffer.from(fit.bytes.subarray(fit.start, fit.end)));
}
