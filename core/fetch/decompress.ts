// Opens a file as its content: gzip, xz and zstd are told by their first bytes, never by a name or a header.
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable, type Transform } from "node:stream";
import { createGunzip, createInflateRaw, createZstdDecompress } from "node:zlib";
import { HeadendError } from "../errors.ts";
import { reasonOf } from "../reason.ts";

export type Compression = "none" | "gzip" | "xz" | "zstd";

export interface DecompressOptions {
  readonly signal?: AbortSignal;
  /** What errors call the file (default: its path). */
  readonly name?: string;
  /** Bytes out per byte in above which the file is refused as a bomb (default 200); counted from the first 64 MiB on. */
  readonly maxRatio?: number;
  /** Chunks are gone once the next is asked for, and their memory with them (default false): no collector need find them. */
  readonly fleeting?: boolean;
}

/** Bytes per read: measured three times as fast as the stream's default of 16 KiB. */
const READ = 512 * 1024;
/** Bytes per chunk. node:zlib fills one on its own thread while the reader works on another, and each exchange costs. */
const CHUNK = 512 * 1024;
/** Chunks made before anybody asks: with one, node:zlib rests while its reader works. */
const AHEAD = 4;
const RATIO_FROM = 64 * 1024 * 1024;
/** Honest guides reach 20:1; deflate itself cannot go beyond 1032:1, so that a higher limit would never be met. */
const RATIO = 200;

/** How a file is compressed, by its first six bytes. */
export function sniffCompression(bytes: Uint8Array): Compression {
  const starts = (...magic: number[]) => magic.every((byte, at) => bytes[at] === byte);
  if (starts(0x1f, 0x8b)) return "gzip";
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return "xz";
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  return "none";
}

/**
 * The content of a file, decompressed as it is read, in chunks of at most 512 KiB.
 *
 * A damaged file gives all that can be had of it and only then throws.
 * @throws HeadendError `fetch.encoding` when the data is damaged, `fetch.ratio` when it is a bomb.
 */
export async function* openDecompressed(path: string, options: DecompressOptions = {}): AsyncIterable<Uint8Array> {
  const { signal, name = path, maxRatio = RATIO, fleeting = false } = options;
  const compression = await sniffFile(path);
  let read = 0;
  let given = 0;
  const source = createReadStream(path, { highWaterMark: READ, ...(signal && { signal }) });
  if (compression === "none") return yield* source as AsyncIterable<Uint8Array>;
  const content = compression === "xz" ? await openXz(source) : pipe(source, decoder(compression));
  source.on("data", (chunk: Uint8Array | string) => {
    read += chunk.length;
  });
  const guard = () => {
    if (given > RATIO_FROM && given > maxRatio * read)
      throw new HeadendError("fetch.ratio", { url: name, limit: maxRatio });
  };
  try {
    for await (const chunk of content) {
      given += chunk.length;
      guard();
      yield chunk;
      if (fleeting && compression !== "xz") release(chunk);
    }
  } catch (thrown) {
    if (signal?.aborted || thrown instanceof HeadendError) throw thrown;
    if (compression === "gzip") {
      for await (const chunk of salvage(path, given)) {
        given += chunk.length;
        guard();
        yield chunk;
      }
    }
    throw new HeadendError(
      "fetch.encoding",
      { url: name, reason: `damaged ${compression} data: ${reasonOf(thrown)}` },
      thrown,
    );
  } finally {
    source.destroy();
  }
}

async function sniffFile(path: string): Promise<Compression> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(6), 0, 6, 0);
    return sniffCompression(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Frees what a decoder filled to the end and so will not touch again; of the rest, the collector takes care. */
function release({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === CHUNK && byteOffset + byteLength === CHUNK)
    buffer.transfer(0);
}

function decoder(compression: "gzip" | "zstd"): Transform {
  const options = { chunkSize: CHUNK, readableHighWaterMark: AHEAD * CHUNK, writableHighWaterMark: READ };
  return compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
}

/** `pipe()` that also hands on the errors of the source. */
function pipe(source: Readable, through: Transform): AsyncIterable<Uint8Array> {
  source.once("error", (error) => through.destroy(error));
  return source.pipe(through);
}

async function openXz(source: Readable): Promise<AsyncIterable<Uint8Array>> {
  // A CommonJS package, whose names only Bun finds from outside.
  const xz: typeof import("xz-decompress") & { default?: typeof import("xz-decompress") } = await import(
    "xz-decompress"
  );
  const { XzReadableStream } = xz.default ?? xz;
  const reader = new XzReadableStream(Readable.toWeb(source) as unknown as ReadableStream<Uint8Array>).getReader();
  return (async function* () {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  })();
}

/**
 * What the first gzip member holds past `from` bytes, decoded without its check sum: node:zlib throws away the output it
 * was filling when it met the error, which is the whole of a small document. Ends quietly where the data ends.
 */
async function* salvage(path: string, from: number): AsyncIterable<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: READ });
  const raw = createInflateRaw({ chunkSize: 4096 });
  (async () => {
    let head: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of source) {
      if (!head) {
        if (!raw.write(chunk)) await new Promise<void>((resume) => raw.once("drain", resume).once("close", resume));
        continue;
      }
      head = Buffer.concat([head, chunk]);
      const start = memberStart(head);
      if (start === undefined) continue;
      raw.write(head.subarray(start));
      head = undefined;
    }
    raw.end();
  })().catch((error) => raw.destroy(error));
  let skip = from;
  try {
    for await (const chunk of raw as AsyncIterable<Uint8Array>) {
      if (chunk.length > skip) yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = Math.max(0, skip - chunk.length);
    }
  } catch {
    // The damage itself: what came before it has been given.
  } finally {
    source.destroy();
    raw.destroy();
  }
}

/** Where the deflate data of a gzip member starts (RFC 1952 §2.3), or undefined while the header is not whole. */
function memberStart(bytes: Buffer): number | undefined {
  if (bytes.length < 12) return undefined;
  const flags = bytes[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + bytes.readUInt16LE(at);
  for (const text of [8, 16]) {
    if (!(flags & text)) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  if (flags & 2) at += 2;
  return at < bytes.length ? at : undefined;
}
