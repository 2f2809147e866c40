// Sends a gzip file to those who cannot inflate it themselves, a chunk at a time.
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";

const chunkBytes = 256 * 1024;

/** The content of a gzip file. Inflates what is read and one chunk ahead; a cancel closes the file. @throws ENOENT and the like */
export async function inflate(path: string): Promise<ReadableStream<Uint8Array>> {
  const handle: FileHandle = await open(path);
  const file = handle.createReadStream({ highWaterMark: chunkBytes });
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  file.on("error", (error) => gunzip.destroy(error));
  file.pipe(gunzip);
  const chunks: AsyncIterator<Uint8Array> = gunzip[Symbol.asyncIterator]();
  const close = () => {
    file.destroy();
    gunzip.destroy();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (thrown) {
          close();
          controller.error(thrown);
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}
