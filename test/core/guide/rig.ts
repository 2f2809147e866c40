// A guide keeper on a temporary folder, with sources written as text and answers read back as text.
import { Buffer } from "node:buffer";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import sax from "sax";
import {
  createGuide,
  type GuideKeeper,
  type GuideSettings,
  type GuideTarget,
  type MergeReport,
  type MergeSource,
} from "../../../core/guide/index.ts";
import type { Logger } from "../../../core/plugin.ts";
import type { GuideStyle } from "../../../core/types.ts";
import { createTestClock, type TestClock } from "../../support/clock.ts";

const quiet = () => {};
export const log: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
export const worker = new URL("../../../core/guide/worker.ts", import.meta.url);
export const hour = 60 * 60 * 1000;
export const day = 24 * hour;

/** A target: an id that is also the guide id and the name, unless told otherwise. */
export function target(id: string, more: Partial<GuideTarget> = {}): GuideTarget {
  return { id, guideId: id, names: [id], instances: ["m3u"], channelIds: [], shift: 0, name: id, number: "1", ...more };
}

/** `YYYYMMDDhhmmss +0000` of an instant. */
export function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-T:]/g, "")} +0000`;
}

/** A programme element of one hour. */
export function programme(channel: string, start: number, title: string, more = ""): string {
  return `<programme start="${stamp(start)}" stop="${stamp(start + hour)}" channel="${channel}"><title>${title}</title>${more}</programme>\n`;
}

export const channel = (id: string, name = id): string =>
  `<channel id="${id}"><display-name>${name}</display-name></channel>\n`;
export const tv = (...elements: string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<tv>\n${elements.join("")}</tv>\n`;

/** What a strict parser finds in a guide. */
export interface Found {
  readonly channels: { id: string; names: string[]; text: string }[];
  readonly programmes: { attributes: Record<string, string>; title: string; text: string }[];
}

/** Reads a document with `sax`, strictly. @throws on anything that is not well-formed. */
export function readStrictly(document: string): Found {
  const found: Found = { channels: [], programmes: [] };
  const parser = sax.parser(true);
  (parser as unknown as { ENTITIES: unknown }).ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  let depth = 0;
  let leaf = "";
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentag = (tag) => {
    depth++;
    leaf = "";
    const attributes = tag.attributes as Record<string, string>;
    if (depth === 2 && tag.name === "channel") found.channels.push({ id: attributes.id ?? "", names: [], text: "" });
    if (depth === 2 && tag.name === "programme") found.programmes.push({ attributes, title: "", text: "" });
  };
  parser.ontext = parser.oncdata = (text) => {
    leaf += text;
    const last = inProgramme() ? found.programmes.at(-1) : found.channels.at(-1);
    if (last && depth > 2) last.text += text;
  };
  const inProgramme = () => found.programmes.length > 0;
  parser.onclosetag = (name) => {
    depth--;
    if (depth === 2 && name === "display-name") found.channels.at(-1)?.names.push(leaf);
    if (depth === 2 && name === "title" && found.programmes.at(-1)?.title === "")
      (found.programmes.at(-1) ?? { title: "" }).title = leaf;
  };
  parser.write(document).close();
  return found;
}

export interface Rig {
  readonly folder: string;
  readonly clock: TestClock;
  readonly guide: GuideKeeper;
  /** Writes a source; its digest follows its content. */
  source(name: string, content: string | Uint8Array, more?: Partial<MergeSource>): Promise<MergeSource>;
  merge(targets: GuideTarget[], sources: MergeSource[]): Promise<MergeReport>;
  /** The guide's text, and what a strict parser finds in it. */
  text(query?: { instance?: string; style?: GuideStyle }): Promise<string>;
  read(query?: { instance?: string; style?: GuideStyle }): Promise<Found>;
  /** `channel title` of every programme, in order. */
  titles(query?: { instance?: string; style?: GuideStyle }): Promise<string[]>;
}

/** Runs with a fresh rig and takes it away afterwards. Merges are done in a worker, if `apart`. */
export async function withRig(
  run: (rig: Rig) => Promise<void>,
  settings: Partial<GuideSettings> = {},
  apart = true,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "headend-guide-"));
  const clock = createTestClock();
  const guide = createGuide({
    folder: join(folder, "guide"),
    clock,
    log,
    ...(apart && { worker }),
    settings: { match: "name", repair: [], ...settings },
  });
  const text: Rig["text"] = async (query) => {
    const artefact = await guide.artefact(query);
    if (!artefact) throw new Error("there is no guide");
    return gunzipSync(await readFile(artefact.path)).toString("utf8");
  };
  try {
    await guide.restore();
    await run({
      folder,
      clock,
      guide,
      async source(name, content, more = {}) {
        const path = join(folder, `${name}.xml`);
        await writeFile(path, content);
        return {
          name,
          instance: "m3u",
          path,
          digest: Buffer.from(content).toString("base64").slice(0, 64) + content.length,
          ...more,
        };
      },
      merge: (targets, sources) => guide.merge(targets, sources, new AbortController().signal),
      text,
      read: async (query) => readStrictly(await text(query)),
      titles: async (query) =>
        readStrictly(await text(query)).programmes.map(({ attributes, title }) => `${attributes.channel} ${title}`),
    });
  } finally {
    await guide.close();
    await rm(folder, { recursive: true, force: true });
  }
}
