// A `programme` element and the `Programme` it stands for, both ways.
import { Buffer } from "node:buffer";
import type { Credit, Programme, Text } from "../../types.ts";
import { documentHead, documentTail } from "./document.ts";
import { createParser } from "./sax.ts";
import { escapeText, escapeValue, isBlank, trimSpace } from "./text.ts";
import { formatTime, parseTime } from "./time.ts";

/** A programme while it is being read. */
interface Draft {
  channel: string;
  start: number;
  stop?: number;
  titles: Text[];
  subtitles?: Text[];
  descriptions?: Text[];
  categories?: Text[];
  credits?: Credit[];
  date?: string;
  icon?: string;
  episodes?: Record<string, string>;
  rating?: { value: string; system?: string };
  catchupId?: string;
}

const texts = { title: "titles", "sub-title": "subtitles", desc: "descriptions", category: "categories" } as const;
const isTextName = (name: string): name is keyof typeof texts => Object.hasOwn(texts, name);

const containers = new Set(["credits", "rating"]);

/** XMLTV writes an episode number that names no system as a viewer sees it. */
const DEFAULT_SYSTEM = "onscreen";

/**
 * Reads one whole `programme` element. White space around texts is not part of them, empty texts are none, and of icons
 * and ratings the first counts; what `Programme` has no place for is passed over.
 *
 * @returns undefined when it has no start that can be read.
 * @example parseProgramme('<programme start="20260101120000 +0000" channel="a"><title>News</title></programme>')
 */
export function parseProgramme(element: Uint8Array | string): Programme | undefined {
  let draft: Draft | undefined;
  const path: { name: string; attributes: Readonly<Record<string, string>> }[] = [];
  let text = "";
  const parser = createParser({
    open(name, attributes) {
      if (path.length === 0) draft = readAttributes(attributes);
      else if (draft && path.length === 1 && name === "icon" && attributes.src) draft.icon ??= attributes.src;
      path.push({ name, attributes });
      if (path.length === 2 || (path.length === 3 && containers.has(path[1]?.name ?? ""))) text = "";
    },
    text(part) {
      // What an actor has below (images, addresses) is not the name.
      if (path.length <= 3) text += part;
    },
    close() {
      const element = path.pop();
      if (!draft || !element) return;
      if (path.length === 1) readChild(draft, element.name, element.attributes, trimSpace(text));
      else if (path.length === 2) readGrandchild(draft, path[1], element.name, element.attributes, trimSpace(text));
    },
  });
  parser.write(
    typeof element === "string"
      ? element
      : Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString("utf8"),
  );
  parser.end();
  return draft && !Number.isNaN(draft.start) ? draft : undefined;
}

function readAttributes(attributes: Readonly<Record<string, string>>): Draft {
  const stop = parseTime(attributes.stop ?? "");
  const catchupId = attributes["catchup-id"];
  return {
    channel: attributes.channel ?? "",
    start: parseTime(attributes.start ?? ""),
    ...(Number.isNaN(stop) ? {} : { stop }),
    titles: [],
    ...(catchupId ? { catchupId } : {}),
  };
}

function readChild(draft: Draft, name: string, attributes: Readonly<Record<string, string>>, value: string): void {
  if (value === "") return;
  if (isTextName(name)) {
    const list = draft[texts[name]] ?? [];
    list.push(attributes.lang ? { value, lang: attributes.lang } : { value });
    draft[texts[name]] = list;
  } else if (name === "date") {
    draft.date ??= value;
  } else if (name === "episode-num") {
    draft.episodes ??= {};
    draft.episodes[attributes.system || DEFAULT_SYSTEM] ??= value;
  }
}

function readGrandchild(
  draft: Draft,
  parent: { name: string; attributes: Readonly<Record<string, string>> } | undefined,
  name: string,
  attributes: Readonly<Record<string, string>>,
  value: string,
): void {
  if (value === "") return;
  if (parent?.name === "credits") {
    draft.credits ??= [];
    draft.credits.push({ role: name, name: value, ...(attributes.role ? { as: attributes.role } : {}) });
  } else if (parent?.name === "rating" && name === "value") {
    const system = parent.attributes.system;
    draft.rating ??= system ? { value, system } : { value };
  }
}

/** The order of the DTD's `credits`; a role it does not know comes last. */
const roles = "director actor writer adapter producer composer editor presenter commentator guest".split(" ");
const rankOf = (role: string): number => (roles.indexOf(role) + roles.length + 1) % (roles.length + 1);

/**
 * One `programme` element, in the DTD's order, ending with a line feed. Credits are written by role, so that is the order
 * in which they are read back.
 */
export function formatProgramme(programme: Programme): string {
  const { start, stop, channel, catchupId, icon, rating } = programme;
  const times = ` start="${formatTime(start)}"${stop === undefined ? "" : ` stop="${formatTime(stop)}"`}`;
  let children = `${formatTexts("title", programme.titles)}${formatTexts("sub-title", programme.subtitles)}${formatTexts("desc", programme.descriptions)}`;
  if (programme.credits && programme.credits.length > 0) children += formatCredits(programme.credits);
  if (programme.date) children += formatElement("date", programme.date);
  children += formatTexts("category", programme.categories);
  if (icon) children += `    <icon${formatAttribute("src", icon)} />\n`;
  for (const system in programme.episodes)
    children += formatElement("episode-num", programme.episodes[system], formatAttribute("system", system));
  if (rating)
    children += `    <rating${formatAttribute("system", rating.system)}><value>${escapeText(rating.value)}</value></rating>\n`;
  return `  <programme${times}${formatAttribute("channel", channel)}${formatAttribute("catchup-id", catchupId)}>\n${children}  </programme>\n`;
}

function formatAttribute(name: string, value: string | undefined): string {
  return value === undefined ? "" : ` ${name}="${escapeValue(value)}"`;
}

/** Nothing for a text of white space alone. */
function formatElement(name: string, value = "", attributes = ""): string {
  return isBlank(value) ? "" : `    <${name}${attributes}>${escapeText(value)}</${name}>\n`;
}

function formatTexts(name: string, list: readonly Text[] = []): string {
  let all = "";
  for (const { value, lang } of list) all += formatElement(name, value, formatAttribute("lang", lang));
  return all;
}

function formatCredits(credits: readonly Credit[]): string {
  const all = credits
    .toSorted((a, b) => rankOf(a.role) - rankOf(b.role))
    .map(({ role, name, as }) => formatElement(role, name, formatAttribute("role", as)));
  return `    <credits>\n${all.join("")}    </credits>\n`;
}

/** A whole XMLTV document of programmes, in pieces. */
export async function* formatProgrammes(programmes: AsyncIterable<Programme>): AsyncIterable<string> {
  yield documentHead;
  for await (const programme of programmes) yield formatProgramme(programme);
  yield documentTail;
}
