// Parts of an HLS upstream, each fetched once for all who want it, read while it comes, and kept within a bound of bytes.
import { Buffer } from "node:buffer";
import { HeadendError } from "../../errors.ts";
import type { HlsPart } from "../../plugin.ts";
import { describeUrl } from "../../redact.ts";
import { type Address, type HlsUpstream, isGone } from "./upstream.ts";

/** How a part is found; asked again before every attempt, since addresses change. */
export interface Whereabouts {
  address(): Address | undefined;
  /** Gets fresh addresses, if that is due. */
  renew(): Promise<void>;
}

/** Somebody's hold of a part: it is fetched as long as somebody has one. */
export interface Hold {
  /** Its bytes from the beginning, as they come. @throws HeadendError */
  follow(): AsyncIterable<Uint8Array>;
  /** All of it. @throws HeadendError */
  whole(): Promise<HlsPart>;
  /** Resolves when nothing more of it will come; never rejects. */
  readonly settled: Promise<void>;
  release(): void;
}

export interface Parts {
  /** @param keep true when others will want it too */
  take(name: string, whereabouts: Whereabouts, keep: boolean): Hold;
  /** Forgets those whose names are known no more. */
  retain(known: (name: string) => boolean): void;
  /** Bytes kept. */
  readonly bytes: number;
  /** Ends what is under way; resolves when it has ended. */
  close(): Promise<void>;
}

interface Entry {
  readonly name: string;
  /** Grows while it comes; when all is there, one piece. */
  chunks: Uint8Array[];
  received: number;
  type: string;
  state: "coming" | "whole" | "failed";
  failure?: unknown;
  keep: boolean;
  holds: number;
  readonly control: AbortController;
  /** Resolves with the next change; never rejects. */
  change: Promise<void>;
  changed(): void;
  ended: Promise<void>;
}

/** Why parts end that nobody gave up. */
const ended = new DOMException("the session has ended", "AbortError");

/** @param limit bytes that are kept beyond what somebody holds */
export function createParts(upstream: HlsUpstream, limit: number): Parts {
  // In order of use: the first is the one that nobody has asked for the longest.
  const entries = new Map<string, Entry>();
  const running = new Set<Promise<void>>();
  let bytes = 0;

  const forget = (entry: Entry) => {
    if (entries.get(entry.name) !== entry) return;
    entries.delete(entry.name);
    if (entry.state === "whole") bytes -= entry.received;
  };
  const evict = () => {
    for (const entry of entries.values()) {
      if (bytes <= limit) return;
      if (entry.state === "whole" && entry.holds === 0) forget(entry);
    }
  };

  let closed = false;

  const start = (name: string, whereabouts: Whereabouts, keep: boolean): Entry => {
    const entry: Entry = {
      name,
      chunks: [],
      received: 0,
      type: "",
      state: "coming",
      keep,
      holds: 0,
      control: new AbortController(),
      change: Promise.resolve(),
      changed: () => {},
      ended: Promise.resolve(),
    };
    const rearm = () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = entry.changed;
      entry.change = promise;
      entry.changed = resolve;
      wake();
    };
    rearm();
    entry.ended = fetchPart(entry, whereabouts, upstream, rearm).then(
      () => {
        entry.state = "whole";
        if (entries.get(name) === entry) bytes += entry.received;
      },
      (error) => {
        entry.state = "failed";
        entry.failure = error;
        forget(entry);
      },
    );
    const run = entry.ended.then(() => {
      running.delete(run);
      entry.changed();
      evict();
    });
    running.add(run);
    entries.set(name, entry);
    if (closed) entry.control.abort(ended);
    return entry;
  };

  return {
    get bytes() {
      return bytes;
    },
    take(name, whereabouts, keep) {
      const entry = entries.get(name) ?? start(name, whereabouts, keep);
      entries.delete(name);
      entries.set(name, entry);
      entry.keep ||= keep;
      entry.holds++;
      let held = true;
      return {
        follow: () => follow(entry),
        settled: entry.ended,
        async whole() {
          await entry.ended;
          if (entry.state === "failed") throw entry.failure;
          if (entry.chunks.length > 1) entry.chunks = [new Uint8Array(Buffer.concat(entry.chunks))];
          return { type: entry.type, bytes: entry.chunks[0] ?? new Uint8Array() };
        },
        release() {
          if (!held) return;
          held = false;
          entry.holds--;
          if (entry.holds > 0) return;
          if (entry.state === "coming") entry.control.abort(new DOMException("nobody wants this part", "AbortError"));
          if (entry.state === "coming" || !entry.keep) forget(entry);
          else evict();
        },
      };
    },
    retain(known) {
      for (const entry of entries.values())
        if (entry.state === "whole" && entry.holds === 0 && !known(entry.name)) forget(entry);
    },
    async close() {
      for (const entry of entries.values()) entry.control.abort(ended);
      closed = true;
      entries.clear();
      bytes = 0;
      await Promise.all(running);
    },
  };
}

async function* follow(entry: Entry): AsyncGenerator<Uint8Array> {
  // When all is there the chunks become one; this list stays as it was.
  const { chunks } = entry;
  for (let next = 0; ; ) {
    const chunk = chunks[next];
    if (chunk) {
      next++;
      yield chunk;
    } else if (entry.state === "coming") await entry.change;
    else if (entry.state === "failed") throw entry.failure;
    else return;
  }
}

/** Two attempts; the second goes on where the first broke off. */
async function fetchPart(entry: Entry, whereabouts: Whereabouts, upstream: HlsUpstream, changed: () => void) {
  const { signal } = entry.control;
  for (let attempt = 1; ; attempt++) {
    try {
      const address = whereabouts.address();
      if (!address) throw new HeadendError("not.found");
      await fetchOnce(entry, address, upstream, changed);
      return;
    } catch (error) {
      if (signal.aborted || attempt === 2) throw error;
      if (isGone(error)) await whereabouts.renew();
      signal.throwIfAborted();
    }
  }
}

async function fetchOnce(entry: Entry, address: Address, upstream: HlsUpstream, changed: () => void): Promise<void> {
  const { type, chunks } = await upstream.open(address, entry.control.signal);
  let skip = entry.received;
  for await (const chunk of chunks) {
    if (entry.received === 0 && isPage(type, chunk)) {
      const reason = "a web page came where media was expected";
      throw new HeadendError("dial.content", { url: describeUrl(address.url), reason });
    }
    entry.type = type;
    const fresh = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - fresh.length;
    if (fresh.length === 0) continue;
    entry.chunks.push(fresh);
    entry.received += fresh.length;
    changed();
  }
  if (entry.received === 0) throw new HeadendError("fetch.empty", { url: describeUrl(address.url) });
  if (skip > 0) {
    const received = entry.received - skip;
    throw new HeadendError("fetch.truncated", { url: describeUrl(address.url), received, expected: entry.received });
  }
}

function isPage(type: string, chunk: Uint8Array): boolean {
  return type === "text/html" && /^\s*</.test(Buffer.from(chunk.subarray(0, 64)).toString("latin1"));
}
