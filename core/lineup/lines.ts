// Channels as lines of JSON.
import { Buffer } from "node:buffer";
import { encodeItems, type TextWriter } from "../formats/text-writer.ts";
import type { LineupChannel } from "../types.ts";

/** What JSON must escape (RFC 8259 §7), and halves of surrogate pairs, which are no UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be escaped.
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/;
const quote = Buffer.from('"');
const open = Buffer.from("{");
const close = Buffer.from("}\n");

/** A line for `given`, one for each channel; the same bytes as `JSON.stringify()` would give. Each piece holds until the next. */
export function encodeChannels(channels: readonly LineupChannel[], given: number): Generator<Uint8Array> {
  /** `"key":`, with a comma or the brace before it; the same few in every channel. */
  const keys = new Map<string, Uint8Array>();
  /** JSON of lists, which many channels share. */
  const lists = new Map<unknown, string>();

  const keyOf = (key: string): Uint8Array => {
    let bytes = keys.get(key);
    if (!bytes) {
      bytes = Buffer.from(`,${JSON.stringify(key)}:`);
      keys.set(key, bytes);
    }
    return bytes;
  };
  const json = (value: unknown): string => {
    if (!Array.isArray(value)) return JSON.stringify(value);
    let text = lists.get(value);
    if (text === undefined) {
      text = JSON.stringify(value);
      lists.set(value, text);
    }
    return text;
  };
  const line = (channel: LineupChannel, to: TextWriter) => {
    to.bytes(open);
    let first = true;
    for (const key in channel) {
      const value: unknown = channel[key as keyof LineupChannel];
      if (value === undefined) continue;
      const bytes = keyOf(key);
      to.bytes(first ? bytes.subarray(1) : bytes);
      first = false;
      if (typeof value !== "string" || escaped.test(value)) to.text(json(value));
      else {
        to.bytes(quote);
        to.text(value);
        to.bytes(quote);
      }
    }
    to.bytes(close);
  };
  return encodeItems(channels, line, `${JSON.stringify({ given })}\n`);
}
