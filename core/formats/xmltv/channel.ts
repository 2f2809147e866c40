// The `channel` element: what its names are, and what it looks like to each family of clients.
import { Buffer } from "node:buffer";
import type { GuideStyle } from "../../types.ts";
import { escapeText, escapeValue, parseText } from "./text.ts";

const NAME = "<display-name";
const NAME_END = "</display-name";

/** The texts of a channel element's `display-name`s, without white space around them. */
export function parseDisplayNames(element: Uint8Array): string[] {
  let text = Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString("utf8");
  if (text.includes("<!--")) text = text.replace(/<!--[\s\S]*?-->/g, "");
  const names: string[] = [];
  for (let at = text.indexOf(NAME); at >= 0; at = text.indexOf(NAME, at + 1)) {
    const tagEnd = text.indexOf(">", at);
    const end = text.indexOf(NAME_END, tagEnd);
    if (tagEnd < 0 || end < 0) break;
    // Neither `<display-names>` nor `<display-name/>`.
    if (!" \t\r\n>".includes(text.charAt(at + NAME.length)) || text[tagEnd - 1] === "/") continue;
    const name = parseText(text.slice(tagEnd + 1, end)).trim();
    if (name) names.push(name);
    at = end;
  }
  return names;
}

/** What the lineup says of a channel. */
export interface ChannelTexts {
  readonly id: string;
  readonly name: string;
  readonly number: string;
  readonly logo?: string;
}

/**
 * A channel element made from the lineup, ending with a line feed.
 *
 * Plex finds the channel by name, by number and by both, and its number in `lcn`; Kodi and Jellyfin bind best to exactly one
 * name, and Jellyfin also reads `lcn`, which stands after what the DTD knows.
 */
export function formatChannel({ id, name, number, logo }: ChannelTexts, style: GuideStyle): string {
  const names = style === "plex" ? [name, number, `${number} ${name}`] : [name];
  const lines = names.map((text) => `    <display-name>${escapeText(text)}</display-name>\n`);
  if (logo) lines.push(`    <icon src="${escapeValue(logo)}" />\n`);
  if (style === "plex" || style === "jellyfin") lines.push(`    <lcn>${escapeText(number)}</lcn>\n`);
  return `  <channel id="${escapeValue(id)}">\n${lines.join("")}  </channel>\n`;
}
