// NAL units that come in several RTP packets, or several in one: what RFC 6184 and RFC 7798 have in common.
import type { AccessUnits } from "./access-units.ts";

/** Adds one piece of a fragmented NAL unit; damages the access unit when a piece before it is missing. */
export function addFragment(units: AccessUnits, fragment: Fragment): void {
  const { first, last, header, bytes, timestamp } = fragment;
  if (first) {
    if (units.isOpen) units.damage(timestamp);
    units.open(header(), bytes, timestamp);
  } else if (units.isOpen) {
    units.extend(bytes);
  } else {
    units.damage(timestamp);
  }
  if (last) units.close();
}

export interface Fragment {
  /** The bits S and E of its header (RFC 6184 §5.8, RFC 7798 §4.4.3). */
  readonly first: boolean;
  readonly last: boolean;
  /** Header of the whole unit; asked for of the first piece. */
  readonly header: () => Uint8Array;
  /** Not empty. */
  readonly bytes: Uint8Array;
  readonly timestamp: number;
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
