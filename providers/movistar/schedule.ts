// What every service shows and has shown, by its own guide: the index from a time to a recording.
import type { Span } from "../../core/plugin.ts";
import type { EpgEvent } from "./epg.ts";

/** Times in milliseconds since the Unix epoch. */
export interface ScheduledEvent extends Omit<EpgEvent, "duration"> {
  readonly stop: number;
}

export interface Schedule {
  readonly services: readonly number[];
  /** How many programmes there are. */
  readonly size: number;
  /**
   * Takes a service's programmes as they are announced now; within their span they replace what was known.
   *
   * @returns where two of them were at once
   */
  put(service: number, events: readonly EpgEvent[]): readonly Span[];
  /** The programme at an instant. */
  at(service: number, time: number): ScheduledEvent | undefined;
  /** The first that begins at an instant or after it. */
  from(service: number, time: number): ScheduledEvent | undefined;
  /** Those that touch a span, in order. */
  between(service: number, from: number, to: number): readonly ScheduledEvent[];
  /** The parts of a span, a minute long or longer, in which nothing is known to be on. */
  gaps(service: number, from: number, to: number): readonly Span[];
  pids(): ReadonlySet<number>;
  /** Forgets what ended before an instant. */
  forget(before: number): void;
  /** A line for each service; `restoreSchedule()` reads them. */
  lines(): Iterable<string>;
}

/** Milliseconds; schedules are not exact to the second. */
const leastGap = 60_000;
/** Programmes of a service: a month of one every five minutes; what is further ahead is nobody's guide. */
const mostEvents = 10_000;

type Row = readonly [
  pid: number,
  start: number,
  stop: number,
  genre: number,
  age: number,
  title: string,
  seriesId: number,
  series: string,
  season: number,
  episode: number,
  year: number,
];

export function createSchedule(): Schedule {
  const byService = new Map<number, ScheduledEvent[]>();
  const of = (service: number) => byService.get(service) ?? [];

  /** The place of the first that begins after an instant. */
  function after(events: readonly ScheduledEvent[], time: number): number {
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((events[middle]?.start ?? 0) > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function between(service: number, from: number, to: number): readonly ScheduledEvent[] {
    const events = of(service);
    let place = Math.max(0, after(events, from) - 1);
    if ((events[place]?.stop ?? 0) <= from) place++;
    return events.slice(place, Math.max(place, after(events, to - 1)));
  }

  return {
    get services() {
      return [...byService.keys()];
    },
    get size() {
      let sum = 0;
      for (const events of byService.values()) sum += events.length;
      return sum;
    },
    put(service, given) {
      const { events: fresh, overlaps } = arrange(given);
      const first = fresh[0];
      const last = fresh.at(-1);
      if (!first || !last) return overlaps;
      // What was known stays outside of the span that is announced, and in its gaps.
      const kept = of(service).flatMap((event) => {
        const { start, stop } = event;
        if (stop <= first.start || start >= last.stop) return [event];
        // It was on when what is announced begins.
        if (start < first.start) return [{ ...event, stop: first.start }];
        const place = after(fresh, start);
        const isFree = (fresh[place - 1]?.stop ?? 0) <= start;
        return isFree && (fresh[place]?.start ?? Number.POSITIVE_INFINITY) >= stop ? [event] : [];
      });
      byService.set(service, [...kept, ...fresh].sort((a, b) => a.start - b.start).slice(0, mostEvents));
      return overlaps;
    },
    at(service, time) {
      const events = of(service);
      const found = events[after(events, time) - 1];
      return found && found.stop > time ? found : undefined;
    },
    from(service, time) {
      const events = of(service);
      return events[after(events, time - 1)];
    },
    between,
    gaps(service, from, to) {
      const gaps: Span[] = [];
      let at = from;
      for (const { start, stop } of between(service, from, to)) {
        if (start - at >= leastGap) gaps.push({ from: at, to: start });
        at = Math.max(at, stop);
      }
      if (to - at >= leastGap) gaps.push({ from: at, to });
      return gaps;
    },
    pids: () => new Set([...byService.values()].flatMap((events) => events.map(({ pid }) => pid))),
    forget(before) {
      for (const [service, events] of byService) {
        const kept = events.filter(({ stop }) => stop > before);
        if (kept.length === 0) byService.delete(service);
        else if (kept.length < events.length) byService.set(service, kept);
      }
    },
    *lines() {
      for (const [service, events] of byService) {
        const rows = events.map((e): Row => {
          return [e.pid, e.start, e.stop, e.genre, e.age, e.title, e.seriesId, e.series, e.season, e.episode, e.year];
        });
        yield `${JSON.stringify([service, rows])}\n`;
      }
    },
  };
}

/** Reads what `lines()` gave; lines that are none are left out. */
export function restoreSchedule(schedule: Schedule, text: string): void {
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      const [service, rows] = JSON.parse(line) as [number, Row[]];
      const events = rows.map(([pid, start, stop, genre, age, title, seriesId, series, season, episode, year]) => ({
        ...{ pid, start: start / 1000, duration: (stop - start) / 1000, genre, age, title, seriesId, series, season },
        ...{ episode, year },
      }));
      schedule.put(service, events);
    } catch {
      // Of an earlier version, or damaged: it is announced again.
    }
  }
}

/**
 * In order, each ending where the next begins at the latest; of two that begin together the last announced counts.
 * `overlaps`: where two were at once.
 */
function arrange(given: readonly EpgEvent[]): { readonly events: ScheduledEvent[]; readonly overlaps: Span[] } {
  const byStart = new Map<number, EpgEvent>();
  for (const event of given) if (event.duration > 0) byStart.set(event.start, event);
  const ordered = [...byStart.values()].sort((a, b) => a.start - b.start);
  const overlaps: Span[] = [];
  const events = ordered.map((event, index): ScheduledEvent => {
    const { pid, genre, age, title, seriesId, series, season, episode, year } = event;
    const next = ordered[index + 1]?.start ?? Number.POSITIVE_INFINITY;
    const end = event.start + event.duration;
    if ((end - next) * 1000 >= leastGap) overlaps.push({ from: next * 1000, to: end * 1000 });
    const times = { start: event.start * 1000, stop: Math.min(end, next) * 1000 };
    return { pid, ...times, genre, age, title, seriesId, series, season, episode, year };
  });
  return { events, overlaps };
}
