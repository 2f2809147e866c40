// NAL units that come in several RTP packets, or several in one: what RFC 6184 and RFC 7798 have in common.
import { type AccessUnits, mostBytes } from "./access-units.ts";

/** One piece of a fragmented NAL unit. */
export interface Fragment {
  /** The bits S and E of its header (RFC 6184 §5.8, RFC 7798 §4.4.3). */
  readonly first: boolean;
  readonly last: boolean;
  /** Header of the whole unit; used of the first piece. */
  readonly header: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface Fragments {
  /** Adds the unit when its last piece comes; damages its access unit when one is missing, or it grows too large. */
  add(fragment: Fragment, timestamp: number): void;
  /** Something else comes: a unit that is not whole damages its access unit. */
  interrupt(timestamp: number): void;
  /** Packets are missing: says nothing of what there was. */
  forget(): void;
}

export function createFragments(units: AccessUnits): Fragments {
  let pieces: Uint8Array[] | undefined;
  let bytes = 0;

  function interrupt(timestamp: number): void {
    if (!pieces) return;
    pieces = undefined;
    units.damage(timestamp);
  }

  return {
    add({ first, last, header, bytes: more }, timestamp) {
      if (first) {
        interrupt(timestamp);
        pieces = [header];
        bytes = 0;
      }
      if (!pieces) return units.damage(timestamp);
      pieces.push(more);
      bytes += more.length;
      if (bytes > mostBytes) return interrupt(timestamp);
      if (!last) return;
      units.add(concatenated(pieces), timestamp);
      pieces = undefined;
    },
    interrupt,
    forget() {
      pieces = undefined;
    },
  };
}

/** The NAL units of an aggregate, each after its 16-bit size (RFC 6184 §5.7.1, RFC 7798 §4.4.2); the last may be cut short. */
export function* aggregated(payload: Uint8Array, from: number): Generator<Uint8Array> {
  for (let at = from; at + 2 < payload.length; ) {
    const size = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0);
    if (size === 0 || at + 2 + size > payload.length) return;
    yield payload.subarray(at + 2, at + 2 + size);
    at += 2 + size;
  }
}

/** All pieces in one. */
export function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
