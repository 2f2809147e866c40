// Playlists made from the lineup: written to the cache when it changes, there again at once after a restart.
import { createReadStream } from "node:fs";
import { formatPlaylist } from "../../core/formats/m3u.ts";
import { encodePieces } from "../../core/formats/pieces.ts";
import type { Artefact, Cache, Lineup, LineupChannel, Logger } from "../../core/plugin.ts";
import { baseMark, fillBase, type Page } from "./page.ts";

export interface RenderedPlaylists {
  /** All channels, or one instance's; undefined before there is anything to show. The version at hand, even if a newer one is being written. */
  page(instance: string | undefined): Promise<Page | undefined>;
  /** Resolves when nothing is being written. */
  settled(): Promise<void>;
}

interface Rendered {
  artefact?: Artefact | undefined;
  /** Names what it was made from, to write nothing when nothing changed. */
  source?: string | undefined;
  writing?: Promise<void> | undefined;
}

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
    const guide = o.guideLink(instance);
    const sourceNow = () => JSON.stringify([lineup.tag(instance), guide]);
    for (let source = sourceNow(); source !== list.source; source = sourceNow()) {
      list.artefact = await cache.write(`${keyOf(instance)}.m3u`, formatPieces(lineup.channels(instance), guide));
      list.source = source;
      await cache.write(`${keyOf(instance)}.source`, `${list.artefact.etag} ${source}`);
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
    async settled() {
      await Promise.allSettled([...lists.values()].map((list) => list.writing));
    },
    async page(instance) {
      // What an earlier run wrote counts only while its channels are still there.
      if (!lineup.ready) return undefined;
      let list = lists.get(instance);
      if (!list) {
        list = {};
        lists.set(instance, list);
      }
      if (!list.artefact) await update(instance, list);
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

/** Killed between the two writes, a playlist is there but not what it was made from. */
async function restore(cache: Cache, key: string): Promise<Rendered> {
  const [artefact, note] = await Promise.all([cache.artefact(`${key}.m3u`), cache.read(`${key}.source`)]);
  const etag = artefact && `${artefact.etag} `;
  return { artefact, source: etag && note?.startsWith(etag) ? note.slice(etag.length) : undefined };
}

async function forget(cache: Cache, key: string): Promise<void> {
  await cache.delete(`${key}.m3u`);
  await cache.delete(`${key}.source`);
}

/** The playlist with the mark for the base. Between two pieces the file is waited for, and everything else gets its turn. */
async function* formatPieces(
  channels: readonly LineupChannel[],
  guide: string | undefined,
): AsyncGenerator<Uint8Array> {
  yield* encodePieces(formatPlaylist(channels, { base: baseMark, ...(guide && { guide }) }));
}
