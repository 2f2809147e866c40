// A playlist from anywhere, and the guides that go with it.
import { type Playlist, parsePlaylist } from "../../core/formats/m3u.ts";
import { type Channel, type Document, definePlugin, HeadendError } from "../../core/plugin.ts";
import { config } from "./config.ts";
import { chooseGuides, requestHeaders } from "./guides.ts";

export default definePlugin({
  name: "m3u",
  api: 1,
  config,
  async setup(host, config) {
    let original: Document | undefined;
    // What the playlist named the last time holds until it can be asked again.
    let guides = readGuides(await host.cache.read("guides.json"));
    /** What `version()` has fetched for the `channels()` that follows. */
    let fetched: Document | undefined;
    let reported = "";
    const base = /^https?:\/\//i.test(config.playlist) ? config.playlist : undefined;
    const headers = requestHeaders(config, config.playlist);

    const read = (document: Document, signal: AbortSignal) =>
      parsePlaylist(document.open(signal), { base, encoding: config.encoding });

    /** A web page that says "sorry" must not take the place of a good playlist. */
    const check = async (copy: Document) => {
      const playlist = read(copy, host.signal);
      for await (const _ of playlist) return;
      throw notPlaylist(playlist);
    };

    const notPlaylist = ({ rejection }: Playlist) =>
      new HeadendError("playlist.not", { url: nameOf(config.playlist), reason: rejection ?? "it has no entries" });

    const fetchPlaylist = (signal: AbortSignal) =>
      host.fetch.document(config.playlist, { local: true, check, signal, ...(headers && { headers }) });

    async function* readChannels(signal: AbortSignal): AsyncGenerator<readonly Channel[]> {
      const document = fetched ?? (await fetchPlaylist(signal));
      fetched = undefined;
      const playlist = read(document, signal);
      original = undefined;
      yield* playlist.lists();
      if (playlist.rejection) throw notPlaylist(playlist);
      original = document;
      if (playlist.header.guides.join("\n") !== guides?.join("\n")) {
        guides = playlist.header.guides;
        await host.cache.write("guides.json", JSON.stringify(guides));
      }
      const counts = countDropped(playlist);
      if (counts !== reported)
        host.log.info(counts ? `left out of the playlist: ${counts}` : "nothing is left out any more");
      reported = counts;
    }

    return {
      channels: readChannels,
      async version(signal) {
        fetched = await fetchPlaylist(signal);
        // The guides that it names are read with its channels; should those have been lost, it must be read again.
        return guides || host.lineup.channels(host.name).length === 0 ? fetched.digest : undefined;
      },
      guide: () => chooseGuides(config, guides ?? []),
      playlist: () => original,
    };
  },
});

/** Undefined when none were kept. */
function readGuides(text: string | undefined): readonly string[] | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return Array.isArray(value) ? value.filter((guide) => typeof guide === "string") : undefined;
  } catch {
    return undefined;
  }
}

/** Such as `28 × line without entry, 1 × line too long`; empty when nothing was left out. */
function countDropped(playlist: Playlist): string {
  return Object.entries(playlist.dropped)
    .map(([reason, count]) => `${count} × ${reason}`)
    .join(", ");
}

/** An address without what may be secret in it: the path and query of many playlists are the account. */
function nameOf(address: string): string {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol)) return address;
  return `${url.protocol}//${url.host}/…`;
}
