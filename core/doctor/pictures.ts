// Tries the channels: that there are some, and that one of each instance really plays.
import { isKodiAddress } from "../formats/kodi-address.ts";
import type { Check, LineupChannel, Probe, StreamHub } from "../plugin.ts";
import { sentenceOf } from "./probe.ts";

/** Instances of which a channel is tried. */
const mostTried = 3;

export async function* checkLineup(probe: Probe): AsyncGenerator<Check> {
  const name = "channels";
  const response = await probe.ask(`${probe.base}/api/lineup?limit=1`);
  if (response.status !== 200) {
    yield { name, ok: false, sentence: `/api/lineup: ${await sentenceOf(response)}` };
    return;
  }
  const { total } = (await response.json()) as { readonly total?: unknown };
  if (typeof total === "number" && total > 0) yield { name, ok: true, sentence: `${total} channels` };
  else
    yield {
      ...{ name, ok: false, sentence: "there is no channel" },
      fix: "name a playlist in the config (README, Your channels); /api/status says why an instance brings none",
    };
}

/** What is to be tried: of each instance a channel that is open already, which takes no tuner, else its first. None that only Kodi opens. */
export function chooseChannels(
  channels: readonly LineupChannel[],
  streams: ReturnType<StreamHub["streams"]>,
): readonly LineupChannel[] {
  const open = new Set(streams.filter(({ at }) => at === undefined).map(({ channel }) => channel));
  const chosen = new Map<string, LineupChannel>();
  for (const channel of channels) {
    if (isKodiAddress(channel.url)) continue;
    const known = chosen.get(channel.instance);
    if (!known ? chosen.size < mostTried : open.has(channel.id) && !open.has(known.id))
      chosen.set(channel.instance, channel);
  }
  return [...chosen.values()];
}

export async function* checkPictures(probe: Probe, channels: readonly LineupChannel[]): AsyncGenerator<Check> {
  const tried = channels.map(async (channel): Promise<Check> => {
    const name = `pictures of ${channel.instance}`;
    if ((channel.deliver ?? "relay") !== "relay")
      return { name, ok: "note", sentence: `not tried: they do not pass through here (deliver: ${channel.deliver})` };
    const { ok, sentence } = await probe.watch(`${probe.base}/live/${encodeURIComponent(channel.id)}.ts`);
    const check = { name, ok, sentence: `${channel.name}: ${sentence}` };
    const fix = `see whether upstream plays it at all; /api/streams and the log tell more, and other channels of ${channel.instance} may do better`;
    return ok === false ? { ...check, fix } : check;
  });
  yield* await Promise.all(tried);
}
