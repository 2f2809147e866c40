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

    async function* readChannels(signal: AbortSignal): AsyncGenerator<Channel> {
      const document = await host.fetch.document(config.playlist, {
        local: true,
        check,
        signal,
        ...(headers && { headers }),
      });
      const playlist = read(document, signal);
      original = undefined;
      yield* playlist;
      if (playlist.rejection) throw notPlaylist(playlist);
      original = document;
      if (playlist.header.guides.join("\n") !== guides.join("\n")) {
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
      guide: () => chooseGuides(config, guides),
      playlist: () => original,
    };
  },
});

function readGuides(text: string | undefined): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter((guide) => typeof guide === "string") : [];
  } catch {
    return [];
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
