// The bytes of a rendition's segments: decrypted, looked at, and gone on without those that cannot be had.
import { Buffer } from "node:buffer";
import { HeadendError } from "../../errors.ts";
import { formatDuration } from "../../formats/duration.ts";
import type { Key, MediaMap } from "../../formats/hls.ts";
import { findSync, packetLength } from "../../formats/mpegts.ts";
import type { Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import { decryptSegment } from "./decrypt.ts";
import { type Followed, type FollowSetup, followSegments } from "./follow.ts";
import type { Hold } from "./parts.ts";
import { untilAborted } from "./rendition.ts";

/** What segments are made of. */
export type Form = "ts" | "mp4" | "packed";

/** Bytes of a segment; the first of each says what it is. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly begins?: Begins;
}

export interface Begins {
  readonly form: Form;
  /** True when it does not continue the segment before. */
  readonly gap: boolean;
  /** What must be read before it: PAT and PMT, or the header of fragmented MP4. */
  readonly map?: Uint8Array;
}

export interface MediaSetup extends FollowSetup {
  readonly log: Logger;
  /** For errors, without secrets. */
  readonly url: string;
}

/** This many segments in a row that cannot be had are a failure. */
const mostFailures = 3;
/** Milliseconds without a byte after which a segment of a live playlist is given up: of its target duration, within bounds. */
const leastSilence = 3_000;
const mostSilence = 8_000;
/** Segments in a row that fell silent: upstream has. */
const mostStalls = 2;
/** Enough to tell what a segment is made of. */
const headLength = 2048;

/** @throws HeadendError; the signal's reason */
export async function* readMedia(setup: MediaSetup): AsyncGenerator<Piece> {
  const { log, signal, url } = setup;
  let gap = false;
  let failures = 0;
  let stalls = 0;
  let begun = false;
  let discontinuity: number | undefined;
  // Maps and keys change seldom: the last of each is remembered.
  const remembered = new Map<string, Uint8Array>();

  const fetchSmall = async (name: string): Promise<Uint8Array> => {
    const known = remembered.get(name);
    if (known) return known;
    const hold = setup.take(setup.rendition, name);
    try {
      const { bytes } = await untilAborted(hold.whole(), signal);
      if (remembered.size > 8) remembered.clear();
      remembered.set(name, bytes);
      return bytes;
    } finally {
      hold.release();
    }
  };
  const open = async (
    chunks: AsyncIterable<Uint8Array>,
    keys: readonly Key[],
    names: Followed["named"]["keys"],
    sequence: number,
  ) => {
    if (keys.length === 0) return chunks;
    const at = keys.findIndex(({ method }, index) => method === "AES-128" && names[index] !== undefined);
    const key = keys[at];
    const name = names[at];
    if (!key || name === undefined) throw new Protected(url, keys[0]);
    return decryptSegment(chunks, await fetchSmall(name), key, sequence, url);
  };
  const mapOf = async (map: MediaMap | undefined, { map: name, keys }: Followed["named"], sequence: number) => {
    if (!map || name === undefined) return undefined;
    const bytes = await fetchSmall(name);
    return map.keys.length === 0 ? bytes : await gather(await open(once(bytes), map.keys, keys, sequence));
  };

  /** How long a segment may be silent; archives have their time. */
  const silence = (): number => {
    const { ended = true, targetDuration = 0 } = setup.rendition.snapshot?.playlist ?? {};
    if (ended) return Number.POSITIVE_INFINITY;
    return Math.min(mostSilence, Math.max(leastSilence, 1.5 * targetDuration));
  };

  for await (const followed of followSegments(setup)) {
    const { segment, named, hold } = followed;
    gap ||= followed.lost || (discontinuity !== undefined && discontinuity !== segment.discontinuity);
    discontinuity = segment.discontinuity;
    if (!hold) {
      gap = true;
      continue;
    }
    try {
      const map = await mapOf(segment.map, named, segment.sequence);
      const chunks = await open(read(hold, setup, silence(), begun), segment.keys, named.keys, segment.sequence);
      for await (const { bytes, form } of lookAt(chunks, url)) {
        begun = true;
        if (form === undefined) yield { bytes };
        else {
          yield { bytes, begins: { form, gap, ...(map && { map }) } };
          gap = false;
        }
      }
      failures = stalls = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Protected || ++failures === mostFailures) throw error;
      if (error instanceof Stalled && ++stalls === mostStalls) throw error;
      log.warn(`segment ${segment.sequence} is left out: ${reasonOf(error)}`);
      gap = true;
    } finally {
      hold.release();
    }
  }
}

