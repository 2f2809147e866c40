// Reads one source: which of its programmes belong to which targets, and on to the writer with them.
import type { Buffer } from "node:buffer";
import { parseDisplayNames } from "../formats/xmltv/channel.ts";
import type { Scanner, ScanSink } from "../formats/xmltv/scanner.ts";
import { unescapeValue } from "../formats/xmltv/text.ts";
import { parseTimeBytes } from "../formats/xmltv/time.ts";
import { detach, type Fit, Fitter } from "./elements.ts";
import { type Matcher, type MatchOptions, type Meant, stepRank } from "./match.ts";
import { keptForAnother, outranked, type SourceId, type Track, type Wanted } from "./tracks.ts";
import type { DropReason, SourceReport } from "./types.ts";
import type { ProgrammeWriter } from "./writer.ts";

/** Ids that are remembered; further ones are looked up each time. */
const MAX_IDS = 100_000;
/** The largest channel element that is kept. */
const MAX_CHANNEL = 64 * 1024;
export interface ReaderOptions {
  readonly source: number;
  readonly report: SourceReport;
  readonly matcher: Matcher;
  readonly match: MatchOptions;
  readonly tracks: readonly Track[];
  readonly writer: ProgrammeWriter;
  /** Milliseconds added to every time of this source. */
  readonly shift: number;
}

/** The sink of one reading of one source. */
export class SourceReader implements ScanSink {
  readonly ids = new Map<string, SourceId>();
  readonly #o: ReaderOptions;
  readonly #fitter: Fitter;
  #last: SourceId | undefined;
  /** Times of the programme in hand. */
  #start = Number.NaN;
  #stop = Number.NaN;
  /** Targets that only this second reading is for: those of ids that the first learned about too late. */
  #only: ReadonlyMap<string, readonly Wanted[]> | undefined;

  constructor(options: ReaderOptions) {
    this.#o = options;
    this.#fitter = new Fitter((what) => this.#lose(what));
    // What the user maps by hand is declared from the start.
    for (const id of options.match.map.keys()) this.#declare(this.#idOf(id));
  }

  lost(what: string): void {
    if (!this.#only) this.#lose(what);
  }

  #lose(what: string): void {
    const { lost } = this.#o.report;
    lost[what] = (lost[what] ?? 0) + 1;
  }

