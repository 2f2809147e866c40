// The merged guide: merges it in a worker, keeps the last good one, and answers for it.
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { createPacer } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import { createListeners } from "../listeners.ts";
import type { Clock, Guide, Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import type { GuideMatch } from "../types.ts";
import { DerivedGuides } from "./derived.ts";
import { GuideFolder, type Manifest } from "./generation.ts";
import type { MergeJob, MergeResult } from "./merge.ts";
import { GuideQuerier } from "./query.ts";
import { runMerge } from "./run.ts";
import type { GuideSettings, GuideTarget, MergeProgress, MergeReport, MergeSource } from "./types.ts";
import { nearest, type Unmatched, type UnmatchedLists } from "./unmatched.ts";

export { normaliseId, normaliseName } from "./match.ts";
export type {
  DropReason,
  GuideSettings,
  GuideTarget,
  MergeProgress,
  MergeReport,
  MergeSource,
  SourceReport,
} from "./types.ts";
export type { Candidate, Unmatched } from "./unmatched.ts";

/** The guide as core has it: what plugins see, and what makes it. */
export interface GuideKeeper extends Guide {
  configure(settings: GuideSettings): void;
  /** Serves the last good guide again; for the start. Cheap: what is behind it is read when it is asked for. */
  restore(): Promise<void>;
  /**
   * Makes the guide anew, unless nothing has changed. One at a time.
   * @throws HeadendError `guide.merge`; the last good guide stays.
   */
  merge(
    targets: Iterable<GuideTarget>,
    sources: readonly MergeSource[],
    signal: AbortSignal,
    onProgress?: (progress: MergeProgress) => void,
  ): Promise<MergeReport>;
  /** What found nobody in the last merge, with the nearest candidates. */
  unmatched(): Promise<Unmatched>;
  /** When the guide in force was merged: milliseconds since the Unix epoch. */
  readonly merged: number | undefined;
  /** How many programmes the guide in force has. */
  readonly size: number;
  close(): Promise<void>;
}

export interface GuideOptions {
  /** Its own folder; made when it is not there. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Where `worker.ts` is; only the program's entry file can tell, in the executable. Absent: merges are done here, which
   * costs less and holds up whatever else runs in this thread.
   */
  readonly worker?: URL;
  readonly settings: GuideSettings;
}

/** An unchanged guide is made anew after this long all the same: time moves its span. */
const MAX_AGE = 24 * 60 * 60 * 1000;
/** Targets handed to the worker at once. */
const BATCH = 250;
/** How far ahead the next programme is looked for, step by step. */
const AHEAD = [3, 12, 48].map((hours) => hours * 60 * 60 * 1000);

/** What serves one generation. */
interface Serving {
  readonly manifest: Manifest;
  readonly querier: GuideQuerier;
  readonly derived: DerivedGuides;
}

export function createGuide({ folder: path, clock, log, worker, settings }: GuideOptions): GuideKeeper {
  const folder = new GuideFolder(path);
  const listeners = createListeners(log);
  let current: Serving | undefined;
  let before: string | undefined;
  let matches: readonly GuideMatch[] = [];
  let merging: Promise<unknown> = Promise.resolve();

  async function serve(manifest: Manifest): Promise<void> {
    const old = current;
    const { generation } = manifest;
    if (old?.manifest.generation === generation) current = { ...old, manifest };
    else {
      const querier = new GuideQuerier(folder.file(generation, "guide"), folder.file(generation, "index"));
      current = { manifest, querier, derived: new DerivedGuides(folder, manifest, querier) };
      before = old?.manifest.generation;
    }
    matches = await readMatches(folder.file(generation, "matches")).catch(() => []);
    // The generation before stays until the next: someone may be about to open its file.
    await folder.tidy([generation, ...(before ? [before] : [])]);
    if (old && old.manifest.generation !== generation) await old.querier.close();
  }

  async function merge(
    given: Iterable<GuideTarget>,
    sources: readonly MergeSource[],
    signal: AbortSignal,
    onProgress: (progress: MergeProgress) => void,
  ): Promise<MergeReport> {
    const started = clock.monotonic();
    const wanted = settings;
    const { batches, fingerprint } = await packTargets(given, wanted, sources);
    const old = current?.manifest;
    const age = old ? clock.now() - old.merged : MAX_AGE;
    if (old && old.fingerprint === fingerprint && age >= 0 && age < MAX_AGE) {
      return { ...old.report, unchanged: true, seconds: (clock.monotonic() - started) / 1000 };
    }
    try {
      await mkdir(path, { recursive: true });
      const staging = await folder.stage();
      const now = clock.now();
      const previous = old &&
        wanted.keepPast !== false && {
          guide: folder.file(old.generation, "guide"),
          index: folder.file(old.generation, "index"),
        };
      const reserved = old?.reserved ?? {};
      const job = { staging, now, settings: wanted, sources, reserved, ...(previous && { previous }) };
      const result = worker
        ? await runMerge({ worker, job, targets: batches, clock, signal, progress: onProgress })
        : await mergeHere(job, batches, signal, onProgress);
      const generation = result.hash.slice(0, 16);
      const report = { unchanged: false, seconds: (clock.monotonic() - started) / 1000, ...result.report };
      const modified = old?.generation === generation ? old.modified : Math.floor(now / 1000) * 1000;
      const manifest = {
        version: 1 as const,
        generation,
        fingerprint,
        merged: now,
        modified,
        bytes: result.bytes,
        report,
        reserved: result.reserved,
      };
      await serve(await folder.commit(manifest));
      if (old?.generation !== generation) listeners.call();
      return report;
    } catch (error) {
      await folder.tidy([old?.generation, before].filter((kept) => kept !== undefined)).catch(() => {});
      if (signal.aborted || (error instanceof HeadendError && error.code === "guide.merge")) throw error;
      throw new HeadendError("guide.merge", { reason: reasonOf(error) }, error);
    }
  }

  return {
    get merged() {
      return current?.manifest.merged;
    },
    get size() {
      return current?.manifest.report.programmes ?? 0;
    },
    configure(next) {
      settings = next;
    },
    async restore() {
      await mkdir(path, { recursive: true });
      try {
        const manifest = await folder.read();
        await folder.tidy(manifest ? [manifest.generation] : [], true);
        if (manifest) await serve(manifest);
      } catch (error) {
        // Nothing is thrown away before the next merge has ended well.
        log.warn(`the last good guide cannot be served: ${reasonOf(error)}`);
      }
    },
    merge(targets, sources, signal, onProgress = () => {}) {
      const run = merging.then(() => merge(targets, sources, signal, onProgress));
      merging = run.catch(() => {});
      return run;
    },
    async artefact({ instance, style = "plain" } = {}) {
      if (!current) return undefined;
      const { manifest, derived } = current;
      if (instance !== undefined || style !== "plain") return derived.get(instance, style);
      const { generation, bytes, modified } = manifest;
      return { path: folder.file(generation, "guide"), bytes, etag: `"${generation}"`, modified };
    },
    async programmes(channel, span, signal) {
      return (await current?.querier.programmes(channel.guideId, span, signal)) ?? [];
    },
    async nowNext(channel, at = clock.now()) {
      const querier = current?.querier;
      for (const ahead of querier ? AHEAD : []) {
        const found = (await querier?.programmes(channel.guideId, { from: at, to: at + ahead })) ?? [];
        const now = found.findLast((programme) => programme.start <= at);
        const next = found.find((programme) => programme.start > at);
        if (next || ahead === AHEAD.at(-1)) return { ...(now && { now }), ...(next && { next }) };
      }
      return {};
    },
    matches: () => matches,
    async unmatched() {
      if (!current) return { targets: [], ids: [] };
      const text = await readFile(folder.file(current.manifest.generation, "unmatched"), "utf8");
      return nearest(JSON.parse(text) as UnmatchedLists, createPacer());
    },
    onChange: listeners.add,
    async close() {
      await merging;
      await current?.querier.close();
      log.debug("guide closed");
    },
  };
}

/** Loads what a merge needs only now: whoever has a worker never does. */
async function mergeHere(
  job: MergeJob,
  batches: readonly string[],
  signal: AbortSignal,
  progress: (progress: MergeProgress) => void,
): Promise<MergeResult> {
  const { mergeGuide } = await import("./merge.ts");
  const targets = batches.flatMap((batch) => JSON.parse(batch) as GuideTarget[]);
  return mergeGuide(job, targets, signal, progress);
}

/** The targets as texts for the worker, and the fingerprint of everything the merge depends on. */
async function packTargets(
  targets: Iterable<GuideTarget>,
  settings: GuideSettings,
  sources: readonly MergeSource[],
): Promise<{ batches: string[]; fingerprint: string }> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([1, settings, sources.map(({ path: _, ...source }) => source)]));
  const pacer = createPacer();
  const batches: string[] = [];
  let batch: GuideTarget[] = [];
  const pack = async () => {
    const text = JSON.stringify(batch);
    hash.update(text);
    batches.push(text);
    batch = [];
    await pacer.rest();
  };
  for (const target of targets) if (batch.push(target) === BATCH) await pack();
  await pack();
  return { batches, fingerprint: hash.digest("hex") };
}

async function readMatches(path: string): Promise<GuideMatch[]> {
  const pacer = createPacer();
  const matches: GuideMatch[] = [];
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    if (line) matches.push(JSON.parse(line) as GuideMatch);
    if (pacer.due()) await pacer.rest();
  }
  return matches;
}
