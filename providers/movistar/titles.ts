// What a programme's title says of its series: name, season, episode, and what the episode is called.

export interface TitleFacts {
  /** What viewers see: with `S24E05` where season and episode are known. */
  readonly full: string;
  /** `""`: no series that the title tells. */
  readonly series: string;
  /** 0: not said. */
  readonly season: number;
  readonly episode: number;
  /** `""`: not said. */
  readonly episodeTitle: string;
  readonly isSeries: boolean;
}

const episode = String.raw`(?:Ep\.?\s*|E\s?|Cap(?:\.|ítulo)?\s*)(\d+)\b`;
/** Between what was read and what follows. */
const gap = String.raw`[\s:.,–-]*`;
/** `Los Simpson T24 Ep. 5 - El título`, the episode left out or not. */
const seasonal = new RegExp(`^(.+?) T(\\d{1,2}) +(?:${episode})?${gap}(.*)$`);
/** `Documentos TV: La Luna Ep. 3`. */
const episodic = new RegExp(`^(.+?)(?: T(\\d{1,2}))? ${episode}${gap}(.*)$`);

/**
 * Reads a title.
 *
 * @param title without entities
 * @param seriesId 0: the operator knows no series
 * @example readTitle("Los Simpson T24 Ep.5", 9).full // "Los Simpson S24E05"
 */
export function readTitle(title: string, seriesId: number): TitleFacts {
  const whole = title
    .replaceAll(/[\r\n]+/g, " ")
    .replaceAll(" / ", ": ")
    .replaceAll("/", "")
    .trim();
  const found = /\d/.test(whole) ? (seasonal.exec(whole) ?? episodic.exec(whole)) : null;
  if (!found) {
    if (seriesId === 0) return { full: whole, series: "", season: 0, episode: 0, episodeTitle: "", isSeries: false };
    const [series = "", ...rest] = whole.split(" - ");
    return { full: whole, series, season: 0, episode: 0, episodeTitle: rest.join(" - "), isSeries: true };
  }
  let [, series = "", , , episodeTitle = ""] = found;
  const [seasonNumber, episodeNumber] = [Number(found[2] ?? 0), Number(found[3] ?? 0)];
  // A dash that touches a word on one side only was meant to stand free.
  episodeTitle = episodeTitle.replaceAll(/\s+-\s*|\s*-\s+/g, " - ").trim();
  const colon = series.indexOf(": ");
  if (colon > 0 && episodeNumber > 0 && episodeTitle === "") {
    episodeTitle = series.slice(colon + 2);
    series = series.slice(0, colon);
  }
  const isNumbered = series !== "" && seasonNumber > 0 && episodeNumber > 0;
  const number = `S${two(seasonNumber)}E${two(episodeNumber)}`;
  return {
    full: isNumbered ? `${series} ${number}${episodeTitle && ` - ${episodeTitle}`}` : whole,
    series,
    season: seasonNumber,
    episode: episodeNumber,
    episodeTitle,
    isSeries: seriesId !== 0 || (series !== "" && episodeNumber > 0),
  };
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
