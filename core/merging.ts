// When the guide is merged: after refreshes that brought something, one merge at a time, never while first refreshes run.
import { createPause } from "./clock.ts";
import type { GuideSettings } from "./config/index.ts";
import type { GuideKeeper } from "./guide/index.ts";
import type { MergeProgress, MergeReport, GuideSettings as MergeSettings, MergeSource } from "./guide/types.ts";
import { emptyLineup, guideTargets } from "./lineup/compose.ts";
import type { LineupKeeper } from "./lineup/index.ts";
import type { Clock, Logger } from "./plugin.ts";
import { reasonOf } from "./reason.ts";

/** The config's words in the guide's. */
export function guideSettings({ compression, ...settings }: GuideSettings): MergeSettings {
  return { ...settings, ...(compression === undefined ? {} : { level: compression }) };
}

export interface Merging {
  /** Asks for a merge; several requests before it begins are one. Resolves when a merge that began after it has ended. */
  request(): Promise<void>;
  readonly report: MergeReport | undefined;
  /** When the guide was last known to be right: milliseconds since the Unix epoch. */
  readonly lastSuccess: number | undefined;
  readonly lastError: string | undefined;
  readonly running: boolean;
}

export interface MergingOptions {
  readonly guide: GuideKeeper;
  readonly lineup: LineupKeeper;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Every source of every instance, in order of precedence. */
  sources(): MergeSource[];
  /** True while a first refresh is still running, whose channels the merge had better wait for. */
  unsettled(): boolean;
  progress?(progress: MergeProgress): void;
}

/** How long a merge waits for slow first refreshes, and how often it looks. */
const patience = 20_000;
const glance = 100;

export function createMerging(o: MergingOptions): Merging {
  let report: MergeReport | undefined;
  let lastSuccess: number | undefined;
  let lastError: string | undefined;
  let running = false;
  let queued: Promise<void> | undefined;
  let waited = 0;
  let tail: Promise<void> = Promise.resolve();

  async function merge(): Promise<void> {
    // An instance that never settles holds up the first merge, not all of them.
    for (; o.unsettled() && waited < patience; waited += glance) await o.clock.sleep(glance, o.signal);
    if (!o.unsettled()) waited = 0;
    queued = undefined;
    running = true;
    try {
      const sources = o.sources();
      // Nothing comes in and nothing is kept: the guide is empty whoever it is for.
      const empty = sources.length === 0 && o.guide.size === 0;
      const composed = empty ? emptyLineup : o.lineup.composed();
      const targets = await guideTargets(composed, createPause());
      report = await o.guide.merge(targets, sources, o.signal, o.progress);
      lastSuccess = o.clock.now();
      lastError = undefined;
      for (const { name, programmes, kept, error } of report.unchanged ? [] : report.sources) {
        if (programmes > 0 && kept === 0 && !error)
          o.log.warn(
            `guide ${name}: none of its ${programmes} programmes is for a channel here; /api/guide/matches shows why`,
          );
      }
      if (!report.unchanged) {
        const { programmes, channels, seconds } = report;
        o.log.info(`guide merged: ${programmes} programmes of ${channels} channels in ${seconds.toFixed(1)} s`);
      }
    } catch (error) {
      if (o.signal.aborted) return;
      lastError = reasonOf(error);
      o.log.error(lastError);
    } finally {
      running = false;
    }
  }

  return {
    request() {
      queued ??= tail = tail.then(merge).catch(() => {});
      return queued;
    },
    get report() {
      return report;
    },
    get lastSuccess() {
      return lastSuccess;
    },
    get lastError() {
      return lastError;
    },
    get running() {
      return running;
    },
  };
}
