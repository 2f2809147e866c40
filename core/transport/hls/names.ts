// The names that viewers see: lasting, and without anything of upstream's addresses.
import { createHash } from "node:crypto";
import type { Multivariant, Reference } from "../../formats/hls.ts";

/** A playlist that a multivariant playlist names. */
export interface Listed {
  readonly name: string;
  /** `v` variant, `a` audio, `s` subtitles, `d` video, `i` I-frames, `r` other. */
  readonly kind: string;
  readonly uri: string;
  /** All that is said of it but its address. */
  readonly signature: string;
}

/** Names a text by its content, briefly. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** The ending by which players know what a part is: that of the address, if it is one of media; else `otherwise`. */
export function extensionOf(url: string, otherwise: string): string {
  const path = /^[^?#]*/.exec(url)?.[0] ?? "";
  const [, found] = /\.(ts|m4s|m4v|m4a|mp4|cmfv|cmfa|cmft|aac|mp3|ac3|ec3|vtt|webvtt|json)$/i.exec(path) ?? [];
  return found?.toLowerCase() ?? otherwise;
}

const types: Readonly<Record<string, string>> = {
  ts: "video/mp2t",
  m4s: "video/iso.segment",
  m4v: "video/mp4",
  mp4: "video/mp4",
  m4a: "audio/mp4",
  cmfv: "video/mp4",
  cmfa: "audio/mp4",
  cmft: "application/mp4",
  aac: "audio/aac",
  mp3: "audio/mpeg",
  ac3: "audio/ac3",
  ec3: "audio/eac3",
  vtt: "text/vtt",
  webvtt: "text/vtt",
  json: "application/json",
};

/** The media type of a part by its name, whatever upstream calls it. */
export function typeOf(name: string): string {
  return types[/\.(\w+)$/.exec(name)?.[1] ?? ""] ?? "application/octet-stream";
}

/** The kind of playlist that a line of a multivariant playlist names; undefined for anything else. */
export function kindOf({ tag, attributes }: Pick<Reference, "tag" | "attributes">): string | undefined {
  if (tag === "") return "v";
  if (tag === "#EXT-X-I-FRAME-STREAM-INF") return "i";
  if (tag === "#EXT-X-MEDIA") return kindOfType(attributes.get("TYPE") ?? "");
  return undefined;
}

function kindOfType(type: string): string {
  return { AUDIO: "a", SUBTITLES: "s", VIDEO: "d" }[type] ?? "r";
}

/**
 * Names every playlist of a multivariant playlist: `v0`, `v1`, `a0`, … in order. Those that `before` had keep their names:
 * found again by what is said of them, else by their place.
 */
export function nameListed(multivariant: Multivariant, before: readonly Listed[] = []): Listed[] {
  const wanted: Omit<Listed, "name">[] = [];
  const add = (kind: string, { uri, ...said }: { readonly uri?: string }) => {
    if (uri === undefined || wanted.some((each) => each.kind === kind && each.uri === uri)) return;
    wanted.push({ kind, uri, signature: JSON.stringify(said) });
  };
  for (const variant of multivariant.variants) add("v", variant);
  for (const variant of multivariant.iFrames) add("i", variant);
  for (const rendition of multivariant.renditions) add(kindOfType(rendition.type), rendition);

  const left = new Set(before);
  const names = new Map<Omit<Listed, "name">, string>();
  const take = (each: Omit<Listed, "name">, found: Listed | undefined) => {
    if (!found || names.has(each)) return;
    left.delete(found);
    names.set(each, found.name);
  };
  for (const each of wanted)
    take(
      each,
      [...left].find(({ kind, signature }) => kind === each.kind && signature === each.signature),
    );
  for (const each of wanted)
    take(
      each,
      [...left].find(({ kind }) => kind === each.kind),
    );
  const next = new Map<string, number>();
  for (const { kind, name } of before) next.set(kind, Math.max(next.get(kind) ?? 0, Number(name.slice(1)) + 1));
  return wanted.map((each) => {
    const known = names.get(each);
    if (known !== undefined) return { ...each, name: known };
    const number = next.get(each.kind) ?? 0;
    next.set(each.kind, number + 1);
    return { ...each, name: `${each.kind}${number}` };
  });
}
