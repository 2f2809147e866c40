// Tries the playlist and its guide as players do: reads both, follows what they name, and sees that one goes with the other.
import { Buffer } from "node:buffer";
import { parsePlaylist } from "../../core/formats/m3u.ts";
import { Scanner, unescapeValue } from "../../core/formats/xmltv/index.ts";
import type { Channel, Check, Client, GuideStyle, Probe } from "../../core/plugin.ts";

/** Players that read a playlist. */
const players: readonly Client[] = ["Jellyfin", "Emby", "Kodi pvr.iptvsimple", "Channels", "TiviMate"];
/** The guide that each is given. */
const guides: readonly { readonly clients: readonly Client[]; readonly style: GuideStyle }[] = [
  { clients: ["Kodi pvr.iptvsimple"], style: "kodi" },
  { clients: ["Jellyfin", "Emby"], style: "jellyfin" },
  { clients: ["Channels", "TiviMate"], style: "plain" },
];
/** Bytes that are read at most of a playlist; and of a guide, whose channels come first. */
const mostRead = 32 * 2 ** 20;

/** @param link where the guide is below the playlist's own address; undefined: the playlist names none */
export async function* checkPlaylist(probe: Probe, link: string | undefined): AsyncGenerator<Check> {
  const url = `${probe.base}/playlist.m3u`;
  const check = { name: "playlist", clients: players };
  const response = await probe.ask(url);
  if (response.status !== 200) {
    await response.body?.cancel();
    const sentence = `${url} was answered by ${response.status}`;
    yield { ...check, ok: false, sentence, fix: "wait for the first refresh; /api/status says how each instance is" };
    return;
  }
  const playlist = parsePlaylist(bytesOf(response));
  const channels: Channel[] = [];
  for await (const list of playlist.lists()) for (const channel of list) channels.push(channel);
  if (playlist.rejection !== undefined || channels.length === 0) {
    const sentence = `${url}: ${playlist.rejection ?? "it has no channel"}`;
    yield { ...check, ok: false, sentence, fix: "name a playlist in the config; /api/lineup says what there is" };
    return;
  }
  yield { ...check, ok: true, sentence: `${channels.length} channels: ${url}` };
  yield* checkSharing(probe, channels);
  if (link === undefined) {
    yield { name: "guide", clients: players, ok: "note", sentence: "the playlist names none (guideLink: false)" };
    return;
  }
  const named = playlist.header.guides.some((address) => URL.parse(address)?.pathname.endsWith(link));
  if (!named)
    yield {
      ...{
        name: "guide",
        clients: players,
        ok: "note",
        sentence: "the playlist names another guide than the one here",
      },
      fix: `give players ${probe.base}${link}`,
    };
  const ids = new Set(channels.flatMap(({ guideId }) => guideId ?? []));
  const found = await Promise.all(guides.map((guide) => checkGuide(probe, link, ids, guide)));
  yield* found;
}

/** Jellyfin shares a stream among viewers only where a HEAD says what it is. */
async function* checkSharing(probe: Probe, channels: readonly Channel[]): AsyncGenerator<Check> {
  // What is not delivered by us is not ours to try.
  const path = channels.map(({ url = "" }) => /\/live\/[^/]+\.ts$/.exec(url)?.[0]).find((each) => each !== undefined);
  if (path === undefined) return;
  const answer = await probe.ask(new URL(probe.base).origin + prefixOf(probe.base) + path, "HEAD");
  const type = answer.headers.get("content-type") ?? "nothing";
  const ok = answer.status === 200 && type.startsWith("video/mp2t");
  const sentence = ok ? "HEAD of a channel says video/mp2t" : `HEAD of a channel: ${answer.status}, ${type}`;
  yield { name: "sharing", clients: ["Jellyfin", "Emby"], ok, sentence };
}

/** What lets in whoever asks: the first two segments of `/t/<token>/…`. */
function prefixOf(base: string): string {
  return /^\/t\/[^/]+/.exec(new URL(base).pathname)?.[0] ?? "";
}

async function checkGuide(
  probe: Probe,
  link: string,
  ids: ReadonlySet<string>,
  { clients, style }: (typeof guides)[number],
): Promise<Check> {
  const url = `${probe.base}${link}?style=${style}`;
  const check = { name: "guide", clients };
  const response = await probe.ask(url);
  if (response.status !== 200) {
    await response.body?.cancel();
    const sentence = `${url} was answered by ${response.status}`;
    return { ...check, ok: false, sentence, fix: "wait for the first refresh; /api/status says how the guides are" };
  }
  const { known, programmes } = await readIds(response);
  const missing = [...ids].filter((id) => !known.has(id));
  const fix =
    "name guides in the config (`guides`, or an instance of xmltv); /api/guide/matches tells what matched what";
  if (!programmes || missing.length === ids.size) {
    const sentence = programmes ? "no tvg-id of the playlist is in it" : "it has no programme";
    return { ...check, ok: false, sentence: `${sentence}: ${url}`, fix };
  }
  if (missing.length === 0) return { ...check, ok: true, sentence: `it has all ${ids.size} tvg-ids: ${url}` };
  const sentence = `${missing.length} of ${ids.size} tvg-ids have none, such as ${missing.slice(0, 5).join(", ")}: ${url}`;
  return { ...check, ok: "note", sentence, fix };
}

/** The ids of a guide's channels, and whether a programme follows them. The rest is given up. */
async function readIds(response: Response): Promise<{ known: ReadonlySet<string>; programmes: boolean }> {
  const known = new Set<string>();
  let programmes = false;
  const scanner = new Scanner({
    channel({ bytes, idStart, idEnd }) {
      known.add(unescapeValue(bytes.toString("utf8", idStart, idEnd)));
    },
    programme(element) {
      programmes = true;
      element.skipRun = true;
    },
    lost() {},
  });
  const isFile = response.headers.get("content-type")?.startsWith("application/gzip") ?? false;
  for await (const chunk of isFile ? inflated(response) : bytesOf(response)) {
    scanner.push(Buffer.from(chunk));
    if (programmes) break;
  }
  return { known, programmes };
}

async function* inflated(response: Response): AsyncGenerator<Uint8Array> {
  const body = response.body?.pipeThrough(new DecompressionStream("gzip"));
  if (body) yield* bytesOf({ body });
}

async function* bytesOf({ body }: Pick<Response, "body">): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (let read = 0; read < mostRead; ) {
      const next = await reader?.read();
      if (!next || next.done) return;
      read += next.value.length;
      yield next.value;
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}
