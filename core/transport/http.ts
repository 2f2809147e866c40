// Opens an address by HTTP and goes by what comes, not by what it is called: a transport stream, HLS, or something for ffmpeg.
import { HeadendError } from "../errors.ts";
import { type Content, readAddressList, recognise } from "../formats/content.ts";
import { formatDuration } from "../formats/duration.ts";
import { createUnwrap } from "../formats/packet-size.ts";
import { describeUrl } from "../redact.ts";
import type { Source } from "../types.ts";
import { type ChunkReader, closable, mapped, resumed } from "./chunks.ts";
import { type DialContext, type Opener, type OpenOptions, openingLimit } from "./context.ts";
import { openByFfmpeg, openRemuxed } from "./ffmpeg.ts";
import { headerOptions } from "./ffmpeg-input.ts";

/** Protocols that ffmpeg may use for what HTTP leads to. */
const webProtocols = ["http", "https", "tcp", "tls"];
/** Bytes of a playlist; a day of segments of two seconds has 4 MiB. */
const longestPlaylist = 16 * 2 ** 20;

/** What was asked, and what came so far. */
interface Answer {
  readonly shown: string;
  /** After redirects. */
  readonly url: string;
  /** Headers that may go to where it came from. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly head: Uint8Array;
  readonly rest: ChunkReader;
  /** It has an end that is known: an archive. */
  readonly finite: boolean;
}

/** @param follow opens what a list of addresses leads to; without it lists are refused */
export function createHttpOpener(follow: Opener | undefined): Opener {
  return async (url, options, context) => {
    const { clock } = context;
    const shown = describeUrl(url);
    const started = clock.monotonic();
    const response = await context.fetch(url, {
      headers: { "accept-encoding": "identity", ...lowercased(options.headers) },
      signal: options.signal,
      timeout: openingLimit,
      idle: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
      media: true,
    });
    if (response.status !== 200 && response.status !== 206 && response.status !== 204) {
      await response.body?.cancel().catch(() => {});
      // Cameras want a password by Digest (RFC 7616), which ffmpeg can say.
      if (response.status === 401 && options.media && URL.parse(url)?.username)
        return await openWebByFfmpeg(url, options, context);
      throw new HeadendError("fetch.status", { url: shown, status: response.status });
    }
    const body = response.body;
    if (!body) throw new HeadendError("fetch.empty", { url: shown });
    const chunks = closable((life) => read(body.getReader(), life), options.signal);
    const rest = chunks[Symbol.asyncIterator]();
    const left = openingLimit - (clock.monotonic() - started);
    return await closingOnError(rest, async () => {
      const late = new HeadendError("dial.timeout", { url: shown, limit: formatDuration(openingLimit) });
      const { head, content, text } = await inTime(() => sniff(rest, shown), left, late, context);
      const headers = sameOrigin(url, response.url) ? options.headers : harmless(options.headers);
      const finite = Number(response.headers.get("content-length")) > 0;
      const answer: Answer = { shown, url: response.url, headers, head, rest, finite };
      return await openContent(content, text, answer, options, context, follow);
    });
  };
}

