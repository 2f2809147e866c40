// JSON-STREAMS (IPTV Manager, version 1): its schema, and a stream of it as a channel.
import { z } from "zod";
import { readPairs, splitAddress } from "../../core/formats/m3u/headers.ts";
import type { Channel } from "../../core/plugin.ts";
import { inspect, tellWrong } from "./inspect.ts";

/** One stream. What is not text where text is wanted loses the stream only in `name` and `stream`. */
export const streamSchema = z.looseObject({
  name: z.string().describe("the channel's name"),
  stream: z.string().describe("plugin://, http:// or https:// address, perhaps with |Header=value behind it"),
  id: z.string().nullish().describe("by which JSON-EPG calls it, such as channel.example"),
  logo: z.string().nullish().describe("address, or path in the add-on's folder; default: the add-on's icon"),
  preset: z.union([z.int(), z.string()]).nullish().describe("channel number; 0: none"),
  group: z
    .union([z.string(), z.array(z.string())])
    .nullish()
    .describe("one group, several with ; between them, or a list"),
  radio: z.boolean().nullish(),
  kodiprops: z.record(z.string(), z.unknown()).nullish().describe("properties for Kodi's input streams"),
  vod: z.string().nullish().meta({ deprecated: true, description: "obsolete; not looked at" }),
});

/** The whole document. */
export const streamsSchema = z
  .looseObject({ version: z.literal(1).optional(), streams: z.array(streamSchema) })
  .meta({ title: "JSON-STREAMS" });

export interface StreamContext {
  /** The source's name, which is always one of the groups. */
  readonly source: string;
  /** Where a logo is found that is no http(s) address; undefined: nowhere. */
  logo(path: string): string | undefined;
  /** The logo of those that have none. */
  readonly icon?: string | undefined;
  /** Told of what was not as it should be, but lost no channel. */
  mended(reason: string): void;
}

const required = ["name", "stream"] as const;

/** Characters that a name, an address or an id may have; nothing that people or players can use has more. */
const longest = 4096;

/** A channel without its id; or why there is none. */
export function readStream(item: unknown, context: StreamContext): Channel | string {
  const found = inspect(streamSchema, item);
  if (!found) return "not an object";
  const { given, wrong } = found;
  for (const key of required) {
    const value = given[key];
    if (value === undefined || value === null) return `without ${key}`;
    if (typeof value !== "string") return `${key} is no text`;
    if (value.length > longest) return `${key} too long`;
    if (oneLine(value) === "") return `without ${key}`;
  }
  tellWrong(wrong, spared, context.mended);
  const { url, options } = splitAddress(oneLine(String(given.stream)));
  if (!isAddress(url)) return "stream that is no address";
  const headers: Record<string, string> = {};
  const properties = readProperties(given.kodiprops, headers);
  if (options) readPairs(options, headers);
  const id = readId(given.id, context);
  const number = readPreset(given.preset, context);
  const logo = readLogo(given.logo, context);
  return {
    name: oneLine(String(given.name)),
    url,
    ...(id && { guideId: id }),
    ...(number && { number }),
    ...(logo && { logo }),
    groups: readGroups(given.group, context),
    ...(isTrue(given.radio) && { radio: true }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(options && { attributes: { "|": options } }),
  };
}

/** Keys that say themselves what is wrong with them, or whose common mistakes are none. */
const spared = new Set(["group", "preset", "radio", "id", "vod"]);

function readId(id: unknown, { mended }: StreamContext): string | undefined {
  if (id === undefined || id === null) return undefined;
  const text = typeof id === "string" || typeof id === "number" ? String(id).trim() : undefined;
  if (text === undefined || text.length > longest) mended(text === undefined ? "id of another type" : "id too long");
  else if (text !== "") return text;
  return undefined;
}

function readPreset(preset: unknown, { mended }: StreamContext): string | undefined {
  if (preset === undefined || preset === null || preset === "") return undefined;
  const number = typeof preset === "number" || typeof preset === "string" ? Number(preset) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= 0) return number === 0 ? undefined : String(number);
  mended("preset is no number");
  return undefined;
}

/** As they were given, each once, and the source's name last: the same order every time. */
function readGroups(group: unknown, { source, mended }: StreamContext): string[] {
  const given = typeof group === "string" ? group.split(";") : Array.isArray(group) ? group : [];
  if (group !== undefined && group !== null && typeof group !== "string" && !Array.isArray(group))
    mended("group is neither text nor list");
  const texts = given.filter((each) => typeof each === "string");
  if (texts.length < given.length) mended("group that is no text");
  return [...new Set([...texts.map(oneLine).filter((each) => each !== ""), oneLine(source)])];
}

function readLogo(logo: unknown, { icon, logo: find }: StreamContext): string | undefined {
  if (typeof logo !== "string" || logo.trim() === "") return icon;
  const text = oneLine(logo);
  return /^https?:\/\//i.test(text) ? text : (find(text) ?? icon);
}

function readProperties(given: unknown, headers: Record<string, string>): Record<string, string> {
  const properties: Record<string, string> = {};
  if (typeof given !== "object" || given === null) return properties;
  for (const [name, value] of Object.entries(given).slice(0, 64)) {
    if (!["string", "number", "boolean"].includes(typeof value) || oneLine(name) === "") continue;
    properties[oneLine(name)] = oneLine(String(value));
    if (/\.(stream|manifest)_headers$/i.test(name)) readPairs(String(value), headers);
  }
  return properties;
}

function isTrue(value: unknown): boolean {
  return value === true || value === 1 || value === "true";
}

/** Whether it says where it is, from its scheme on: a path would be one of this headend's own. */
export function isAddress(text: string | undefined): boolean {
  return text !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** Without control characters and blanks at its ends; runs of blanks as one. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}
