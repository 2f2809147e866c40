// JSON-EPG (IPTV Manager, version 1): its schema, and a programme of it as the guide has it.
import { z } from "zod";
import { parseTime } from "../../core/formats/catchup/time.ts";
import type { Credit, Programme } from "../../core/plugin.ts";
import { inspect, tellWrong } from "./inspect.ts";
import { isAddress, oneLine } from "./streams.ts";

const creditSchema = z.looseObject({
  type: z.string().describe("an element of XMLTV's credits: actor, director, presenter, …"),
  name: z.string(),
  role: z.string().nullish().describe("the character played"),
});

/** One programme. What is not of its type is left out, and loses the programme only in `start` and `stop`. */
export const programmeSchema = z.looseObject({
  start: z.string().describe("ISO 8601; UTC where no zone is said"),
  stop: z.string().describe("ISO 8601; UTC where no zone is said"),
  title: z.string().nullish(),
  subtitle: z.string().nullish(),
  description: z.string().nullish(),
  episode: z.string().nullish().describe("as viewers see it, such as S01E05"),
  genre: z.union([z.string(), z.array(z.string())]).nullish(),
  image: z.string().nullish().describe("address of a picture"),
  date: z.string().nullish().describe("year or date of the first showing"),
  credits: z.array(creditSchema).nullish(),
  stream: z.string().nullish().describe("where this programme can be had on demand"),
});

/** The whole document. */
export const epgSchema = z
  .looseObject({ version: z.literal(1).optional(), epg: z.record(z.string(), z.array(programmeSchema)) })
  .meta({ title: "JSON-EPG" });

/** Keys whose common mistakes are none: numbers are texts there; and those that lose the programme. */
const spared = new Set(["start", "stop", "episode", "date", "genre"]);

/** A programme of a channel; or why there is none. `mended` is told of what was left out of it. */
export function readProgramme(
  channel: string,
  item: unknown,
  mended: (reason: string) => void = () => {},
): Programme | string {
  const found = inspect(programmeSchema, item);
  if (!found) return "not an object";
  const { given, wrong } = found;
  const start = readTime(given.start);
  const stop = readTime(given.stop);
  if (start === undefined) return given.start === undefined ? "without start" : "start that is no time";
  if (stop === undefined) return given.stop === undefined ? "without stop" : "stop that is no time";
  if (stop <= start) return "stop not after start";
  tellWrong(wrong, spared, mended);
  const texts = (value: unknown) => {
    const text = textOf(value);
    return text === undefined ? undefined : [{ value: text }];
  };
  const subtitles = texts(given.subtitle);
  const descriptions = texts(given.description);
  const episode = textOf(given.episode);
  const categories = listOf(given.genre).flatMap((genre) => texts(genre) ?? []);
  const credits = listOf(given.credits).flatMap(readCredit);
  const icon = textOf(given.image);
  const date = readDate(given.date);
  const stream = textOf(given.stream);
  const catchupId = isAddress(stream) ? stream : undefined;
  if (stream && !catchupId) mended("stream that is no address");
  return {
    channel,
    start,
    stop,
    titles: texts(given.title) ?? [],
    ...(subtitles && { subtitles }),
    ...(descriptions && { descriptions }),
    ...(categories.length > 0 && { categories }),
    ...(credits.length > 0 && { credits }),
    ...(date && { date }),
    ...(icon && { icon }),
    ...(episode && { episodes: { onscreen: episode } }),
    ...(catchupId && { catchupId }),
  };
}

/** Instants without a zone are UTC; fractions of a second are dropped. */
function readTime(value: unknown): number | undefined {
  // Longer than any time: a pattern would look at all of it from each of its places.
  if (typeof value !== "string" || value.length > 64) return undefined;
  const text = value.trim();
  const dated = /^\d{4}-?\d\d-?\d\d$/.test(text) ? `${text}T00:00` : text;
  // Not the seconds or the digits that catch-up addresses take for times.
  if (!/^\d{4}-?\d\d-?\d\d[T ]\d/.test(dated)) return undefined;
  return parseTime(dated.replace(/([T ].*[+-]\d\d)$/, "$1:00"), "UTC");
}

/** As XMLTV writes it: `2018`, `20180514`. */
function readDate(value: unknown): string | undefined {
  const text = textOf(value);
  const [, year, month = "", day = ""] = /^(\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?(?:[T ].*)?$/.exec(text ?? "") ?? [];
  return year && year + month + day;
}

/** Elements that XMLTV's DTD has in `credits`. */
const roles = new Set("director actor writer adapter producer composer editor presenter commentator guest".split(" "));

function readCredit(value: unknown): Credit[] {
  if (typeof value !== "object" || value === null) return [];
  const { type, name, role } = value as Readonly<Record<string, unknown>>;
  const known = typeof type === "string" ? type.trim().toLowerCase() : "";
  const person = textOf(name);
  const as = textOf(role);
  if (!roles.has(known) || !person) return [];
  return [{ role: known, name: person, ...(as && known === "actor" && { as }) }];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

/** Numbers count as text: an episode or a year is often one. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return undefined;
  return value.includes("\n") ? value.trim() || undefined : oneLine(value) || undefined;
}
