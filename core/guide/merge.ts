// One merge, from source files to a finished guide in a staging folder; runs in the worker, if there is one.
import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { GuideMatch } from "../types.ts";
import { type ChannelRecord, channelText } from "./channels.ts";
import { composeGuide, syncFile } from "./compose.ts";
import { keepHistory } from "./history.ts";
import { Matcher } from "./match.ts";
import { formatIndex, type Part, type Stretch } from "./parts.ts";
import { SourceReader } from "./reader.ts";
import { readSource } from "./source.ts";
import { Spool } from "./spool.ts";
import { staged } from "./staged.ts";
import type { GuideTarget } from "./target.ts";
import { createTracks, type Track } from "./tracks.ts";
import type { GuideSettings, MergeProgress, MergeReport, MergeSource, Reserved, SourceReport } from "./types.ts";
import type { UnmatchedLists } from "./unmatched.ts";
import { ProgrammeWriter } from "./writer.ts";

/** What a merge needs besides its targets. */
export interface MergeJob {
  /** An empty folder for its files. */
  readonly staging: string;
  readonly now: number;
  readonly settings: GuideSettings;
  readonly sources: readonly MergeSource[];
  /** The guide before, whose past is kept. */
  readonly reserved?: Reserved;
  readonly previous?: { readonly guide: string; readonly index: string };
}

export interface MergeResult {
  /** Of everything that outputs are made of. */
  readonly hash: string;
  readonly bytes: number;
  readonly report: Omit<MergeReport, "unchanged" | "seconds">;
  readonly reserved: Reserved;
}

/** Ids and targets listed as unmatched, at most. */
const MAX_UNMATCHED = 10_000;

/** Bytes read between two reports of progress. */
const STEP = 4 * 1024 * 1024;

/** Merges that may follow the first because a later source turned out to have the better claim. */
const MAX_AGAIN = 2;

/**
 * Sources come in order of precedence, but a better match wins over an earlier source: a channel that its own guide calls
 * by its id is not given to a guide before it that has one of the same name. That is known only when all sources are
 * read, so the merge is then done again; what was learned is kept for the next one.
 */
export async function mergeGuide(
  job: MergeJob,
  targets: readonly GuideTarget[],
  signal: AbortSignal,
  progress: (progress: MergeProgress) => void,
): Promise<MergeResult> {
  let reserved: Reserved = job.reserved ?? {};
  for (let again = 0; ; again++) {
    const { result, learned, empty } = await mergeOnce({ ...job, reserved }, targets, signal, progress);
    const next = { ...reserved, ...learned };
    for (const id of empty) delete next[id];
    if (again === MAX_AGAIN || (Object.keys(learned).length === 0 && empty.length === 0))
      return { ...result, reserved };
    reserved = next;
  }
}

