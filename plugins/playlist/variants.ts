// A page as a file for each base address it is asked under: made once, bounded, gone with the page's version.
import type { Artefact, Cache, Clock, Logger } from "../../core/plugin.ts";
import type { Page } from "./page.ts";

export interface Variants {
  /** The file for a base; undefined when it should be streamed, because too many bases are asked for or the disk refuses. */
  file(page: Page, base: string): Promise<Artefact | undefined>;
}

/** Files of one page, and files made for it in a row; then one more each `refill` milliseconds. */
const most = 32;
const refill = 20_000;

interface File {
  readonly key: string;
  readonly made: Promise<Artefact | undefined>;
}

/** The files of one page's version. */
interface Shelf {
  readonly tag: string;
  /** By view and base; the one that was asked for longest ago comes first. */
  readonly files: Map<string, File>;
  /** Files that may be made now, as of an instant. */
  allowance: number;
  counted: number;
}

export function createVariants(cache: Cache, clock: Clock, log: Logger): Variants {
  const shelves = new Map<string, Shelf>();
  // Names are never used again while we run: whoever opens one gets that very file, or none.
  const run = clock.now().toString(36);
  let count = 0;
  let refused = false;

  const remove = (file: File) => {
    void file.made.then(() => cache.delete(file.key)).catch(() => {});
  };

  const shelfOf = (page: Page): Shelf => {
    const before = shelves.get(page.key);
    if (before?.tag === page.tag) return before;
    for (const file of before?.files.values() ?? []) remove(file);
    const shelf: Shelf = { tag: page.tag, files: new Map(), allowance: most, counted: clock.monotonic() };
    shelves.set(page.key, shelf);
    return shelf;
  };

  const mayMake = (shelf: Shelf): boolean => {
    const now = clock.monotonic();
    const gained = Math.floor((now - shelf.counted) / refill);
    shelf.allowance = Math.min(most, shelf.allowance + gained);
    shelf.counted += gained * refill;
    if (shelf.allowance < 1) return false;
    shelf.allowance--;
    return true;
  };

  const make = (page: Page, base: string, shelf: Shelf): File => {
    const key = `variants/${run}-${count++}.m3u`;
    const made = cache.write(key, page.open(base)).then(
      (artefact) => {
        refused = false;
        return artefact;
      },
      (error: unknown) => {
        shelf.files.delete(nameOf(page, base));
        // Once: a disk that is full stays so for many requests.
        if (!refused) log.warn(`playlists are sent without files of their own: ${error}`);
        refused = true;
        return undefined;
      },
    );
    return { key, made };
  };

  return {
    file(page, base) {
      const shelf = shelfOf(page);
      const name = nameOf(page, base);
      const known = shelf.files.get(name);
      if (known) {
        shelf.files.delete(name);
        shelf.files.set(name, known);
        return known.made;
      }
      if (!mayMake(shelf)) return Promise.resolve(undefined);
      if (shelf.files.size >= most) {
        const [[oldest, file] = []] = shelf.files;
        if (oldest !== undefined && file) {
          shelf.files.delete(oldest);
          remove(file);
        }
      }
      const file = make(page, base, shelf);
      shelf.files.set(name, file);
      return file.made;
    },
  };
}

function nameOf(page: Page, base: string): string {
  return page.view === undefined ? base : `${page.view} ${base}`;
}
