// Files as bodies of answers: by sendfile where the runtime can, else in chunks that are read when they are wanted.
import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";

const chunkBytes = 256 * 1024;

/** One version of a file, held open: a rename over its path does not touch it. */
export interface OpenFile {
  readonly size: number;
  /** Milliseconds since the Unix epoch. */
  readonly modified: number;
  /** Bytes `[start, end)` as a body; closes the file when it is sent or given up. Call once. */
  body(start: number, end: number): Promise<BodyInit>;
  close(): Promise<void>;
}

/**
 * A whole file as a body that Bun opens, measures and sends by itself, a `Range` of it when the request asks for one
 * (with `If-Range` held against the answer's own headers). Undefined on other runtimes.
 */
export function nativeBody(path: string): BodyInit | undefined {
  return typeof Bun === "undefined" ? undefined : Bun.file(path);
}

/** Opens a file. @throws what the system says, such as ENOENT */
export async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path);
  try {
    const { size, mtimeMs } = await handle.stat();
    return {
      size,
      modified: mtimeMs,
      body: (start, end) => fileBody(handle, start, end),
      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** Bytes `[start, end)`: what fits one chunk is read at once, so that Bun sends its length; more is a stream. */
async function fileBody(handle: FileHandle, start: number, end: number): Promise<BodyInit> {
  if (end - start > chunkBytes) return fileStream(handle, start, end);
  try {
    const bytes = new Uint8Array(end - start);
    for (let filled = 0; filled < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) throw new Error("the file ended early");
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

function fileStream(handle: FileHandle, start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let position = start;
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await handle.close();
  };
  // Nothing is read ahead: a reader that stalls holds one open file and no memory.
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end - position));
          const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
          if (bytesRead === 0) throw new Error("the file ended early");
          position += bytesRead;
          if (closed) return;
          controller.enqueue(new Uint8Array(chunk.buffer, 0, bytesRead));
          if (position >= end) {
            await close();
            controller.close();
          }
        } catch (thrown) {
          await close();
          controller.error(thrown);
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}
