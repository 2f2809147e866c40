// Playlists made from the lineup: written to the cache when it changes, there again at once after a restart.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { formatPlaylist } from "../../core/formats/m3u.ts";
import type { Artefact, Cache, Lineup, LineupChannel, Logger } from "../../core/plugin.ts";
import { baseMark, fillBase, type Page } from "./page.ts";

export interface RenderedPlaylists {
  /** All channels, or one instance's; undefined before there is anything to show. The version at hand, even if a newer one is being written. */
  page(instance: string | undefined): Promise<Page | undefined>;
}

interface Rendered {
  /** What it was made from; undefined after a restart. */
  channels?: readonly LineupChannel[];
  artefact?: Artefact | undefined;
  /** Of the content, to write nothing when nothing changed. */
  hash?: string | undefined;
  writing?: Promise<void> | undefined;
}

/** Bytes that are formatted in one go. */
const slice = 1 << 16;

/** Writes playlists to the cache and follows the lineup until the signal aborts. */
export async function createRenderedPlaylists(o: {
  readonly lineup: Lineup;
  readonly cache: Cache;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The list that is kept written ahead of being asked for. */
  readonly main: string | undefined;
  /** What the header names. */
  guideLink(instance: string | undefined): string | undefined;
}): Promise<RenderedPlaylists> {
  const { lineup, cache, main } = o;
  const lists = new Map<string | undefined, Rendered>([[main, await restore(cache, keyOf(main))]]);

  const render = async (instance: string | undefined, list: Rendered) => {
    while (list.channels !== lineup.channels(instance)) {
      const channels = lineup.channels(instance);
      const guide = o.guideLink(instance);
      const pieces = () => formatSlices(channels, guide);
      const hash = createHash("sha256");
      for await (const piece of pieces()) hash.update(piece);
      const digest = hash.digest("base64url");
      if (list.hash !== digest) {
        list.artefact = await cache.write(`${keyOf(instance)}.m3u`, pieces());
        list.hash = digest;
        await cache.write(`${keyOf(instance)}.hash`, digest);
      }
      list.channels = channels;
    }
  };

  /** Brings a list up to date; one run at a time. */
  const update = (instance: string | undefined, list: Rendered): Promise<void> => {
    list.writing ??= render(instance, list).finally(() => {
      list.writing = undefined;
    });
    return list.writing;
  };

  const updateAll = () => {
    if (!lineup.ready) return;
    for (const [instance, list] of lists) {
      if (instance !== main && lineup.channels(instance).length === 0) {
        lists.delete(instance);
        void forget(cache, keyOf(instance));
      } else update(instance, list).catch((error) => o.log.error(`the playlist could not be written: ${error}`));
    }
  };

  lineup.onChange(updateAll, o.signal);
  updateAll();

  return {
    async page(instance) {
      let list = lists.get(instance);
      if (!list) {
        list = {};
        lists.set(instance, list);
      }
      if (!list.artefact) {
        if (!lineup.ready) return undefined;
        await update(instance, list);
      }
      const { artefact } = list;
      if (!artefact) return undefined;
      return {
        key: keyOf(instance),
        tag: artefact.etag,
        open: (base) => fillBase(createReadStream(artefact.path, { highWaterMark: 1 << 18 }), base),
        personal: true,
      };
    },
  };
}

const keyOf = (instance: string | undefined) => (instance === undefined ? "lineup" : `instances/${instance}`);

async function restore(cache: Cache, key: string): Promise<Rendered> {
  return { artefact: await cache.artefact(`${key}.m3u`), hash: await cache.read(`${key}.hash`) };
}

async function forget(cache: Cache, key: string): Promise<void> {
  await cache.delete(`${key}.m3u`);
  await cache.delete(`${key}.hash`);
}

/** The playlist with the mark for the base, in pieces of some 64 KiB between which everything else gets its turn. */
async function* formatSlices(
  channels: readonly LineupChannel[],
  guide: string | undefined,
): AsyncGenerator<Uint8Array> {
  let text = "";
  for (const entry of formatPlaylist(channels, { base: baseMark, ...(guide && { guide }) })) {
    text += entry;
    if (text.length < slice) continue;
    yield Buffer.from(text);
    text = "";
    await setImmediate();
  }
  yield Buffer.from(text);
}
