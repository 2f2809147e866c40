// Reads one half's document: channels into a list, a guide into XMLTV while it comes, with what was dropped and why.
import { parsePlaylist } from "../../core/formats/m3u.ts";
import { documentHead, documentTail, formatProgramme } from "../../core/formats/xmltv/index.ts";
import type { Channel, Programme } from "../../core/plugin.ts";
import { JsonCursor } from "./cursor.ts";
import { readProgramme } from "./epg.ts";
import { paced } from "./paced.ts";
import { openPayload } from "./payload.ts";
import { readStream, type StreamContext } from "./streams.ts";

/** How often what was left out or put right, by reason. */
export type Counts = Record<string, number>;

export interface ReadChannels {
  readonly channels: readonly Channel[];
  readonly dropped: Counts;
  readonly mended: Counts;
}

export interface ReadGuide {
  /** Programmes given; undefined where the document is XMLTV, which the merge counts. */
  readonly count?: number;
  readonly dropped: Counts;
  readonly mended?: Counts;
  /** Ids of channels that have a programme which can be had over HTTP. */
  readonly playable: readonly string[];
}

/** An M3U or JSON-STREAMS document. @throws SyntaxError when it is neither, or of a later version */
export async function readChannels(
  chunks: AsyncIterable<Uint8Array>,
  context: Omit<StreamContext, "mended"> & { readonly base?: string | undefined },
): Promise<ReadChannels> {
  const { kind, bytes } = await openPayload(paced(chunks));
  const dropped: Counts = {};
  const mended: Counts = {};
  const channels: Channel[] = [];
  if (kind === "xmltv") throw new SyntaxError("expected channels, got XMLTV or a web page");
  if (kind === "m3u") {
    const playlist = parsePlaylist(bytes, { base: context.base });
    for await (const list of playlist.lists()) channels.push(...list);
    if (playlist.rejection) throw new SyntaxError(`not a playlist: ${playlist.rejection}`);
    Object.assign(dropped, playlist.dropped);
  } else {
    const streams = { ...context, mended: (reason: string) => count(mended, reason) };
    for await (const cursor of valuesOf(bytes, "streams"))
      for await (const _ of elements(cursor)) {
        const item = await cursor.item();
        const channel = "fault" in item ? item.fault : readStream(item.value, streams);
        if (typeof channel === "string") count(dropped, channel);
        else channels.push(channel);
      }
  }
  return { channels, dropped, mended };
}

/** Texts are given on when they have grown to this. */
const piece = 1 << 16;

/**
 * An XMLTV document made from JSON-EPG, or XMLTV as it is. What it was is known at its end.
 * @throws SyntaxError when it is neither, ends early, or is of a later version: then what came before it is not to be used
 */
export async function* readGuide(
  chunks: AsyncIterable<Uint8Array>,
  done: (guide: ReadGuide) => void,
): AsyncGenerator<Uint8Array> {
  const { kind, bytes } = await openPayload(paced(chunks));
  if (kind === "m3u") throw new SyntaxError("expected a guide, got M3U");
  if (kind === "xmltv") {
    yield* bytes;
    done({ dropped: {}, playable: [] });
    return;
  }
  const dropped: Counts = {};
  const mended: Counts = {};
  const playable = new Set<string>();
  let programmes = 0;
  const encoder = new TextEncoder();
  let text = documentHead;
  const told = (counts: Counts) => (reason: string) => count(counts, reason);
  for await (const programme of readProgrammes(bytes, told(dropped), told(mended))) {
    programmes++;
    if (programme.catchupId && /^https?:/i.test(programme.catchupId)) playable.add(programme.channel);
    text += formatProgramme(programme);
    if (text.length < piece) continue;
    yield encoder.encode(text);
    text = "";
  }
  yield encoder.encode(text + documentTail);
  done({ count: programmes, dropped, mended, playable: [...playable].sort() });
}

async function* readProgrammes(
  bytes: AsyncIterable<Uint8Array>,
  drop: (reason: string) => void,
  mended: (reason: string) => void,
): AsyncGenerator<Programme> {
  for await (const cursor of valuesOf(bytes, "epg"))
    for await (const channel of members(cursor)) {
      if ((await cursor.peek()) !== openList) {
        await cursor.skip();
        drop("channel without a list");
        continue;
      }
      for await (const _ of elements(cursor)) {
        const item = await cursor.item();
        const programme = "fault" in item ? item.fault : readProgramme(channel, item.value, mended);
        if (typeof programme === "string") drop(programme);
        else yield programme;
      }
    }
}

const openList = 0x5b;

/** Gives the cursor at the value of one member of the document, which must be taken there; looks at all the rest. */
async function* valuesOf(bytes: AsyncIterable<Uint8Array>, wanted: string): AsyncGenerator<JsonCursor> {
  const cursor = new JsonCursor(bytes);
  let found = false;
  try {
    for await (const name of members(cursor)) {
      if (name === "version") expectVersion(await cursor.value());
      else if (name !== wanted) await cursor.skip();
      else {
        found = true;
        yield cursor;
      }
    }
    if ((await cursor.peek()) !== undefined) await cursor.fail("something follows the document");
  } finally {
    await cursor.close();
  }
  if (!found) throw new SyntaxError(`the document has no ${wanted}`);
}

/** The names of an object's members; the value of each must be taken before the next. */
async function* members(cursor: JsonCursor): AsyncGenerator<string> {
  await cursor.expect("{");
  if (await cursor.take("}")) return;
  for (;;) {
    yield await cursor.name();
    if (await cursor.take("}")) return;
    await cursor.expect(",");
  }
}

/** Stands before each element of a list, which must be taken before the next. */
async function* elements(cursor: JsonCursor): AsyncGenerator<void> {
  await cursor.expect("[");
  if (await cursor.take("]")) return;
  for (;;) {
    yield;
    if (await cursor.take("]")) return;
    await cursor.expect(",");
  }
}

/** None means 1. @throws SyntaxError for a later one */
function expectVersion(version: unknown): void {
  if (version === null || Number(version) <= 1) return;
  const named = Number.isFinite(Number(version)) ? `version ${Number(version)}` : "a version that is no number";
  throw new SyntaxError(`${named} of the format is not known here; 1 is`);
}

function count(counts: Counts, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}
