// Guides for one instance or one family of clients: made from the canonical file on first demand, by copying its parts.
import { rename, rm, stat } from "node:fs/promises";
import type { Artefact, GuideStyle } from "../types.ts";
import { readChannels } from "./channels.ts";
import { composeGuide, syncFile } from "./compose.ts";
import type { GuideFolder, Manifest } from "./generation.ts";
import type { GuideQuerier } from "./query.ts";

/** Derived files that are kept; the one that was asked for longest ago goes first. */
const MAX_FILES = 32;

/** Makes and remembers the derived files of one generation. */
export class DerivedGuides {
  readonly #folder: GuideFolder;
  readonly #manifest: Manifest;
  readonly #querier: GuideQuerier;
  readonly #made = new Map<string, Promise<Artefact>>();

  constructor(folder: GuideFolder, manifest: Manifest, querier: GuideQuerier) {
    this.#folder = folder;
    this.#manifest = manifest;
    this.#querier = querier;
  }

  /** The guide of an instance (all: undefined) in a style. */
  get(instance: string | undefined, style: GuideStyle): Promise<Artefact> {
    const key = `${style}${instance === undefined ? "" : `.${encodeURIComponent(instance)}`}`;
    const known = this.#made.get(key);
    const artefact = known ?? this.#make(key, instance, style);
    // Asked for last, so it goes last.
    this.#made.delete(key);
    this.#made.set(key, artefact);
    if (!known) {
      artefact.catch(() => this.#made.delete(key));
      this.#forget();
    }
    return artefact;
  }

  async #make(key: string, instance: string | undefined, style: GuideStyle): Promise<Artefact> {
    const { generation, modified } = this.#manifest;
    const path = this.#folder.derived(generation, key);
    const etag = `"${generation}.${key}"`;
    const there = await stat(path).catch(() => undefined);
    if (there) return { path, bytes: there.size, etag, modified };
    const { head, parts } = await this.#querier.index();
    const { bytes } = await composeGuide({
      path: `${path}.tmp`,
      channels: readChannels(this.#folder.file(generation, "channels"), style, instance),
      from: this.#folder.file(generation, "guide"),
      parts: instance === undefined ? parts : parts.filter((part) => head.sets[part.set]?.includes(instance)),
    });
    await syncFile(`${path}.tmp`);
    await rename(`${path}.tmp`, path);
    return { path, bytes, etag, modified };
  }

  #forget(): void {
    for (const [key, artefact] of this.#made) {
      if (this.#made.size <= MAX_FILES) return;
      this.#made.delete(key);
      void artefact.then(({ path }) => rm(path, { force: true })).catch(() => {});
    }
  }
}
