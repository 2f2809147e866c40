// A programme of the operator's guide as the house has it.
import type { Programme, Text } from "../../core/plugin.ts";
import { minimumAge } from "./epg.ts";
import type { Info } from "./info.ts";
import type { ScheduledEvent } from "./schedule.ts";
import { readTitle } from "./titles.ts";

const kindOf = (en: string, es: string): readonly Text[] => [
  { value: en, lang: "en" },
  { value: es, lang: "es" },
];

/** Main kinds by the high nibble (ETSI EN 300 468 §6.2.9, as this operator uses it). */
const kinds: readonly (readonly Text[])[] = [
  kindOf("Arts / Culture", "Cultura"),
  kindOf("Movie / Drama", "Cine"),
  kindOf("Social / Political issues / Economics", "Sociedad"),
  kindOf("Show / Game show", "Programas"),
  kindOf("Sports", "Deportes"),
  kindOf("Children's / Youth programmes", "Infantil"),
  kindOf("Music / Ballet / Dance", "Música"),
  kindOf("Show / Game show", "Programas"),
  kindOf("Education / Science / Factual topics", "Documentales"),
  kindOf("Adult movie / Drama", "Adultos"),
];
/** Daily news, which are no kind of their own there. */
const news = 0x06;
const newsKind = kindOf("News / Current affairs", "Informativos");

/**
 * @param channel the id by which the programme's channel is known
 * @param covers where covers are
 */
export function makeProgramme(channel: string, event: ScheduledEvent, info: Info = {}, covers = ""): Programme {
  const facts = readTitle(event.title, event.seriesId);
  // What the title says counts; the fields of the record are often wrong.
  const season = facts.season || event.season;
  const episode = facts.episode || event.episode;
  const isMovie = event.genre >> 4 === 1;
  const categories = event.genre === news ? newsKind : kinds[event.genre >> 4];
  const age = minimumAge(event.age);
  const year = info.year ?? (event.year > 1900 ? String(event.year) : undefined);
  const credits = [
    ...(info.directors ?? []).map((name) => ({ role: "director", name })),
    ...(info.actors ?? []).map((name) => ({ role: "actor", name })),
  ];
  const place = (value: number) => (value > 0 ? String(value - 1) : "");
  return {
    channel,
    start: event.start,
    stop: event.stop,
    titles: [{ value: facts.isSeries && facts.series ? facts.series : facts.full, lang: "es" }],
    ...(facts.episodeTitle ? { subtitles: [{ value: facts.episodeTitle, lang: "es" }] } : {}),
    ...(info.description ? { descriptions: [{ value: info.description, lang: "es" }] } : {}),
    ...(credits.length > 0 ? { credits } : {}),
    ...(categories ? { categories } : {}),
    ...(year && (isMovie || facts.isSeries) ? { date: year } : {}),
    ...(facts.isSeries && (season > 0 || episode > 0)
      ? { episodes: { xmltv_ns: `${place(season)}.${place(episode)}.` } }
      : {}),
    ...(info.cover && covers ? { icon: `${covers}${info.cover}` } : {}),
    ...(age > 0 ? { rating: { value: String(age), system: "ES" } } : {}),
    catchupId: String(event.pid),
  };
}
