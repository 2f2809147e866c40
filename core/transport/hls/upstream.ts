// What is asked of an HLS upstream: playlists as text, segments and keys as bytes, with the headers and the account it wants.
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { HeadendError } from "../../errors.ts";
import { type ByteRange, type HlsPlaylist, type Invalid, parsingHls } from "../../formats/hls.ts";
import type { Fetch, HlsSource } from "../../plugin.ts";
import { describeUrl } from "../../redact.ts";
import { unhurried } from "../unhurried.ts";

/** Where a part is. */
export interface Address {
  readonly url: string;
  readonly range?: ByteRange;
}

/** A playlist as it came; `url` is its address after redirects. */
export interface Fetched {
  readonly url: string;
  readonly text: string;
  /** What it says, its variables as they are written. */
  readonly playlist: Exclude<HlsPlaylist, Invalid>;
}

/** @throws HeadendError `dial.content` when it is no playlist */
export async function readFetched(url: string, text: string): Promise<Fetched> {
  const playlist = await unhurried(parsingHls(text));
  if (playlist.kind === "invalid") {
    const reason = `not an HLS playlist: ${playlist.reason}`;
    throw new HeadendError("dial.content", { url: describeUrl(url), reason });
  }
  return { url, text, playlist };
}

export interface HlsUpstream {
  /** @throws HeadendError `fetch.*`, `dial.content` when what came is no playlist */
  playlist(url: string): Promise<Fetched>;
  /** @throws HeadendError `fetch.*`, `dial.content`; so do the chunks. Leaving them early closes the connection. */
  open(
    address: Address,
    signal: AbortSignal,
  ): Promise<{ readonly type: string; readonly chunks: AsyncIterable<Uint8Array> }>;
}

/** An answer whose status says no. */
export class Refusal extends HeadendError {
  readonly answered: number;
  constructor(url: string, answered: number) {
    super("fetch.status", { url: describeUrl(url), status: answered });
    this.answered = answered;
  }
}

/** True for what a fresh address may mend: a token has run out, or what was there is gone, or something else is there. */
export function isGone(error: unknown): boolean {
  if (error instanceof Refusal) return [401, 403, 404, 410].includes(error.answered);
  return error instanceof HeadendError && error.code === "dial.content";
}

const timeout = 10_000;
const largestPlaylist = 16 << 20;
/** A segment of ten seconds at 50 Mbit/s. */
export const largestPart = 64 << 20;

/** @param life aborted when the session ends; it ends playlists, parts have signals of their own */
export function createHlsUpstream(source: HlsSource, fetch: Fetch, life: AbortSignal): HlsUpstream {
  const account = accountOf(source.address) ?? accountOf(source.url);
  const home = [source.url, source.address].map((url) => URL.parse(url ?? "")?.origin);

  /** Keys are for where they were meant for; whatever else is configured goes wherever the playlist leads. */
  const headersFor = (url: string): Record<string, string> => {
    const all = Object.entries(source.headers ?? {});
    const own = home.includes(URL.parse(url)?.origin);
    return Object.fromEntries(own ? all : all.filter(([name]) => !/^(?:(?:proxy-)?authorization|cookie)$/i.test(name)));
  };

  /** The account of the first address is for whatever lies at the same origin: relative addresses do not repeat it. */
  const withAccount = (url: string): string => {
    if (!account || !url.startsWith(account.origin)) return url;
    try {
      const whole = new URL(url);
      if (whole.origin !== account.origin || whole.username !== "" || whole.password !== "") return url;
      whole.username = account.username;
      whole.password = account.password;
      return whole.href;
    } catch {
      return url;
    }
  };

  return {
    async playlist(url) {
      const options = {
        headers: headersFor(url),
        media: true,
        signal: life,
        timeout,
        idle: timeout,
        maxBytes: largestPlaylist,
      };
      const response = await fetch(withAccount(url), options);
      await refuse(response, url);
      const text = decode(new Uint8Array(await response.arrayBuffer()), url);
      return await readFetched(response.url || url, text);
    },

    async open({ url, range }, signal) {
      const headers: Record<string, string> = { ...headersFor(url), "accept-encoding": "identity" };
      if (range) headers.range = `bytes=${range.offset}-${range.offset + range.length - 1}`;
      const maxBytes = range ? range.offset + range.length + largestPart : largestPart;
      const response = await fetch(withAccount(url), {
        headers,
        media: true,
        signal,
        timeout,
        idle: timeout,
        maxBytes,
      });
      await refuse(response, url);
      const type = (response.headers.get("content-type") ?? "").replace(/;.*/s, "").trim().toLowerCase();
      const body = response.body ?? new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
      if (!range) return { type, chunks: readBody(body) };
      // A server that knows no ranges gives all of it.
      const [, first] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
      const skip = range.offset - (response.status === 206 ? Number(first ?? range.offset) : 0);
      if (skip < 0) {
        await body.cancel();
        throw new HeadendError("dial.content", {
          url: describeUrl(url),
          reason: "another range came than was asked for",
        });
      }
      return { type, chunks: cutRange(readBody(body), skip, range.length, url) };
    },
  };
}

async function refuse(response: Response, url: string): Promise<void> {
  if (response.status === 200 || response.status === 206) return;
  await response.body?.cancel();
  throw new Refusal(url, response.status);
}

/** Text of a playlist, which some servers compress without saying so. */
function decode(bytes: Uint8Array, url: string): string {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  try {
    return gunzipSync(bytes, { maxOutputLength: largestPlaylist }).toString();
  } catch {
    throw new HeadendError("dial.content", { url: describeUrl(url), reason: "its gzip coding cannot be undone" });
  }
}

async function* readBody(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let ended = false;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    ended = true;
  } finally {
    if (!ended) await reader.cancel().catch(() => {});
  }
}

async function* cutRange(
  chunks: AsyncIterable<Uint8Array>,
  offset: number,
  length: number,
  url: string,
): AsyncGenerator<Uint8Array> {
  let skip = offset;
  let left = length;
  for await (const chunk of chunks) {
    const cut = chunk.subarray(Math.min(skip, chunk.length)).subarray(0, left);
    skip -= Math.min(skip, chunk.length);
    left -= cut.length;
    if (cut.length > 0) yield cut;
    if (left === 0) return;
  }
  throw new HeadendError("fetch.truncated", { url: describeUrl(url), received: length - left, expected: length });
}

function accountOf(address: string | undefined) {
  try {
    const { origin, username, password } = new URL(address ?? "");
    return username === "" && password === "" ? undefined : { origin, username, password };
  } catch {
    return undefined;
  }
}
