// The last good channels of every instance, a line of JSON each, so that a restart serves before any upstream answers.
import { createReadStream } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { replaceFile } from "../cache.ts";
import type { LineupChannel } from "../types.ts";

export interface Store {
  save(instance: string, channels: readonly LineupChannel[], pause: () => Promise<void> | undefined): Promise<void>;
  /** What was saved; undefined when nothing was, or when it cannot be read. */
  load(instance: string, pause: () => Promise<void> | undefined): Promise<LineupChannel[] | undefined>;
  /** Forgets instances that the config no longer names. */
  keepOnly(instances: ReadonlySet<string>): Promise<void>;
}

export function createStore(folder: string): Store {
  const pathOf = (instance: string) => join(folder, `${instance}.ndjson`);
  return {
    async save(instance, channels, pause) {
      await replaceFile(pathOf(instance), lines(channels, pause));
    },
    async load(instance, pause) {
      const channels: LineupChannel[] = [];
      try {
        const input = createReadStream(pathOf(instance), { highWaterMark: 1 << 16 });
        for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
          channels.push(JSON.parse(line) as LineupChannel);
          const rest = pause();
          if (rest) await rest;
        }
      } catch {
        return undefined;
      }
      return channels;
    },
    async keepOnly(instances) {
      for (const name of await readdir(folder).catch(() => [])) {
        if (name.endsWith(".ndjson") && !instances.has(name.slice(0, -7))) await rm(join(folder, name), { force: true });
      }
    },
  };
}

/** Chunks of about 64 KiB. */
async function* lines(channels: readonly LineupChannel[], pause: () => Promise<void> | undefined): AsyncIterable<string> {
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