async function mergeOnce(
  job: MergeJob,
  targets: readonly GuideTarget[],
  signal: AbortSignal,
  progress: (progress: MergeProgress) => void,
): Promise<{ result: Omit<MergeResult, "reserved">; learned: Reserved; empty: readonly string[] }> {
  const { staging, now, settings, sources, reserved = {} } = job;
  const { tracks, sets } = createTracks(targets);
  const placeOf = new Map(sources.map(({ name }, place) => [name, place]));
  for (const track of tracks) {
    const claim = reserved[track.target.id];
    const source = claim && placeOf.get(claim.source);
    if (claim && source !== undefined) track.reserved = { source, step: claim.step };
  }
  const matcher = new Matcher(targets);
  const reports: SourceReport[] = [];
  const unmatched: UnmatchedLists = { targets: [], ids: [] };
  let unmatchedIds = 0;
  let read = 0;
  let told = 0;
  const spoolPath = join(staging, "spool");
  // Small where little is kept; where most is, time counts more than the last tenth of size.
  const level = (spooled: number) => settings.level ?? (spooled * 2 > read ? 3 : 6);
  const spool = new Spool(spoolPath, sets.length, level);
  const writer = new ProgrammeWriter(spool, {
    latestStart: now + (settings.days ?? Number.POSITIVE_INFINITY),
    earliestStop: now - (settings.history ?? Number.POSITIVE_INFINITY),
    repair: settings.repair,
  });
  try {
    for (const [place, source] of sources.entries()) {
      const report: SourceReport = {
        name: source.name,
        instance: source.instance,
        bytes: 0,
        channels: 0,
        programmes: 0,
        kept: 0,
        dropped: {},
        lost: {},
      };
      reports.push(report);
      const match = {
        match: source.match ?? settings.match,
        map: new Map(Object.entries(source.map ?? {})),
        ...(source.ids === "channel" ? { channelsOf: source.instance } : {}),
      };
      const reader = new SourceReader({
        source: place,
        report,
        matcher,
        match,
        tracks,
        writer,
        shift: source.shift ?? 0,
      });
      const count = (bytes: number) => {
        read += bytes;
        if (read - told < STEP) return;
        told = read;
        progress({ source: source.name, bytes: read, programmes: report.programmes, kept: report.kept });
      };
      await readSource({ source, report, reader, spool, writer, signal, progress: count });
      for (const id of reader.ids.values()) {
        if (id.programmes === 0 || id.wanted.length > 0) continue;
        unmatchedIds++;
        if (unmatched.ids.length < MAX_UNMATCHED)
          unmatched.ids.push({ source: source.name, id: id.id, name: id.names[0] ?? "" });
      }
    }
    if (job.previous && sources.length > 0 && reports.every((report) => report.error && report.kept === 0)) {
      throw new Error(`no source could be read: ${reports[0]?.error}`);
    }
    await spool.flush();
    const fresh = spool.parts.length;
    const history = job.previous
      ? await keepHistory({
          ...job.previous,
          tracks,
          spool,
          now,
          earliestStop: now - (settings.history ?? Number.POSITIVE_INFINITY),
        })
      : 0;
    await spool.flush();
    // The past comes before what is new.
    const parts = [...spool.parts.slice(fresh), ...spool.parts.slice(0, fresh)];
    const listed = tracks.filter((track) => track.count > 0);
    const records = listed.map(recordOf);
    const composed = await composeGuide({
      path: join(staging, staged.guide),
      channels: map(records, (record) => channelText(record, "plain")),
      from: spoolPath,
      parts,
    });
    const places = new Map(listed.map((track, place) => [track.place, place]));
    const head = { ids: records.map(({ id }) => id), sets, setOf: listed.map((track) => track.set) };
    const located: Part[] = parts.map((part, i) => ({ ...part, offset: composed.offsets[i] ?? 0 }));
    const stretches: Stretch[] = [];
    parts.forEach((part, i) => {
      for (const [track, stretch] of part.stretches)
        stretches.push({ ...stretch, part: i, channel: places.get(track) ?? 0 });
    });
    let unmatchedTargets = 0;
    for (const { target, count } of tracks) {
      if (count > 0) continue;
      unmatchedTargets++;
      if (unmatched.targets.length < MAX_UNMATCHED)
        unmatched.targets.push({ id: target.guideId ?? target.id, name: target.name });
    }
    // Sums and sizes of all parts, before and after deflating, tell contents apart and are there already.
    const hash = createHash("sha256").update(JSON.stringify([composed.crc, composed.bytes]));
    for (const { crc, size, bytes, set } of parts) hash.update(JSON.stringify([crc, size, bytes, set]));
    const put = (name: keyof typeof staged, pieces: Iterable<string | Buffer>, into?: Hash) => {
      return writeSynced(join(staging, staged[name]), pieces, into);
    };
    // Together, because waiting for the disk is most of it.
    await Promise.all([
      syncFile(join(staging, staged.guide)),
      put("index", [formatIndex(head, located, stretches)]),
      put(
        "channels",
        map(records, (record) => `${JSON.stringify(record)}\n`),
        hash,
      ),
      put(
        "matches",
        map(listed, (track) => matchLine(track, sources)),
      ),
      put("unmatched", [JSON.stringify(unmatched)]),
    ]);
    const programmes = writer.written + history;
    const report = { programmes, channels: listed.length, history, sources: reports, unmatchedTargets, unmatchedIds };
    const learned: Record<string, Reserved[string]> = {};
    for (const { better, target } of tracks)
      if (better) learned[target.id] = { source: sources[better.source]?.name ?? "", step: better.step };
    const empty = tracks.flatMap(({ reserved, owner, target }) => (reserved && !owner ? [target.id] : []));
    return { result: { hash: hash.digest("hex"), bytes: composed.bytes, report }, learned, empty };
  } finally {
    spool.close();
  }
}

function recordOf({ target, id, owner, element, firstElement }: Track): ChannelRecord {
  const chosen = element && element.from === owner ? element : firstElement;
  const { name, number, logo, instances } = target;
  return {
    id: target.id,
    name,
    number,
    ...(logo === undefined ? {} : { logo }),
    instances,
    ...(chosen
      ? {
          element: Buffer.concat([
            chosen.bytes.subarray(0, chosen.idStart),
            id,
            chosen.bytes.subarray(chosen.idEnd),
          ]).toString("utf8"),
        }
      : {}),
  };
}

function matchLine({ owner, step, target }: Track, sources: readonly MergeSource[]): string {
  if (!owner || !step) return "";
  const match: GuideMatch = { source: sources[owner.source]?.name ?? "", sourceId: owner.id, guideId: target.id, step };
  return `${JSON.stringify(match)}\n`;
}

function* map<T, U>(items: Iterable<T>, change: (item: T) => U): Iterable<U> {
  for (const item of items) yield change(item);
}

/** Writes a file whole and waits until it is on disk. */
async function writeSynced(path: string, pieces: Iterable<string | Buffer>, hash?: Hash): Promise<void> {
  const file = await open(path, "w");
  try {
    let text = "";
    const put = async (content: string | Buffer) => {
      hash?.update(content);
      await file.writeFile(content);
    };
    for (const piece of pieces) {
      if (typeof piece === "string") text += piece;
      else await put(piece);
      if (text.length > 1 << 18) {
        await put(text);
        text = "";
      }
    }
    await put(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