async function openContent(
  content: Content,
  text: string,
  answer: Answer,
  options: OpenOptions,
  context: DialContext,
  follow: Opener | undefined,
): Promise<Source> {
  const { shown, url, headers, head, rest, finite } = answer;
  const refused = (reason: string) => new HeadendError("dial.content", { url: shown, reason });
  switch (content.kind) {
    case "ts": {
      const whole = resumed([head], rest);
      const plain =
        content.size === 188 ? resumed([head.subarray(content.offset)], rest) : mapped(whole, createUnwrap(content));
      return { kind: "ts", chunks: plain, how: "http", ...(finite && { patient: true }) };
    }
    case "hls":
      return { kind: "hls", url, playlist: text, ...(headers && { headers }) };
    case "list": {
      if (!follow) throw refused("a list came that leads to another list");
      const next = entryOf(text, url);
      if (next === undefined) throw refused("a playlist of many came, or an empty one; give it to an instance of m3u");
      const others = sameOrigin(url, next) ? headers : harmless(headers);
      return await follow(next, { ...(others && { headers: others }), signal: options.signal }, context);
    }
    case "dash":
    case "media": {
      if (options.media && content.kind === "media") {
        await rest.return();
        return await openWebByFfmpeg(url, options, context);
      }
      const seeks = content.kind === "dash" || (content.kind === "media" && content.seeks === true);
      if (!seeks) return await openRemuxed(resumed([head], rest), url, finite, options.signal, context);
      // ffmpeg asks for it again by itself: it must jump in it, or get what it names.
      await rest.return();
      const patient = content.kind === "media" || !/\btype\s*=\s*["']dynamic/.test(text);
      const address = { url, protocols: webProtocols, options: headerOptions(headers ?? {}) };
      // A presentation has its pictures in many sizes: ffmpeg chooses the best alone.
      return await openByFfmpeg(address, options, context, { patient, ...(content.kind === "dash" && { map: [] }) });
    }
    case "page":
      throw refused("a web page came instead of a stream");
    case "text":
      throw refused("a text came instead of a stream");
    case "unknown":
      if (options.media) {
        await rest.return();
        return await openWebByFfmpeg(url, options, context);
      }
      return await openRemuxed(resumed([head], rest), url, finite, options.signal, context);
  }
}

/** ffmpeg asks for it by itself: it may have to ask again, once it is seen what must be transcoded. */
function openWebByFfmpeg(url: string, options: OpenOptions, context: DialContext): Promise<Source> {
  return openByFfmpeg(
    { url, protocols: webProtocols, options: headerOptions(options.headers ?? {}) },
    options,
    context,
  );
}

interface Sniffed {
  readonly head: Uint8Array;
  readonly content: Content;
  /** All of it, for playlists; else nothing. */
  readonly text: string;
}

/** Reads until it is clear what comes, and playlists to their end. */
async function sniff(rest: ChunkReader, shown: string): Promise<Sniffed> {
  let head = new Uint8Array(0);
  for (;;) {
    const { done, value } = await rest.next();
    if (value) head = joined(head, value);
    if (done && head.length === 0) throw new HeadendError("fetch.empty", { url: shown });
    const content = recognise(head, done === true);
    if (!content) continue;
    if (content.kind !== "hls" && content.kind !== "list" && content.kind !== "dash")
      return { head, content, text: "" };
    const parts: Uint8Array[] = [head];
    let length = head.length;
    for (let next = done ? undefined : await rest.next(); next && !next.done; next = await rest.next()) {
      parts.push(next.value);
      length += next.value.length;
      if (length > longestPlaylist)
        throw new HeadendError("dial.content", { url: shown, reason: "its playlist does not end" });
    }
    head = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    const text = new TextDecoder().decode(head);
    // Some kilobytes tell a list from HLS nearly always; all of it does always.
    return { head, content: recognise(head, true), text };
  }
}

/** The address that a list leads to, unless it is a playlist of several. */
function entryOf(text: string, base: string): string | undefined {
  if ((text.match(/^\s*#EXTINF/gim)?.length ?? 0) > 1) return undefined;
  const [entry] = readAddressList(text);
  return entry === undefined ? undefined : (URL.parse(entry, base)?.href ?? entry);
}

/** The body, read as fast as can be: `for await` over it takes twice as long. */
async function* read(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const cancel = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    await reader.cancel().catch(() => {});
  }
}

async function closingOnError<T>(rest: ChunkReader, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await rest.return();
    throw error;
  }
}

async function inTime<T>(work: () => Promise<T>, ms: number, late: HeadendError, { clock }: DialContext): Promise<T> {
  const timer = new AbortController();
  const working = work();
  working.catch(() => {});
  const limit = clock.sleep(Math.max(0, ms), timer.signal).then(() => {
    throw late;
  });
  limit.catch(() => {});
  try {
    return await Promise.race([working, limit]);
  } finally {
    timer.abort();
  }
}

function lowercased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** What may be told to anybody, and what those that serve for others ask for; the others may be keys to where they were meant for. */
function harmless(headers: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> | undefined {
  const kept = Object.entries(headers ?? {}).filter(([name]) => /^(?:accept.*|user-agent|referer|origin)$/i.test(name));
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function sameOrigin(one: string, other: string): boolean {
  return URL.parse(one)?.origin === URL.parse(other)?.origin;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