  channel(scanner: Scanner): void {
    if (scanner.idStart < 0) return;
    if (!this.#only) this.#o.report.channels++;
    const id = this.#idOf(readValue(scanner.bytes, scanner.idStart, scanner.idEnd));
    if (this.#only || scanner.end - scanner.start > MAX_CHANNEL) return;
    if (!id.declared) {
      id.names = parseDisplayNames(scanner.bytes.subarray(scanner.start, scanner.end));
      const { match } = this.#o;
      if (match.match === "name" && match.channelsOf === undefined && !match.map.has(id.id))
        this.#add(id, this.#o.matcher.byName(id.names));
    }
    this.#declare(id);
    if (id.wanted.length === 0) return;
    const fit = this.#fitter.fit(scanner, false);
    if (!fit) {
      this.#lose("channel unreadable");
      return;
    }
    const { bytes, idStart, idEnd } = detach(fit);
    for (const { track } of id.wanted) {
      const element = { from: id, bytes, idStart, idEnd };
      track.firstElement ??= element;
      // The owner's own counts; while there is none, the id that has the best claim.
      if (track.owner ? track.owner === id : track.element?.from.source !== id.source || track.claim?.by === id)
        track.element = element;
    }
  }

  programme(scanner: Scanner): void {
    const { report } = this.#o;
    if (!this.#only) report.programmes++;
    let id = this.#last;
    if (!scanner.repeated || !id) {
      if (scanner.idStart < 0) {
        this.#drop("unmatched");
        return;
      }
      id = this.#idOf(readValue(scanner.bytes, scanner.idStart, scanner.idEnd));
      this.#last = id;
    }
    if (!this.#only) id.programmes++;
    if (id.wanted.length === 0) {
      id.refused ??= "unmatched";
      this.#drop("unmatched");
      scanner.skipRun = true;
      return;
    }
    this.#give(id, scanner);
  }

  /** More programmes of an id that nobody wants. */
  skipped(count: number): void {
    if (this.#only || !this.#last) return;
    this.#o.report.programmes += count;
    this.#last.programmes += count;
    this.#drop("unmatched", count);
  }

  /** Gives a programme to whoever wants it. Short, like all that is run for each: it takes as long to compile as to run. */
  #give(id: SourceId, scanner: Scanner): void {
    const { writer, shift: sourceShift } = this.#o;
    let fit: Fit | undefined;
    let timed = false;
    let reason: DropReason | undefined = "owned elsewhere";
    for (const wanted of id.wanted) {
      const { track } = wanted;
      if (track.owner !== id && !this.#mayTake(wanted, id, scanner)) continue;
      timed ||= this.#readTimes(scanner);
      if (!timed) {
        this.#drop("no start time");
        return;
      }
      const shift = sourceShift + track.target.shift;
      if (!writer.wants(this.#start + shift, this.#stop + shift)) {
        reason = reason && "outside the span";
        continue;
      }
      fit ??= this.#fitter.fit(scanner, true);
      if (!fit) {
        this.#drop("unreadable");
        return;
      }
      track.owner = id;
      track.step = wanted.step;
      if (writer.write(track, fit, this.#start + shift, this.#stop + shift, shift)) reason = undefined;
      else reason &&= "duplicate";
    }
    if (reason) this.#drop(reason);
    else {
      this.#o.report.kept++;
      // The first reading has counted it as unmatched or as another's.
      if (this.#only) this.#undrop(id);
    }
  }

  /** May an id that does not own a track take it? */
  #mayTake(wanted: Wanted, id: SourceId, scanner: Scanner): boolean {
    const { owner, step } = wanted.track;
    if (owner) {
      if (step && stepRank[wanted.step] < stepRank[step]) this.#note(wanted, id, scanner);
      return false;
    }
    if (keptForAnother(wanted, id)) return false;
    if (this.#only || !outranked(wanted, id)) return true;
    id.refused ??= "owned elsewhere";
    return false;
  }

  /** Reads the times of a programme; false when it has no start. */
  #readTimes(scanner: Scanner): boolean {
    scanner.readTimes();
    const { bytes, fromStart, fromEnd, toStart, toEnd } = scanner;
    this.#start = fromStart < 0 ? Number.NaN : parseTimeBytes(bytes, fromStart, fromEnd);
    this.#stop = toStart < 0 ? Number.NaN : parseTimeBytes(bytes, toStart, toEnd);
    return !Number.isNaN(this.#start);
  }

  /** Notes that a target of another source is meant by a better match here; the next merge keeps it for this source. */
  #note({ track, step }: Wanted, id: SourceId, scanner: Scanner): void {
    if (track.owner?.source === id.source || (track.better && stepRank[track.better.step] <= stepRank[step])) return;
    const shift = this.#o.shift + track.target.shift;
    this.#readTimes(scanner);
    if (this.#o.writer.wants(this.#start + shift, this.#stop + shift)) track.better = { source: id.source, step };
  }

  /**
   * What a second reading should bring: ids that were held back for a better one that then had nothing, and ids whose name
   * came after their programmes. Undefined when there is nothing, which is nearly always.
   */
  missed(): ReadonlyMap<string, readonly Wanted[]> | undefined {
    const missed = new Map<string, Wanted[]>();
    const taken = new Set<Track>();
    const byTrust = [...this.ids.values()].flatMap((id) => id.wanted.map((wanted) => ({ id, wanted })));
    byTrust.sort((a, b) => stepRank[a.wanted.step] - stepRank[b.wanted.step]);
    for (const { id, wanted } of byTrust) {
      if (wanted.track.owner || !id.refused || taken.has(wanted.track)) continue;
      taken.add(wanted.track);
      const list = missed.get(id.id);
      if (list) list.push(wanted);
      else missed.set(id.id, [wanted]);
    }
    return missed.size > 0 ? missed : undefined;
  }

  /** Makes ready for the second reading, which is for these targets only. */
  again(only: ReadonlyMap<string, readonly Wanted[]>): void {
    this.#only = only;
    this.#last = undefined;
    for (const id of this.ids.values()) id.wanted = [...(only.get(id.id) ?? [])];
  }

  #drop(reason: DropReason, count = 1): void {
    if (this.#only) return;
    const { dropped } = this.#o.report;
    dropped[reason] = (dropped[reason] ?? 0) + count;
  }

  #undrop({ refused }: SourceId): void {
    const { dropped } = this.#o.report;
    const left = (dropped[refused ?? "unmatched"] ?? 0) - 1;
    if (left > 0) dropped[refused ?? "unmatched"] = left;
    else delete dropped[refused ?? "unmatched"];
  }

  #idOf(text: string): SourceId {
    const known = this.ids.get(text);
    if (known) return known;
    const id: SourceId = {
      id: text,
      source: this.#o.source,
      wanted: [],
      names: [],
      declared: false,
      programmes: 0,
      refused: undefined,
    };
    if (!this.#only) this.#add(id, this.#o.matcher.byId(text, this.#o.match));
    if (this.ids.size < MAX_IDS || id.wanted.length > 0) this.ids.set(text, id);
    return id;
  }

  #add(id: SourceId, meant: readonly Meant[]): void {
    for (const { target, step } of meant) {
      const track = this.#o.tracks[target];
      if (track && !id.wanted.some((wanted) => wanted.track === track)) id.wanted.push({ track, step });
    }
  }

  #declare(id: SourceId): void {
    if (id.declared) return;
    id.declared = true;
    for (const { track, step } of id.wanted) {
      const { claim } = track;
      const better = !claim || claim.by.source !== id.source || stepRank[step] < stepRank[claim.step];
      if (better) track.claim = { by: id, step };
    }
  }
}

function readValue(bytes: Buffer, start: number, end: number): string {
  return unescapeValue(bytes.toString("utf8", start, end));
}
