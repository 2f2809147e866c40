// Puts a guide file together from channels and parts: one gzip member, built by copying bytes.
import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { documentHead, documentTail } from "../formats/xmltv/document.ts";
import { combineCrc, deflateEnd, gzipHeader, gzipTrailer } from "./gzip.ts";
import type { Part } from "./parts.ts";

const COPY = 1 << 20;
const TEXT = 1 << 18;
const deflate = promisify(deflateRaw);

export interface Composition {
  /** The file to write. */
  readonly path: string;
  readonly channels: Iterable<string> | AsyncIterable<string>;
  /** The file the parts lie in, and the parts in the order wanted. */
  readonly from: string;
  readonly parts: readonly Part[];
}

export interface Composed {
  readonly bytes: number;
  /** Check sum of the content. */
  readonly crc: number;
  /** Where each part lies in the new file. */
  readonly offsets: readonly number[];
}

/** Writes header, channels, parts and trailer. Synchronising and renaming the file is the caller's. */
export async function composeGuide({ path, channels, from, parts }: Composition): Promise<Composed> {
  const source = await open(from, "r");
  try {
    const target = await open(path, "w");
    try {
      const output = new Output(target);
      await output.write(gzipHeader);
      let text = documentHead;
      for await (const channel of channels) {
        text += channel;
        if (text.length < TEXT) continue;
        await output.deflate(text);
        text = "";
      }
      await output.deflate(text);
      const offsets: number[] = [];
      const buffer = Buffer.allocUnsafeSlow(COPY);
      for (const part of parts) {
        offsets.push(output.bytes);
        for (let left = part.bytes, at = part.offset; left > 0; ) {
          const { bytesRead } = await source.read(buffer, 0, Math.min(left, COPY), at);
          if (bytesRead === 0) throw new Error(`${from} is shorter than its index says`);
          await output.write(buffer.subarray(0, bytesRead));
          left -= bytesRead;
          at += bytesRead;
        }
        output.count(part.crc, part.size);
      }
      await output.deflate(documentTail);
      await output.write(deflateEnd);
      await output.write(gzipTrailer(output.crc, output.size));
      return { bytes: output.bytes, crc: output.crc, offsets };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Waits until a file's bytes are on disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

class Output {
  bytes = 0;
  crc = 0;
  size = 0;
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
    this.bytes += bytes.length;
  }

  async deflate(text: string): Promise<void> {
    const content = Buffer.from(text, "utf8");
    await this.write(await deflate(content, { level: 6, finishFlush: constants.Z_SYNC_FLUSH }));
    this.count(crc32(content), content.length);
  }

  count(crc: number, size: number): void {
    this.crc = combineCrc(this.crc, crc, size);
    this.size += size;
  }
}