/** Encrypted in a way that is not for us to undo. */
class Protected extends HeadendError {
  constructor(url: string, key: Key | undefined) {
    const how =
      key && key.format !== "identity" ? `${key.method} with a licence` : (key?.method ?? "an unknown method");
    super("dial.content", { url, reason: `it is protected by ${how}, which only a player of that system can undo` });
  }
}

class Stalled extends HeadendError {
  constructor(url: string, limit: number) {
    super("dial.stalled", { url, limit: formatDuration(limit) });
  }
}

/**
 * The chunks of a part, left at once when the signal aborts, or when none comes for `limit` milliseconds.
 *
 * @param begun false for the first bytes of all, which have a deadline of their own
 */
async function* read(hold: Hold, setup: MediaSetup, limit: number, begun: boolean): AsyncGenerator<Uint8Array> {
  const { signal, clock } = setup;
  const iterator = hold.follow()[Symbol.asyncIterator]();
  const control = new AbortController();
  const over = AbortSignal.any([signal, control.signal]);
  let since = Number.POSITIVE_INFINITY;
  const watch = async () => {
    // Less than a millisecond may be no time at all to a clock.
    for (let rest = limit; rest >= 1; ) {
      await clock.sleep(rest, over);
      // Only the waiting for upstream counts.
      rest = Math.min(limit, since + limit - clock.monotonic());
    }
    control.abort(new Stalled(setup.url, limit));
  };
  try {
    for (let watched = limit === Number.POSITIVE_INFINITY, some = begun; ; some = true) {
      if (some && !watched) {
        watched = true;
        watch().catch(() => {});
      }
      since = clock.monotonic();
      const { done, value } = await untilAborted(iterator.next(), over);
      since = Number.POSITIVE_INFINITY;
      if (done) return;
      yield value;
    }
  } finally {
    control.abort();
  }
}

/** The first piece is long enough to tell what it is. */
async function* lookAt(chunks: AsyncIterable<Uint8Array>, url: string) {
  let head: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of chunks) {
    if (!head) {
      yield { bytes: chunk, form: undefined };
      continue;
    }
    head = head.length === 0 ? chunk : new Uint8Array(Buffer.concat([head, chunk]));
    if (head.length < headLength) continue;
    yield { bytes: head, form: formOf(head, url) };
    head = undefined;
  }
  if (head) yield { bytes: head, form: formOf(head, url) };
}

/** @throws HeadendError `dial.content` */
function formOf(head: Uint8Array, url: string): Form {
  const text = Buffer.from(head.subarray(0, 8)).toString("latin1");
  if (/^.{4}(?:ftyp|styp|moof|moov|sidx|emsg|prft|free|mdat)/s.test(text)) return "mp4";
  const first = head[0] ?? 0;
  const second = head[1] ?? 0;
  // ID3, the sync words of ADTS and MPEG audio, and of AC-3 (RFC 8216 §3.4).
  if (text.startsWith("ID3") || (first === 0xff && second >= 0xe0) || (first === 0x0b && second === 0x77))
    return "packed";
  const sync = findSync(head);
  if (sync !== undefined && (sync + 3 * packetLength <= head.length || sync === 0)) return "ts";
  const reason = /^\s*</.test(text) ? "a web page came where media was expected" : "it is not media that can be joined";
  throw new HeadendError("dial.content", { url, reason });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return new Uint8Array(Buffer.concat(all));
}
