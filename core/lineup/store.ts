// What the lineup must not forget, an instance at a time: its channels now, and those that have left.
import { createReadStream } from "node:fs";
import { appendFile, copyFile, link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { artefactOf, replaceFile } from "../cache.ts";
import { HeadendError } from "../errors.ts";
import { documentOf } from "../fetch/document.ts";
import { diskReason } from "../replacement.ts";
import type { Document, LineupChannel } from "../types.ts";
import type { Departed } from "./identity.ts";

type Pause = () => Promise<void> | undefined;

/** The last good channels of an instance. */
export interface Saved {
  readonly channels: LineupChannel[];
  /** When they were last written: milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Lines of JSON in two files an instance. Files of instances that the config no longer names stay: ids are for ever. */
export interface Store {
  /** Replaces the channels; a restart serves them before any upstream answers. @throws HeadendError `cache.write` */
  save(instance: string, channels: readonly LineupChannel[], pause: Pause): Promise<void>;
  /** What was saved; undefined when nothing was, or when it cannot be read. */
  load(instance: string, pause: Pause): Promise<Saved | undefined>;
  /** Notes channels that leave, or numbers that they leave. @throws HeadendError `cache.write` */
  depart(instance: string, departed: readonly Departed[]): Promise<void>;
  /** All that ever left, the latest last; a line that a kill cut short is passed over. */
  departed(instance: string, pause: Pause): Promise<Departed[]>;
  /** Keeps the playlist that these channels are, apart from what upstream gives next; undefined: there is none. */
  keepOriginal(instance: string, document: Document | undefined): Promise<Document | undefined>;
  /** The playlist that was kept. */
  original(instance: string): Promise<Document | undefined>;
}

export function createStore(folder: string): Store {
  const live = (instance: string) => join(folder, `${instance}.ndjson`);
  const left = (instance: string) => join(folder, `${instance}.departed.ndjson`);
  return {
    async save(instance, channels, pause) {
      await replaceFile(live(instance), lines(channels, pause));
    },
    async load(instance, pause) {
      const channels: LineupChannel[] = [];
      try {
        const { mtimeMs } = await stat(live(instance));
        await eachLine(live(instance), pause, (line) => void channels.push(JSON.parse(line) as LineupChannel));
        return { channels, at: mtimeMs };
      } catch {
        return undefined;
      }
    },
    async depart(instance, departed) {
      if (departed.length === 0) return;
      const path = left(instance);
      try {
        // The line before may have been cut short by a kill: a fresh line begins after its end.
        await appendFile(path, departed.map((entry) => `\n${JSON.stringify(entry)}`).join(""), { mode: 0o600, flush: true });
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
      }).catch(() => {});
      return all;
    },
    async keepOriginal(instance, document) {
      const before = await originals(instance);
      const name = document && `${instance}.${document.digest.slice(0, 40)}${originalEnd}`;
      if (document && name && !before.includes(name)) await adopt(document.path, join(folder, name), join(dirname(folder), "instances"));
      for (const old of before) if (old !== name) await rm(join(folder, old), { force: true });
      return name ? this.original(instance) : undefined;
    },
    async original(instance) {
      const [name] = await originals(instance);
      const artefact = name ? await artefactOf(join(folder, name)) : undefined;
      return name && artefact ? documentOf(artefact, name.slice(instance.length + 1, -originalEnd.length), false, 0) : undefined;
    },
  };

  async function originals(instance: string): Promise<string[]> {
    const names = await readdir(folder).catch(() => []);
    return names.filter((name) => name.startsWith(`${instance}.`) && name.endsWith(originalEnd));
  }
}

const originalEnd = ".original";

/**
 * A second name for the file: whoever replaces the first one leaves this as it is. A copy where that cannot be, or where
 * the file is the user's own, who may write into it.
 */
async function adopt(from: string, to: string, ours: string): Promise<void> {
  const partial = `${to}.partial`;
  try {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    await rm(partial, { force: true });
    if (from.startsWith(ours)) await link(from, partial).catch(() => copyFile(from, partial));
    else await copyFile(from, partial);
    await rename(partial, to);
  } catch (error) {
    throw new HeadendError("cache.write", { path: to, reason: diskReason(error) }, error);
  }
}

async function eachLine(path: string, pause: Pause, each: (line: string) => void): Promise<void> {
  const input = createReadStream(path, { highWaterMark: 1 << 16 });
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line) each(line);
    const rest = pause();
    if (rest) await rest;
  }
}

/** Chunks of about 64 KiB. */
async function* lines(channels: readonly LineupChannel[], pause: Pause): AsyncIterable<string> {
  let chunk = "";
  for (const channel of channels) {
    chunk += `${JSON.stringify(channel)}\n`;
    if (chunk.length > 1 << 16) {
      yield chunk;
      chunk = "";
    }
    const rest = pause();
    if (rest) await rest;
  }
  yield chunk;
}
