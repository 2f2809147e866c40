// Channels as lines of JSON, and back.
import { Buffer } from "node:buffer";
import { encodeItems, type TextWriter } from "../formats/text-writer.ts";
import type { LineupChannel } from "../types.ts";
import { none } from "./output.ts";

/** What JSON must escape (RFC 8259 §7), and halves of surrogate pairs, which are no UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be escaped.
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/;
const quote = Buffer.from('"');
const brace = Buffer.from("{");
const end = Buffer.from("}\n");

/** What every channel of an instance has, and no line says. */
const implied = new Set(["instance", "alternates"]);

/**
 * A line for `given`, one for each channel of one instance, as `JSON.stringify()` would write it but for `instance` and
 * the empty `alternates`. Each piece holds until the next is asked for.
 */
export function encodeChannels(channels: readonly LineupChannel[], given: number): Generator<Uint8Array> {
  /** `,"key":`, or the same with the quote of a text; the same few in every channel. */
  const keys = new Map<string, Uint8Array>();
  const quotedKeys = new Map<string, Uint8Array>();
  /** JSON of lists, which many channels share. */
  const lists = new Map<unknown, Uint8Array>();

  const line = (channel: LineupChannel, to: TextWriter) => {
    let open = true;
    for (const key in channel) {
      const value: unknown = channel[key as keyof LineupChannel];
      if (value === undefined || implied.has(key)) continue;
      const plain = typeof value === "string" && !escaped.test(value);
      const name = plain ? (quotedKeys.get(key) ?? addKey(quotedKeys, key, '"')) : (keys.get(key) ?? addKey(keys, key));
      if (open) to.bytes(brace);
      to.bytes(open ? name.subarray(1) : name);
      open = false;
      if (plain) {
        to.text(value);
        to.bytes(quote);
      } else if (Array.isArray(value)) to.bytes(lists.get(value) ?? addList(lists, value));
      else to.text(JSON.stringify(value));
    }
    to.bytes(end);
  };
  return encodeItems(channels, line, `${JSON.stringify({ given })}\n`);
}

function addKey(keys: Map<string, Uint8Array>, key: string, quote = ""): Uint8Array {
  const bytes = Buffer.from(`,${JSON.stringify(key)}:${quote}`);
  keys.set(key, bytes);
  return bytes;
}

function addList(lists: Map<unknown, Uint8Array>, list: readonly unknown[]): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(list));
  lists.set(list, bytes);
  return bytes;
}

/** Reads lines of one instance's channels; those with the same groups share one list of them. @throws what JSON.parse() does */
export function createLineReader(instance: string): (line: string) => LineupChannel {
  const lists = new Map<string, readonly string[]>();
  return (line) => {
    const channel = JSON.parse(line) as { -readonly [Key in keyof LineupChannel]: LineupChannel[Key] };
    if (channel.groups) {
      const key = JSON.stringify(channel.groups);
      const shared = lists.get(key);
      if (shared) channel.groups = shared;
      else lists.set(key, channel.groups);
    }
    channel.instance = instance;
    channel.alternates = none;
    return channel;
  };
}
