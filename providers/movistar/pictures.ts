// Logos and covers of the operator's: fetched when somebody looks, kept, and served from here when the operator is gone.
import { readFile } from "node:fs/promises";
import { type Cache, type Fetch, HeadendError } from "../../core/plugin.ts";
import type { Found } from "./found.ts";
import type { Resolve } from "./resolve.ts";

/** Bytes of a logo or cover, at most. */
const mostBytes = 2 ** 20;
/** Covers that are kept; the oldest go first. */
const mostCovers = 2000;
const key = "covers.json";

export interface PictureOptions {
  readonly fetch: Fetch;
  readonly cache: Cache;
  readonly resolve: Resolve;
  found(): Found | undefined;
}

/** @throws HeadendError `not.ready`, `not.found`, `fetch.*` */
export type Picture = (kind: "logo" | "cover", path: string, signal: AbortSignal) => Promise<Uint8Array>;

export function createPictures({ fetch, cache, resolve, found }: PictureOptions): Picture {
  /** Keys of covers, the oldest first. */
  let covers: Promise<Set<string>> | undefined;

  /** A logo changes now and then; there are as many as channels. */
  async function logo(whole: string, signal: AbortSignal): Promise<Uint8Array> {
    const { url, headers } = await resolve(whole);
    const document = await fetch.document(url, { signal, headers, maxBytes: mostBytes }).catch(async (error) => {
      const last = await fetch.lastGood(url);
      if (last) return last;
      throw error;
    });
    return new Uint8Array(await readFile(document.path));
  }

  /** A cover never changes, and there is no end of them. */
  async function cover(path: string, whole: string, signal: AbortSignal): Promise<Uint8Array> {
    covers ??= cache.read(key).then(readKept, () => new Set<string>());
    const kept = await covers;
    const own = `covers/${path.replace("/", "-").toLowerCase()}`;
    if (kept.has(own)) {
      const bytes = await readFile(cache.path(own)).catch(() => undefined);
      if (bytes) return new Uint8Array(bytes);
    }
    const { url, headers } = await resolve(whole);
    const response = await fetch(url, { signal, headers, maxBytes: mostBytes });
    if (!response.ok) {
      await response.body?.cancel();
      if (response.status === 404) throw new HeadendError("not.found");
      throw new HeadendError("fetch.status", { url: whole, status: response.status });
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    await keep(kept, own, bytes).catch(() => {});
    return bytes;
  }

  async function keep(kept: Set<string>, own: string, bytes: Uint8Array): Promise<void> {
    await cache.write(own, bytes);
    kept.add(own);
    for (const oldest of kept) {
      if (kept.size <= mostCovers) break;
      kept.delete(oldest);
      await cache.delete(oldest);
    }
    await cache.write(key, JSON.stringify([...kept]));
  }

  return async (kind, path, signal) => {
    const known = found();
    if (!known) throw new HeadendError("not.ready");
    const { profile, services } = known;
    if (kind === "cover") return await cover(path, `${profile.covers}${path}`, signal);
    const own = services.find((each) => fileOf(each.logo) === path)?.logo;
    // What is kept of them has no bound but the channels.
    if (own === undefined) throw new HeadendError("not.found");
    return await logo(`${profile.logos}${own}`, signal);
  };
}

export const fileOf = (path: string | undefined) => path?.split("/").at(-1);

function readKept(text = "[]"): Set<string> {
  try {
    const value: unknown = JSON.parse(text);
    const isKey = (each: unknown): each is string => typeof each === "string" && /^covers\/[\w.-]+$/.test(each);
    return new Set(Array.isArray(value) ? value.filter(isKey) : []);
  } catch {
    return new Set();
  }
}
