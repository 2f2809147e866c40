// The slow path: documents whose DTD declares entities are read by `sax` and written anew without them.
import { Buffer } from "node:buffer";
import type { createParser, Parser } from "./sax.ts";
import { escapeText, escapeValue, referenced } from "./text.ts";

/** How far into a document its DOCTYPE is looked for. */
const PROLOG = 64 * 1024;
/** The longest text one entity may stand for, and all uses of entities in one document together. */
const MAX_ENTITY = 64 * 1024;
const MAX_TOTAL = 64 * 1024 * 1024;

/**
 * The document with the entities that its internal DTD subset declares put in; any other passes as it is.
 * @throws RangeError when the entities expand without bound.
 */
export async function* expandEntities(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let held: Buffer | undefined = Buffer.alloc(0);
  let rewrite: ((bytes: Uint8Array | undefined) => Buffer) | undefined;
  const settle = async (head: Buffer): Promise<Buffer> => {
    held = undefined;
    if (!declaresEntities(head)) return head;
    // Loaded by the few documents that need it.
    rewrite = createRewriter((await import("./sax.ts")).createParser);
    return rewrite(head);
  };
  for await (const chunk of chunks) {
    if (rewrite) yield rewrite(chunk);
    else if (!held) yield chunk;
    else {
      held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      if (held.length >= PROLOG || held.includes("<tv")) yield await settle(held);
    }
  }
  if (held && held.length > 0) yield await settle(held);
  if (rewrite) yield rewrite(undefined);
}

function declaresEntities(head: Buffer): boolean {
  const prolog = head.toString("latin1", 0, PROLOG);
  const subset = /<!DOCTYPE[^>[]*\[/.exec(prolog);
  return subset !== null && prolog.includes("<!ENTITY", subset.index);
}

/** Bytes in, the same document out; the last call is without bytes. */
function createRewriter(create: typeof createParser): (bytes: Uint8Array | undefined) => Buffer {
  const decoder = new TextDecoder("utf-8");
  let output = "";
  const parser: Parser = create({
    doctype: (text) => declare(parser, text),
    open: (name, attributes) => {
      output += `<${name}`;
      for (const key in attributes) output += ` ${key}="${escapeValue(attributes[key] ?? "")}"`;
      output += ">";
    },
    close: (name) => {
      output += `</${name}>`;
    },
    text: (text) => {
      output += escapeText(text);
    },
  });
  return (bytes) => {
    output = "";
    if (bytes) parser.write(decoder.decode(bytes, { stream: true }));
    else parser.end();
    return Buffer.from(output, "utf8");
  };
}

/** Gives the parser the general internal entities of a DOCTYPE's internal subset (XML 1.0 §4.2). */
function declare(parser: Parser, doctype: string): void {
  const raw = new Map<string, string>();
  for (const [, name = "", double, single] of doctype.matchAll(
    /<!ENTITY\s+([^\s%"']+)\s+(?:"([^"]*)"|'([^']*)')\s*>/g,
  )) {
    if (!raw.has(name)) raw.set(name, double ?? single ?? "");
  }
  let total = 0;
  for (const name of raw.keys()) {
    const value = expand(name, raw, []);
    Object.defineProperty(parser.entities, name, {
      configurable: true,
      get() {
        total += value.length;
        if (total > MAX_TOTAL) throw new RangeError("its entities expand without bound");
        return value;
      },
    });
  }
}

function expand(name: string, raw: ReadonlyMap<string, string>, inside: readonly string[]): string {
  if (inside.includes(name)) throw new RangeError(`its entity ${name} holds itself`);
  let length = 0;
  return (raw.get(name) ?? "").replace(/&(#?\w+);/g, (whole, inner: string) => {
    const text = raw.has(inner) ? expand(inner, raw, [...inside, name]) : (referenced(inner) ?? whole);
    length += text.length;
    if (length > MAX_ENTITY) throw new RangeError("its entities expand without bound");
    return text;
  });
}
