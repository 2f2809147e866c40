// Playlists made from the lineup: written to the cache once it has changed, there again at once after a restart.
import { createReadStream } from "node:fs";
import { encodePlaylist, type Offer } from "../../core/formats/m3u.ts";
import type { Artefact, Cache, Clock, Lineup, LineupChannel, Logger } from "../../core/plugin.ts";
import { baseMark, fillBase, type Page } from "./page.ts";

export interface RenderedPlaylists {
  /**
   * All channels, or one instance's; undefined before there is anything to show. A newer version is waited for, but not
   * long: then it is the one at hand. An offer that is not the usual one is made from the lineup as it is.
   */
  page(instance: string | undefined, offer: Offer): Promise<Page | undefined>;
  /** Resolves when nothing is being written. */
  settled(): Promise<void>;
}

interface Rendered {
  artefact?: Artefact | undefined;
  /** Names what it was made from, to write nothing when nothing changed. */
  source?: string | undefined;
  /** The same of what could not be written: it is not tried again at every request. */
  refused?: string | undefined;
  writing?: Promise<void> | undefined;
}

/** A lineup often changes several times in a row: a first refresh of many instances makes one playlist. */
const rest = 1000;
/** How long a player waits for a newer version: many times what a hundred thousand channels take. */
const patience = 2000;

/** Writes playlists to the cache and follows the lineup until the signal aborts. */
export async function createRenderedPlaylists(o: {
  readonly lineup: Lineup;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The list that is kept written ahead of being asked for. */
  readonly main: string | undefined;
  /** How streams are shown to those who ask for nothing else. */
  readonly offer: Offer;
  /** What the header names. */
  guideLink(instance: string | undefined): string | undefined;
  /** After a page has got another version. */
  changed(): void;
}): Promise<RenderedPlaylists> {
  const { lineup, cache, main } = o;
  const lists = new Map<string | undefined, Rendered>([[main, await restore(cache, keyOf(main))]]);

  /** Names what a list would be made from now. */
  const sourceOf = (instance: string | undefined) =>
    JSON.stringify([lineup.tag(instance), o.guideLink(instance), viewOf(o.offer)]);

  const render = async (instance: string | undefined, list: Rendered) => {
    const guide = o.guideLink(instance);
    for (let source = sourceOf(instance); source !== list.source; source = sourceOf(instance)) {
      list.artefact = await cache.write(
        `${keyOf(instance)}.m3u`,
        formatPieces(lineup.channels(instance), baseMark, guide, o.offer),
      );
      list.source = source;
      o.changed();
      await cache.write(`${keyOf(instance)}.source`, `${list.artefact.etag} ${source}`);
    }
    // In one breath with the last look: who asks from now on must not wait for this run, but begin another.
    list.writing = undefined;
  };

  /** Brings a list up to date; one run at a time. */
  const update = (instance: string | undefined, list: Rendered): Promise<void> => {
    if (list.source === sourceOf(instance)) return list.writing ?? Promise.resolve();
    list.writing ??= render(instance, list).catch((error) => {
      list.writing = undefined;
      list.refused = sourceOf(instance);
      o.log.error(`the playlist could not be written: ${error}`);
      throw error;
    });
    return list.writing;
  };

  /** Brings a list up to date that is there already, if that can be done soon. */
  const renew = async (instance: string | undefined, list: Rendered) => {
    const source = sourceOf(instance);
    if (list.source === source || list.refused === source) return;
    const enough = new AbortController();
    const updated = update(instance, list).catch(() => {});
    await Promise.race([updated, o.clock.sleep(patience, enough.signal).catch(() => {})]);
    enough.abort();
  };

  const updateAll = () => {
    waiting = false;
    if (!lineup.ready) return;
    for (const [instance, list] of lists) {
      if (instance !== main && lineup.channels(instance).length === 0) {
        lists.delete(instance);
        void forget(cache, keyOf(instance));
      } else update(instance, list).catch(() => {});
    }
  };

  let waiting = false;
  const updateSoon = () => {
    if (waiting) return;
    waiting = true;
    o.clock.sleep(rest, o.signal).then(updateAll, () => {});
  };

  lineup.onChange(updateSoon, o.signal);
  if (lineup.ready) updateSoon();

  return {
    async settled() {
      await Promise.allSettled([...lists.values()].map((list) => list.writing));
    },
    async page(instance, offer) {
      // What an earlier run wrote counts only while its channels are still there.
      if (!lineup.ready) return undefined;
      if (viewOf(offer) !== viewOf(o.offer)) {
        const guide = o.guideLink(instance);
        const channels = lineup.channels(instance);
        return {
          key: `views/${keyOf(instance)}`,
          view: viewOf(offer),
          tag: JSON.stringify([lineup.tag(instance), guide]),
          open: (base) => formatPieces(channels, base, guide, offer),
          personal: true,
        };
      }
      let list = lists.get(instance);
      if (!list) {
        list = {};
        lists.set(instance, list);
      }
      await (list.artefact ? renew(instance, list) : update(instance, list));
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

const viewOf = ({ dialect, output, player }: Offer) => [dialect, output, player].filter(Boolean).join(" ");

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

/** The playlist for a base, or with the mark for it. Between two pieces the file is waited for, and everything else gets its turn. */
async function* formatPieces(
  channels: readonly LineupChannel[],
  base: string,
  guide: string | undefined,
  offer: Offer,
): AsyncGenerator<Uint8Array> {
  yield* encodePlaylist(channels, { base, offer, ...(guide && { guide }) });
}
