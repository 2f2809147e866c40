// Memory for pieces that are put together bit by bit: few large blocks instead of one for every piece.

/** Builds one piece after the other. What has been taken is never written again. */
export interface Pile {
  /** Bytes of the piece under way. */
  readonly length: number;
  append(bytes: Uint8Array): void;
  /** A view of the piece under way, from an offset on; good until more is appended. */
  view(from: number): Uint8Array;
  /** Drops what is in the piece from an offset on. */
  cut(length: number): void;
  /** The piece, with `ahead` before it; the next one begins empty. */
  take(ahead: readonly Uint8Array[]): Uint8Array;
  /** Nobody needs what has been taken any more: its memory is used again, unless a piece is under way. */
  rewind(): void;
}

/** @param block bytes that are reserved at once; @param headroom bytes that `ahead` usually takes */
export function createPile(block: number, headroom: number): Pile {
  let memory = new Uint8Array(0);
  /** Where the piece begins, after its headroom, and where it ends. */
  let start = 0;
  let end = 0;

  function reserve(bytes: number): void {
    if (end + bytes <= memory.length) return;
    const length = end - start;
    const next = new Uint8Array(Math.max(block, headroom + 2 * (length + bytes)));
    next.set(memory.subarray(start, end), headroom);
    memory = next;
    start = headroom;
    end = headroom + length;
  }

  return {
    get length() {
      return end - start;
    },
    append(bytes) {
      reserve(bytes.length);
      memory.set(bytes, end);
      end += bytes.length;
    },
    view: (from) => memory.subarray(start + from, end),
    cut(length) {
      end = Math.min(end, start + length);
    },
    take(ahead) {
      let before = 0;
      for (const part of ahead) before += part.length;
      let piece: Uint8Array;
      if (before <= headroom && end > start) {
        piece = memory.subarray(start - before, end);
      } else {
        piece = new Uint8Array(before + end - start);
        piece.set(memory.subarray(start, end), before);
      }
      let at = 0;
      for (const part of ahead) {
        piece.set(part, at);
        at += part.length;
      }
      start = end = end + headroom;
      if (start > memory.length) start = end = memory.length;
      return piece;
    },
    rewind() {
      if (end > start || memory.length === 0) return;
      start = end = headroom;
    },
  };
}
