// Helpers for playlist tests: byte streams cut anywhere, whole results, and playlists that no sane program would write.
import { Buffer } from "node:buffer";
import { type ParseOptions, type Playlist, parsePlaylist } from "../../core/formats/m3u.ts";
import type { Channel } from "../../core/types.ts";

/** A byte stream of a text or bytes, in chunks of a size; the one buffer is used again for every chunk, as a file reader may. */
export async function* bytesOf(content: string | Uint8Array, chunk = 1 << 16): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content);
  const buffer = Buffer.alloc(Math.min(chunk, bytes.length));
  for (let at = 0; at < bytes.length; at += chunk) {
    const length = bytes.copy(buffer, 0, at, at + chunk);
    yield buffer.subarray(0, length);
  }
}

export interface ReadPlaylist extends Pick<Playlist, "header" | "dropped" | "rejection"> {
  readonly channels: Channel[];
}

/** Reads a playlist to its end. */
export async function readPlaylist(
  content: string | Uint8Array,
  options: ParseOptions = {},
  chunk?: number,
): Promise<ReadPlaylist> {
  const playlist = parsePlaylist(bytesOf(content, chunk), options);
  const channels: Channel[] = [];
  for await (const channel of playlist) channels.push(channel);
  const { header, dropped, rejection } = playlist;
  return { channels, header, dropped, rejection };
}

/** The only channel of an entry given as lines. */
export async function readEntry(...lines: string[]): Promise<Channel> {
  const { channels } = await readPlaylist(`${lines.join("\n")}\n`);
  const [channel] = channels;
  if (!channel || channels.length !== 1) throw new Error(`expected one channel, got ${channels.length}`);
  return channel;
}

/** A generator of pseudo-random numbers in [0, 1), the same for the same seed (xorshift32). */
export function createRandom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const pieces = [
  "#EXTM3U",
  "#EXTINF:",
  "#extinf:-1",
  "#EXTINF",
  "-1",
  " ",
  "\t",
  ",",
  '"',
  "'",
  "=",
  "\n",
  "\r\n",
  "\r",
  "\n\n",
  'tvg-id="a"',
  "tvg-id=",
  'group-title="A;B;;C"',
  'catchup="append"',
  `catchup-source="?u=\${start}&x={utc}|UTC"`,
  "catchup-days=3",
  'timeshift="7"',
  'tvg-shift="-4.5"',
  'tvg-chno="007"',
  "url-tvg=",
  'x-tvg-url="http://a/1.xml, http://b/2.xml"',
  "radio=true",
  "__proto__=1",
  'constructor="x"',
  "http://h/p.ts",
  "|User-Agent=a%zz&Referer=",
  "|",
  "plugin://x|y=z",
  "/path",
  "//host/x",
  "pipe://cmd | cmd",
  "#EXTVLCOPT:http-user-agent=",
  "#EXTVLCOPT:",
  "#KODIPROP:a=b",
  "#KODIPROP:__proto__=b",
  "#KODIPROP:inputstream.adaptive.stream_headers=A=b&C=d",
  '#EXTHTTP:{"a":"b"}',
  "#EXTHTTP:{",
  "#EXTGRP:G",
  "#EXTGRP:",
  "#EXT-X-APP x",
  "#EXT-X-TARGETDURATION:4",
  "# comment",
  "<html>",
  "\ufeff",
  "\u0000",
  "é",
  "日本",
  "🎬",
];

/** A hostile playlist: pieces of real ones in any order, with bytes that are not UTF-8 here and there. */
export function hostilePlaylist(random: () => number): Uint8Array {
  const count = 1 + Math.floor(random() * 40);
  const parts: Uint8Array[] = random() < 0.5 ? [Buffer.from("#EXTM3U\n")] : [];
  for (let index = 0; index < count; index++) {
    const roll = random();
    if (roll < 0.05) parts.push(Uint8Array.of(128 + Math.floor(random() * 128)));
    else if (roll < 0.08) parts.push(Buffer.from("x".repeat(Math.floor(random() * 300))));
    else if (roll < 0.25) parts.push(Buffer.from("\n#EXTINF:-1 "));
    else if (roll < 0.35) parts.push(Buffer.from(",Name\nhttp://h/1\n"));
    else parts.push(Buffer.from(pieces[Math.floor(random() * pieces.length)] ?? ""));
  }
  return Buffer.concat(parts);
}
