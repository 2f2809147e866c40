// What the lineup must not forget, an instance at a time: its channels now, and those that have left.

import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { appendFile, copyFile, link, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { artefactOf, replaceFile } from "../cache.ts";
import type { Pause } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import { documentOf } from "../fetch/document.ts";
import { diskReason, partialPath } from "../replacement.ts";
import type { Document, LineupChannel } from "../types.ts";
import type { Departed } from "./identity.ts";
import { createLineReader, encodeChannels } from "./lines.ts";
import type { Leader, Leaders } from "./stations.ts";

/** The last good channels of an instance. */
export interface Saved {
  readonly channels: LineupChannel[];
  /** How many upstream gave, before rules. */
  readonly given: number;
  /** Lines that cannot be read. */
  readonly broken: number;
  /** When they were last written: milliseconds since the Unix epoch. */
  readonly at: number;
  /** What `save()` returned. */
  readonly tag: string;
}

/** Which version of upstream's channels was kept as what. */
export interface VersionNote {
  readonly version: string;
  /** What `save()` returned. */
  readonly tag: string;
  /** The kept playlist's digest. */
  readonly original?: string | undefined;
}

/** Lines of JSON in two files an instance. Files of instances that the config no longer names stay: ids are for ever. */
export interface Store {
  /**
   * Replaces the channels; a restart serves them before any upstream answers.
   *
   * @returns a tag that no other content of this store ever has
   * @throws HeadendError `cache.write`
   */
  save(instance: string, channels: readonly LineupChannel[], given: number): Promise<string>;
  /** What was saved; undefined when nothing was. @throws when it is there and cannot be read */
  load(instance: string, pause: Pause): Promise<Saved | undefined>;
  /** Notes channels that leave, or numbers that they leave. @throws HeadendError `cache.write` */
  depart(instance: string, departed: readonly Departed[]): Promise<void>;
  /** All that ever left, the latest last; a line that a kill cut short is passed over. */
  departed(instance: string, pause: Pause): Promise<Departed[]>;
  /** Every instance that ever had channels here. */
  instances(): Promise<string[]>;
  /** Keeps the playlist that these channels are, apart from what upstream gives next; undefined: there is none. */
  keepOriginal(instance: string, document: Document | undefined): Promise<Document | undefined>;
  /** The playlist that was kept. */
  original(instance: string): Promise<Document | undefined>;
  /** Notes of which version the channels and the playlist are that are kept now. @throws HeadendError `cache.write` */
  note(instance: string, note: VersionNote): Promise<void>;
  /** Who gives each merged station its id and number. @throws HeadendError `cache.write` */
  keepLeaders(leaders: Leaders): Promise<void>;
  /** What was kept. @throws when it is there and cannot be read */
  leaders(): Promise<Leaders>;
  /** What was noted last; it says nothing of other channels or another playlist. */
  noted(instance: string): Promise<VersionNote | undefined>;
}

export function createStore(folder: string): Store {
  const live = (instance: string) => join(folder, `${instance}.ndjson`);
  const left = (instance: string) => join(folder, `${instance}.departed.ndjson`);
  const stations = join(folder, "stations.json");
  const version = (instance: string) => join(folder, `${instance}.version.json`);
  return {
    async save(instance, channels, given) {
      return (await replaceFile(live(instance), piecesOf(channels, given))).etag;
    },
    async load(instance, pause) {
      const artefact = await artefactOf(live(instance));
      if (!artefact) return undefined;
      const channels: LineupChannel[] = [];
      const read = createLineReader(instance);
      let given = 0;
      let broken = 0;
      await eachLine(live(instance), pause, (line) => {
        try {
          if (line.startsWith('{"given":')) given = (JSON.parse(line) as { given: number }).given;
          else channels.push(read(line));
        } catch {
          broken++;
        }
      });
      return { channels, given: Math.max(given, channels.length), broken, at: artefact.modified, tag: artefact.etag };
    },
    async depart(instance, departed) {
      if (departed.length === 0) return;
      const path = left(instance);
      try {
        // The line before may have been cut short by a kill: a fresh line begins after its end.
        for (let from = 0; from < departed.length; from += batch) {
          const lines = departed.slice(from, from + batch).map((entry) => `\n${JSON.stringify(entry)}`);
          await appendFile(path, lines.join(""), { mode: 0o600, flush: from + batch >= departed.length });
        }
      } catch (error) {
        throw new HeadendError("cache.write", { path, reason: diskReason(error) }, error);
      }
    },
    async departed(instance, pause) {
      const all: Departed[] = [];
      await eachLine(left(instance), pause, (line) => {
        try {
          all.push(JSON.parse(line) as Departed);
        } catch {
          // Cut short by a kill: the channel is still among the saved ones then.
        }
      }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
      return all;
    },
    async instances() {
      const names = await readdir(folder).catch(() => []);
      return [...new Set(names.filter((name) => name.endsWith(".ndjson")).map((name) => name.replace(/\..*$/, "")))];
    },
    async keepOriginal(instance, document) {
      const before = await originals(instance);
      const name = document && `${instance}.${document.digest.slice(0, 40)}${originalEnd}`;
      if (document && name && !before.includes(name))
        await adopt(document.path, join(folder, name), join(dirname(folder), "instances"));
      for (const old of before) if (old !== name) await rm(join(folder, old), { force: true });
      return name ? this.original(instance) : undefined;
    },
    async original(instance) {
      const found = await Promise.all((await originals(instance)).map((name) => artefactOf(join(folder, name))));
      // A kill can leave the one before beside the newest.
      const [newest] = found.flatMap((artefact) => artefact ?? []).sort((a, b) => b.modified - a.modified);
      const digest = newest && basename(newest.path).slice(instance.length + 1, -originalEnd.length);
      return newest && documentOf(newest, digest ?? "", false, 0);
    },
    async keepLeaders(leaders) {
      await replaceFile(stations, JSON.stringify([...leaders]));
    },
    async leaders() {
      const text = await readFile(stations, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return "[]";
        throw error;
      });
      return new Map(JSON.parse(text) as [string, Leader][]);
    },
    async note(instance, note) {
      await replaceFile(version(instance), JSON.stringify(note));
    },
    async noted(instance) {
      const text = await readFile(version(instance), "utf8").catch(() => "");
      try {
        return JSON.parse(text) as VersionNote;
      } catch {
        return undefined;
      }
    },
  };

  async function originals(instance: string): Promise<string[]> {
    const names = await readdir(folder).catch(() => []);
    return names.filter((name) => name.startsWith(`${instance}.`) && name.endsWith(originalEnd));
  }
}

const originalEnd = ".original";
/** Lines that are made in one go. */
const batch = 500;

/**
 * A second name for the file: whoever replaces the first one leaves this as it is. A copy where that cannot be, or where
 * the file is the user's own, who may write into it.
 */
async function adopt(from: string, to: string, ours: string): Promise<void> {
  const partial = partialPath(dirname(to));
  try {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    if (from.startsWith(ours)) await link(from, partial).catch(() => copyFile(from, partial));
    else await copyFile(from, partial);
    await rename(partial, to);
  } catch (error) {
    throw new HeadendError("cache.write", { path: to, reason: diskReason(error) }, error);
  }
}

async function eachLine(path: string, pause: Pause, each: (line: string) => void): Promise<void> {
  const lineFeed = 10;
  let block = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 16 })) {
    block = Buffer.concat([block, chunk as Uint8Array]);
    let at = 0;
    for (let end = block.indexOf(lineFeed); end !== -1; end = block.indexOf(lineFeed, at)) {
      if (end > at) each(block.toString("utf8", at, end));
      at = end + 1;
      const rest = pause();
      if (rest) await rest;
    }
    block = block.subarray(at);
  }
  if (block.length > 0) each(block.toString("utf8"));
}

/** Between two pieces the file is waited for, and everything else gets its turn. */
async function* piecesOf(channels: readonly LineupChannel[], given: number): AsyncGenerator<Uint8Array> {
  yield* encodeChannels(channels, given);
}
