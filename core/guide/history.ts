// Takes over, from the guide before, the past that the new sources no longer carry.
import { Buffer } from "node:buffer";
import { open, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, inflateRaw } from "node:zlib";
import { Scanner } from "../formats/xmltv/scanner.ts";
import { unescapeValue } from "../formats/xmltv/text.ts";
import { parseTimeBytes } from "../formats/xmltv/time.ts";
import { GuideIndex } from "./parts.ts";
import type { Spool } from "./spool.ts";
import type { Track } from "./tracks.ts";

export interface HistoryOptions {
  readonly guide: string;
  readonly index: string;
  readonly tracks: readonly Track[];
  readonly spool: Spool;
  readonly now: number;
  readonly earliestStop: number;
}

const inflate = promisify(inflateRaw);

/** Inflates a part, which ends with a sync flush and not with a last block. */
export async function inflatePart(packed: Uint8Array, size: number): Promise<Buffer> {
  return inflate(packed, { chunkSize: Math.max(64, size), finishFlush: constants.Z_SYNC_FLUSH });
}

/**
 * Adds, for every target, the old programmes that start before the first of the new ones; where there is no new one, those
 * that have begun. Returns how many.
 */
export async function keepHistory({ guide, index, tracks, spool, now, earliestStop }: HistoryOptions): Promise<number> {
  const old = new GuideIndex(await readFile(index));
  const trackById = new Map(tracks.map((track) => [track.target.id, track]));
  const until = (track: Track) => (track.earliest === Number.POSITIVE_INFINITY ? now : track.earliest);
  // Bounds are those of the new programmes alone: what is kept here must not move them.
  const bounds = new Map<string, { track: Track; until: number }>();
  const parts = new Set<number>();
  old.head.ids.forEach((id, channel) => {
    const track = trackById.get(id);
    if (!track) return;
    bounds.set(id, { track, until: until(track) });
    for (const stretch of old.stretches(channel)) {
      if (stretch.from * 1000 < until(track) && stretch.to * 1000 >= earliestStop) parts.add(stretch.part);
    }
  });
  let kept = 0;
  let bound: { track: Track; until: number } | undefined;
  const programme = (scanner: Scanner) => {
    const { bytes } = scanner;
    if (!scanner.repeated) bound = bounds.get(unescapeValue(bytes.toString("utf8", scanner.idStart, scanner.idEnd)));
    if (!bound) return;
    scanner.readTimes();
    const start = parseTimeBytes(bytes, scanner.fromStart, scanner.fromEnd);
    const stop = scanner.toStart < 0 ? start : parseTimeBytes(bytes, scanner.toStart, scanner.toEnd);
    const end = Number.isNaN(stop) ? start : stop;
    if (!(start < bound.until) || end < earliestStop) return;
    const { track } = bound;
    track.count++;
    kept++;
    spool.add(track, Math.floor(start / 1000), Math.ceil(end / 1000), scanner);
  };
  const file = await open(guide, "r");
  try {
    for (const place of [...parts].sort((a, b) => a - b)) {
      const part = old.parts[place];
      if (!part) continue;
      const packed = Buffer.allocUnsafeSlow(part.bytes);
      await file.read(packed, 0, part.bytes, part.offset);
      const scanner = new Scanner({ channel: () => {}, programme, lost: () => {} });
      scanner.push(await inflatePart(packed, part.size));
      scanner.finish();
      bound = undefined;
      await spool.drained();
    }
  } finally {
    await file.close();
  }
  return kept;
}
