// A document that is the same for everybody but for the address at which each reaches us.
import { Buffer } from "node:buffer";

export interface Page {
  /** Which document. */
  readonly key: string;
  /** Which way to show it, where there are several: their files are kept together, as few as of one. */
  readonly view?: string;
  /** Which version of it. */
  readonly tag: string;
  /** Its bytes for those who reach us at `base`; the empty base when it does not matter. */
  open(base: string): AsyncIterable<Uint8Array>;
  /** False when the bytes are the same for every base. */
  readonly personal: boolean;
}

/** Stands for the base in a stored document. The writer of playlists lets no control character through from outside. */
export const baseMark = "\u0001";

const markByte = 1;

/** Puts the base in place of every mark. */
export async function* fillBase(bytes: AsyncIterable<Uint8Array>, base: string): AsyncGenerator<Uint8Array> {
  const address = Buffer.from(base);
  for await (const chunk of bytes) {
    let mark = chunk.indexOf(markByte);
    if (mark === -1) {
      yield chunk;
      continue;
    }
    const pieces: Uint8Array[] = [];
    let at = 0;
    for (; mark !== -1; mark = chunk.indexOf(markByte, at)) {
      pieces.push(chunk.subarray(at, mark), address);
      at = mark + 1;
    }
    pieces.push(chunk.subarray(at));
    yield Buffer.concat(pieces);
  }
}
