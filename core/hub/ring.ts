// The last seconds of a stream, kept once for all its viewers: batches by reference, and the points where one may join.

/** A point where a decoder may begin. */
export interface Joint {
  /** Number of the batch, and where in it. */
  readonly batch: number;
  readonly offset: number;
  /** PAT and PMT as they were there: what must be sent first. */
  readonly tables: Uint8Array;
  /** PID and continuity counter of the last packet before it, in pairs. */
  readonly counters: readonly number[];
}

/** Where a reader stands: the next byte it has not had. */
export interface Cursor {
  batch: number;
  offset: number;
}

export interface Ring {
  /** Number of the oldest batch that is kept, and of the one that comes next. */
  readonly first: number;
  readonly next: number;
  /** Bytes held. */
  readonly bytes: number;
  push(batch: Uint8Array): void;
  mark(joint: Joint): void;
  /** The newest joint, if its batch is still kept. */
  readonly joint: Joint | undefined;
  /** What comes at the cursor, which moves past it; undefined at the end. */
  take(cursor: Cursor): Uint8Array | undefined;
  /** Bytes from the cursor to the end; of a cursor that has fallen out, all. */
  behind(cursor: Cursor): number;
  /** Keeps nothing of what there is. */
  clear(): void;
}

/**
 * @param keep bytes that are kept in any case, for viewers that are a little late
 * @param most bytes that are kept for the sake of the newest joint
 */
export function createRing(keep: number, most: number): Ring {
  const batches: Uint8Array[] = [];
  /** Where each batch begins, in bytes since the first of all. */
  const starts: number[] = [];
  let first = 0;
  let total = 0;
  let bytes = 0;
  let joint: Joint | undefined;

  function trim(): void {
    for (;;) {
      const oldest = batches[0];
      if (!oldest || batches.length === 1) return;
      const wanted = joint !== undefined && joint.batch === first && bytes <= most;
      if (bytes - oldest.length < keep || wanted) return;
      batches.shift();
      starts.shift();
      bytes -= oldest.length;
      first++;
    }
  }

  return {
    get first() {
      return first;
    },
    get next() {
      return first + batches.length;
    },
    get bytes() {
      return bytes;
    },
    push(batch) {
      batches.push(batch);
      starts.push(total);
      total += batch.length;
      bytes += batch.length;
      trim();
    },
    mark(point) {
      joint = point;
    },
    get joint() {
      return joint && joint.batch >= first ? joint : undefined;
    },
    take(cursor) {
      const batch = batches[cursor.batch - first];
      if (!batch) return undefined;
      const part = cursor.offset === 0 ? batch : batch.subarray(cursor.offset);
      cursor.batch++;
      cursor.offset = 0;
      return part;
    },
    behind(cursor) {
      if (cursor.batch < first) return bytes;
      const start = starts[cursor.batch - first];
      return start === undefined ? 0 : total - start - cursor.offset;
    },
    clear() {
      first += batches.length;
      batches.length = starts.length = bytes = 0;
      joint = undefined;
    },
  };
}
