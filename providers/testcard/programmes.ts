// The test card's guide: half-hour programmes for ever, the same ones for everybody who asks.
import type { Programme, Span } from "../../core/plugin.ts";

const halfHour = 30 * 60_000;
const titles = ["Colour bars", "One beep a second", "Counting to eight", "Nothing else is on", "Picture and sound"];

/** The programmes of a channel that touch the span, in order. */
export function* programmesOf(channel: string, span: Span): Generator<Programme> {
  for (let start = Math.floor(span.from / halfHour) * halfHour; start < span.to; start += halfHour) {
    const number = start / halfHour;
    const title = titles[number % titles.length] ?? "";
    yield {
      channel,
      start,
      stop: start + halfHour,
      titles: [{ value: title, lang: "en" }],
      descriptions: [{ value: `Half hour ${(number % 48) + 1} of the day, UTC.`, lang: "en" }],
      categories: [{ value: "Test", lang: "en" }],
    };
  }
}
