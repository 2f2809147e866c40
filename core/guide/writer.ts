// Decides by time what is kept, moves and mends times where that is wanted, and puts programmes into the spool.
import { Buffer } from "node:buffer";
import { parseTime, shiftTime } from "../formats/xmltv/time.ts";
import { detach, type Fit } from "./elements.ts";
import type { Element, Spool } from "./spool.ts";
import type { Track } from "./tracks.ts";

export interface WriterOptions {
  /** Starts after this are dropped, as are stops before that. */
  readonly latestStart: number;
  readonly earliestStop: number;
  readonly repair: readonly ("stops" | "overlaps")[];
}

/** Replaces `[start, end)` of a programme's bytes. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

/** A programme that waits for the next of its channel, which says when it must be over. */
interface Held {
  readonly track: Track;
  readonly fit: Fit;
  readonly start: number;
  readonly stop: number;
  readonly edits: Edit[];
}

export class ProgrammeWriter {
  written = 0;
  readonly #o: WriterOptions;
  readonly #spool: Spool;
  readonly #held = new Map<Track, Held>();

  constructor(spool: Spool, options: WriterOptions) {
    this.#spool = spool;
    this.#o = options;
  }

  /** Is this time within the span? A programme without a stop counts as over when it starts. */
  wants(start: number, stop: number): boolean {
    return start <= this.#o.latestStart && (Number.isNaN(stop) ? start : stop) >= this.#o.earliestStop;
  }

  /** Takes a programme for a track; false when it stands there already. Times in milliseconds, shifted. */
  write(track: Track, fit: Fit, start: number, stop: number, shift: number): boolean {
    if (shift === 0 && this.#o.repair.length === 0) return this.#put(track, fit, start, stop);
    const edits: Edit[] = [];
    if (shift !== 0) {
      edits.push(shifted(fit.bytes, fit.fromStart, fit.fromEnd, shift));
      if (fit.toStart >= 0) edits.push(shifted(fit.bytes, fit.toStart, fit.toEnd, shift));
    }
    if (this.#o.repair.length === 0) return this.#put(track, edited(fit, edits), start, stop);
    this.#hold(track, fit, start, stop, edits);
    return true;
  }

  /** The source has ended: what waits goes as it is. */
  release(): void {
    for (const held of this.#held.values()) this.#putHeld(held);
    this.#held.clear();
  }

  #put(track: Track, element: Element, from: number, stop: number): boolean {
    const to = Number.isNaN(stop) ? from : stop;
    if (!this.#spool.add(track, Math.floor(from / 1000), Math.ceil(to / 1000), element)) return false;
    track.count++;
    if (from < track.earliest) track.earliest = from;
    this.written++;
    return true;
  }

  #putHeld({ track, fit, start, stop, edits }: Held): void {
    this.#put(track, edited(fit, edits), start, stop);
  }

  #hold(track: Track, fit: Fit, start: number, stop: number, edits: Edit[]): void {
    const before = this.#held.get(track);
    const own = detach(fit);
    const moved = edits.map((edit) => ({ ...edit, start: edit.start - fit.start, end: edit.end - fit.start }));
    const held: Held = { track, fit: own, start, stop, edits: moved };
    this.#held.set(track, held);
    if (before) this.#putHeld(this.#mended(before, held));
  }

  /** `before` with its stop as `next` wants it. */
  #mended(before: Held, next: Held): Held {
    if (next.start <= before.start) return before;
    const missing = Number.isNaN(before.stop);
    const overlaps = before.stop > next.start;
    if (!(missing ? this.#o.repair.includes("stops") : overlaps && this.#o.repair.includes("overlaps"))) return before;
    const { fit } = next;
    const edited = next.edits.find((edit) => edit.start === fit.fromStart);
    const text = edited?.text ?? Buffer.from(fit.bytes.subarray(fit.fromStart, fit.fromEnd));
    const quote = before.fit.bytes.subarray(before.fit.fromEnd, before.fit.fromEnd + 1);
    const edits = before.edits.filter((edit) => edit.start !== before.fit.toStart);
    if (before.fit.toStart >= 0) edits.push({ start: before.fit.toStart, end: before.fit.toEnd, text });
    else {
      const at = before.fit.fromEnd + 1;
      edits.push({ start: at, end: at, text: Buffer.concat([Buffer.from(" stop="), quote, text, quote]) });
    }
    return { ...before, stop: next.start, edits };
  }
}

/** The programme with all edits made, in bytes of its own. */
function edited({ bytes, start, end, idStart, idEnd }: Fit, edits: readonly Edit[]): Element {
  const pieces: Buffer[] = [];
  let done = start;
  let moved = -start;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    pieces.push(bytes.subarray(done, edit.start), edit.text);
    done = edit.end;
    if (edit.start < idStart) moved += edit.text.length - (edit.end - edit.start);
  }
  const whole = Buffer.concat([...pieces, bytes.subarray(done, end)]);
  return { bytes: whole, start: 0, end: whole.length, idStart: idStart + moved, idEnd: idEnd + moved };
}

function shifted(bytes: Buffer, start: number, end: number, shift: number): Edit {
  const text = bytes.toString("latin1", start, end);
  return { start, end, text: Buffer.from(Number.isNaN(parseTime(text)) ? text : shiftTime(text, shift), "latin1") };
}
