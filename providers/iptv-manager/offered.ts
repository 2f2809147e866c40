// The other direction: this headend's own lineup as JSON-STREAMS, and its guide as JSON-EPG.
import { channelPath } from "../../core/formats/channel-path.ts";
import { isKodiAddress } from "../../core/formats/kodi-address.ts";
import type { LineupChannel, Programme, Span } from "../../core/plugin.ts";

const day = 86_400_000;
/** What is over when IPTV Manager asks again, once a day, can be watched again by then. */
const ahead = day;

/** JSON-STREAMS, channel by channel; addresses begin with `base`. */
export function* formatStreams(channels: readonly LineupChannel[], base: string): Generator<string> {
  yield '{"version":1,"streams":[';
  for (const [place, channel] of channels.entries()) yield (place === 0 ? "" : ",") + formatStream(channel, base);
  yield "]}";
}

function formatStream(channel: LineupChannel, base: string): string {
  const { name, guideId, number, logo, groups, radio, url = "" } = channel;
  const kodi = isKodiAddress(url);
  return JSON.stringify({
    id: guideId,
    name,
    stream: kodi ? url : `${base}/live/${channelPath(channel.id)}.ts`,
    ...(/^\d{1,9}$/.test(number) && { preset: Number(number) }),
    ...(logo && { logo: logo.startsWith("/") ? base + logo : logo }),
    ...(groups?.length && { group: groups }),
    ...(radio && { radio }),
    kodiprops: kodi ? channel.properties : { mimetype: "video/mp2t" },
  });
}

/** The part of the guide that is given: what has a past, and the days to come. */
export function spanOf(now: number): Span {
  return { from: now - 7 * day, to: now + 14 * day };
}

/** JSON-EPG, channel by channel; of several with one guide id the first. `read` gives a channel's programmes. */
export async function* formatEpg(
  channels: readonly LineupChannel[],
  base: string,
  now: number,
  read: (channel: LineupChannel) => Promise<readonly Programme[]>,
): AsyncGenerator<string> {
  yield '{"version":1,"epg":{';
  const given = new Set<string>();
  for (const channel of channels) {
    if (given.has(channel.guideId)) continue;
    const programmes = await read(channel);
    if (programmes.length === 0) continue;
    const list = programmes.flatMap((programme) => formatProgramme(programme, channel, base, now) ?? []);
    yield `${given.size === 0 ? "" : ","}${JSON.stringify(channel.guideId)}:[${list.join(",")}]`;
    given.add(channel.guideId);
  }
  yield "}}";
}

function formatProgramme(programme: Programme, channel: LineupChannel, base: string, now: number): string | undefined {
  const { start, stop } = programme;
  if (stop === undefined || stop <= start) return undefined;
  const first = (list: Programme["titles"] | undefined) => list?.[0]?.value;
  const { subtitles, descriptions, categories, credits, date, icon, episodes } = programme;
  const genre = categories?.map(({ value }) => value);
  const people = credits?.map(({ role, name, as }) => ({ type: role, name, ...(as && { role: as }) }));
  return JSON.stringify({
    start: iso(start),
    stop: iso(stop),
    title: first(programme.titles) ?? "",
    subtitle: first(subtitles),
    description: first(descriptions),
    episode: episodes?.onscreen,
    genre: genre?.length ? genre : undefined,
    image: icon,
    date,
    credits: people?.length ? people : undefined,
    stream: streamOf(programme, channel, base, now),
  });
}

/** Where a programme can be watched once it is over, if that is kept here or upstream. */
function streamOf(
  { start, stop = start, catchupId }: Programme,
  { id, catchup, timeshift = 0, url = "" }: LineupChannel,
  base: string,
  now: number,
): string | undefined {
  if (isKodiAddress(url)) return catchupId;
  if (!catchup && timeshift === 0) return undefined;
  if (catchup?.mode === "vod" && catchupId === undefined) return undefined;
  const kept = catchup ? (catchup.days ?? 7) * day : timeshift;
  if (start > now + ahead || stop < now - kept) return undefined;
  return `${base}/live/${channelPath(id)}/archive-${Math.floor(start / 1000)}-${Math.ceil((stop - start) / 1000)}.ts`;
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "+00:00");
}
