// What has come of the guide's days: of each the files of its services, and from when to when they go.
import type { Span } from "../../core/plugin.ts";
import type { EpgEvent, EpgFile } from "./epg.ts";

/** What came of one day, by the number of its segment, which is that of the service. */
export type DayFiles = Map<number, SpannedFile>;

export interface SpannedFile extends EpgFile {
  readonly span: Span;
}

/** What each day has of a service, in the order of the days. */
export function filesOf(id: number, days: readonly DayFiles[]): SpannedFile[] {
  return days.flatMap((day) => day.get(id) ?? []);
}

/** From the first start to the last end; without programmes `to` is 0. */
export function spanOf(events: readonly EpgEvent[]): Span {
  return joinSpans(events.map(({ start, duration }) => ({ from: start * 1000, to: (start + duration) * 1000 })));
}

/** All of them, from the first to the last; of none `to` is 0. */
export function joinSpans(spans: readonly Span[]): Span {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const span of spans) {
    from = Math.min(from, span.from);
    to = Math.max(to, span.to);
  }
  return { from, to };
}
