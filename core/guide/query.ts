// Answers "what is on this channel" out of the merged guide: inflates the parts that hold the answer, and no others.
import { Buffer } from "node:buffer";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { createPacer } from "../clock.ts";
import { Scanner } from "../formats/xmltv/scanner.ts";
import { unescapeValue } from "../formats/xmltv/text.ts";
import { parseTimeBytes } from "../formats/xmltv/time.ts";
import type { Programme, Span } from "../types.ts";
import { inflatePart } from "./history.ts";
import { GuideIndex, type Stretch } from "./parts.ts";

/** Inflated parts that are kept for the next question. */
const MAX_PARTS = 4;
/** Bytes of a part that are scanned before others get a turn. */
const SLICE = 64 * 1024;

/** The reader of one generation of the guide. */
export class GuideQuerier {
  readonly #guide: string;
  readonly #indexPath: string;
  #index: Promise<GuideIndex> | undefined;
  #file: Promise<FileHandle> | undefined;
  #asking = 0;
  #closed = false;
  readonly #inflated = new Map<number, Promise<Buffer>>();

  constructor(guide: string, index: string) {
    this.#guide = guide;
    this.#indexPath = index;
  }

  /** The index, read at the first question and kept. */
  index(): Promise<GuideIndex> {
    this.#index ??= readFile(this.#indexPath).then((bytes) => new GuideIndex(bytes));
    return this.#index;
  }

  /** The programmes of an id that touch the span, in order of start; without a stop, one lasts until the next starts. */
  async programmes(id: string, span: Span, signal?: AbortSignal): Promise<Programme[]> {
    this.#asking++;
    try {
      return await this.#find(id, span, signal);
    } finally {
      this.#asking--;
      if (this.#closed && this.#asking === 0) await this.#release();
    }
  }

  async #find(id: string, span: Span, signal?: AbortSignal): Promise<Programme[]> {
    const index = await this.index();
    const channel = index.place(id);
    if (channel < 0) return [];
    const found: Programme[] = [];
    let earlier: Stretch | undefined;
    for (const stretch of index.stretches(channel)) {
      if (stretch.from * 1000 >= span.to) continue;
      if (stretch.to * 1000 > span.from) {
        signal?.throwIfAborted();
        await this.#scan(index, stretch, id, span, found);
      } else if (!earlier || stretch.to > earlier.to) earlier = stretch;
    }
    // The last before the span may have no stop, and so reach into it.
    if (earlier && !found.some((programme) => programme.start <= span.from))
      await this.#scan(index, earlier, id, span, found);
    found.sort((a, b) => a.start - b.start);
    return found.filter((programme, i) => {
      const next = found[i + 1];
      return programme.start < span.to && (programme.stop ?? next?.start ?? Number.POSITIVE_INFINITY) > span.from;
    });
  }

  /** Closes when nobody is asking any more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#asking === 0) await this.#release();
  }

  async #release(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#inflated.clear();
    await (await file?.catch(() => undefined))?.close();
  }

  async #scan(index: GuideIndex, { part, count }: Stretch, id: string, span: Span, found: Programme[]): Promise<void> {
    const bytes = await this.#inflate(index, part);
    // Loaded with the first question, for it brings a whole parser along.
    const { parseProgramme } = await import("../formats/xmltv/programme.ts");
    const pacer = createPacer(2);
    const wanted: Buffer[] = [];
    let last: Buffer | undefined;
    let left = count;
    let mine = false;
    const scanner = new Scanner({
      channel: () => {},
      lost: () => {},
      programme: (element) => {
        if (!element.repeated)
          mine = unescapeValue(element.bytes.toString("utf8", element.idStart, element.idEnd)) === id;
        if (!mine) return;
        left--;
        element.readTimes();
        const start = parseTimeBytes(element.bytes, element.fromStart, element.fromEnd);
        if (start >= span.to) return;
        const stop = element.toStart < 0 ? Number.NaN : parseTimeBytes(element.bytes, element.toStart, element.toEnd);
        const copy = () => Buffer.from(element.bytes.subarray(element.start, element.end));
        if (stop > span.from || (Number.isNaN(stop) && start >= span.from)) wanted.push(copy());
        else if (Number.isNaN(stop)) last = copy();
      },
    });
    for (let at = 0; at < bytes.length && left > 0; at += SLICE) {
      scanner.push(bytes.subarray(at, at + SLICE));
      await pacer.rest();
    }
    scanner.finish();
    if (last) wanted.push(last);
    for (const element of wanted) {
      const programme = parseProgramme(element);
      if (programme) found.push(programme);
      if (pacer.due()) await pacer.rest();
    }
  }

  #inflate(index: GuideIndex, place: number): Promise<Buffer> {
    const known = this.#inflated.get(place);
    if (known) return known;
    const inflated = this.#read(index, place);
    this.#inflated.set(place, inflated);
    inflated.catch(() => this.#inflated.delete(place));
    for (const oldest of this.#inflated.keys()) {
      if (this.#inflated.size <= MAX_PARTS) break;
      this.#inflated.delete(oldest);
    }
    return inflated;
  }

  async #read(index: GuideIndex, place: number): Promise<Buffer> {
    const part = index.parts[place];
    if (!part) throw new Error("a part that is not there");
    this.#file ??= open(this.#guide, "r");
    const packed = Buffer.allocUnsafeSlow(part.bytes);
    await (await this.#file).read(packed, 0, part.bytes, part.offset);
    return inflatePart(packed, part.size);
  }
}
