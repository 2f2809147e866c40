// What the web service knows of single programmes: asked a few at a time, nearest first, and kept.
import { unescapeValue } from "../../core/formats/xmltv/index.ts";
import { type Appserver, fieldsOf, numberOf, textOf } from "./appserver.ts";

export interface Info {
  readonly description?: string;
  readonly directors?: readonly string[];
  readonly actors?: readonly string[];
  readonly year?: string;
  /** Of its picture, `<folder>/<file>` below where covers are. */
  readonly cover?: string;
}

export interface Wanted {
  readonly pid: number;
  /** The channel's own id. */
  readonly channel: number;
}

export interface Infos {
  get(pid: number): Info | undefined;
  /** Asks for those that are not known, in order, until so many milliseconds are over. @returns how many were asked for */
  fetch(wanted: Iterable<Wanted>, limit: number, signal: AbortSignal): Promise<number>;
  /** Forgets all but these. */
  retain(pids: ReadonlySet<number>): void;
  /** Lines for `kept` of the next start. */
  lines(): Iterable<string>;
}

export interface InfosOptions {
  readonly appserver: Appserver;
  readonly clock: { monotonic(): number };
  readonly kept: string | undefined;
}

/** Questions at once. */
const atOnce = 4;
const mostNames = 4;
/** Milliseconds for which a programme that nothing is known of is not asked for again. */
const restTime = 3 * 3_600_000;
/** Characters of a description and of a name, at most. */
const longestText = 4000;
const longestName = 200;

export function createInfos({ appserver, clock, kept }: InfosOptions): Infos {
  const infos = new Map<number, Info>(readKept(kept));
  /** Until when each that nothing is known of is passed over, by the monotonic clock: it may be the service's fault. */
  const unknown = new Map<number, number>();
  return {
    get: (pid) => infos.get(pid),
    async fetch(wanted, limit, signal) {
      const waiting = wanted[Symbol.iterator]();
      const end = clock.monotonic() + limit;
      let asked = 0;
      const work = async () => {
        for (let item = waiting.next(); !item.done && clock.monotonic() < end; item = waiting.next()) {
          const { pid, channel } = item.value;
          if (infos.has(pid) || (unknown.get(pid) ?? 0) > clock.monotonic()) continue;
          const query = { productID: pid, channelID: channel, extra: 1 };
          const data = await appserver.ask("epgInfov2", query, signal);
          asked++;
          if (data === undefined) unknown.set(pid, clock.monotonic() + restTime);
          else infos.set(pid, readInfo(fieldsOf(data)));
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      return asked;
    },
    retain(pids) {
      for (const map of [infos, unknown]) for (const pid of map.keys()) if (!pids.has(pid)) map.delete(pid);
    },
    *lines() {
      for (const [pid, info] of infos) yield `${JSON.stringify([pid, info])}\n`;
    },
  };
}

function readInfo(fields: Readonly<Record<string, unknown>>): Info {
  const description = textOf(fields.description);
  const directors = namesOf(fields.directors);
  const actors = namesOf(fields.mainActors);
  const date = textOf(fields.productionDate) ?? numberOf(fields.productionDate);
  const cover = textOf(fields.cover);
  const year = typeof date === "number" ? yearOf(date) : /\b(?:19|20)\d\d\b/.exec(date ?? "")?.[0];
  return {
    ...(description ? { description: unescapeValue(description.slice(0, longestText)) } : {}),
    ...(directors.length > 0 ? { directors } : {}),
    ...(actors.length > 0 ? { actors } : {}),
    ...(year ? { year } : {}),
    ...(cover && /^\d{1,12}\/\d{1,12}\.[a-z]{3,4}$/i.test(cover) ? { cover } : {}),
  };
}

/** Of milliseconds since the Unix epoch, or a year by itself; `""`: neither. */
function yearOf(value: number): string {
  const year = value > 3000 ? new Date(value).getUTCFullYear() : value;
  return /^(?:19|20)\d\d$/.test(String(year)) ? String(year) : "";
}

/** A list, or one text with commas. */
function namesOf(value: unknown): string[] {
  const texts = (Array.isArray(value) ? value : [value]).flatMap((each) =>
    (textOf(each) ?? "").slice(0, longestText).split(/,\s+/),
  );
  return texts
    .map((text) => unescapeValue(text).trim().slice(0, longestName))
    .filter((text) => text !== "")
    .slice(0, mostNames);
}

function readKept(text = ""): [number, Info][] {
  return text.split("\n").flatMap((line): [number, Info][] => {
    try {
      const [pid, info] = JSON.parse(line || "null") as [number, Info];
      return Number.isInteger(pid) && info ? [[pid, info]] : [];
    } catch {
      return [];
    }
  });
}
