// Cuts a rendition's media into runs that a remuxer can read from beginning to end: same header, same clock.
import { Buffer } from "node:buffer";
import type { Piece } from "./media.ts";

export interface Runs {
  /** The next run's bytes, or undefined when there is none. @throws as the media does */
  next(): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** @throws what ended the media, if it was a failure: a remuxer hides why its input ended */
  check(): void;
}

export function createRuns(media: AsyncGenerator<Piece>): Runs {
  /** The first piece of the run that comes next. */
  let first: Piece | undefined;
  let running = false;
  let failure: { readonly error: unknown } | undefined;

  const pull = async (): Promise<Piece | undefined> => {
    try {
      const { done, value } = await media.next();
      return done ? undefined : value;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };

  async function* run(begin: Piece): AsyncGenerator<Uint8Array> {
    running = true;
    const map = begin.begins?.map;
    if (map) yield map;
    const untag = createUntagger();
    for (let piece: Piece | undefined = begin; piece; piece = await pull()) {
      if (piece !== begin && piece.begins && (piece.begins.gap || !isSame(piece.begins.map, map))) {
        first = piece;
        break;
      }
      const bytes =
        piece.begins?.form === "packed" || untag.busy
          ? untag.strip(piece.bytes, piece.begins !== undefined)
          : piece.bytes;
      if (bytes.length > 0) yield bytes;
    }
    running = false;
  }

  return {
    async next() {
      // What a remuxer left of the run before is not for the next.
      while (running) {
        const piece = await pull();
        if (!piece || piece.begins?.gap) {
          running = false;
          first = piece;
          if (!piece) return undefined;
        }
      }
      const begin = first ?? (await pull());
      first = undefined;
      return begin && run(begin);
    },
    check() {
      if (failure) throw failure.error;
    },
  };
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === other || !one || !other) return one === other;
  return Buffer.compare(one, other) === 0;
}

/** Takes the ID3 tag off the beginning of packed audio (RFC 8216 §3.4): within a stream it is noise. */
function createUntagger() {
  let skip = 0;
  return {
    get busy() {
      return skip > 0;
    },
    strip(bytes: Uint8Array, begins: boolean): Uint8Array {
      if (begins) skip = tagLength(bytes);
      const left = bytes.subarray(Math.min(skip, bytes.length));
      skip -= bytes.length - left.length;
      return left;
    },
  };
}

/** Length of an ID3v2 tag, header included; four bytes of seven bits (ID3v2.4 §3.1). */
function tagLength(bytes: Uint8Array): number {
  if (bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33 || bytes.length < 10) return 0;
  return 10 + [6, 7, 8, 9].reduce((size, at) => size * 128 + ((bytes[at] ?? 0) & 0x7f), 0);
}
