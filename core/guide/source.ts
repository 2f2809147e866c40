// Reads one source file through decompression, decoding and scanning, twice where the first reading learned too late.
import { HeadendError } from "../errors.ts";
import { openDecompressed } from "../fetch/decompress.ts";
import { toUtf8 } from "../formats/xmltv/encoding.ts";
import { expandEntities } from "../formats/xmltv/entities.ts";
import { Scanner } from "../formats/xmltv/scanner.ts";
import { reasonOf } from "../reason.ts";
import { releaseMemory } from "../runtime/memory.ts";
import type { SourceReader } from "./reader.ts";
import type { Spool } from "./spool.ts";
import type { MergeSource, SourceReport } from "./types.ts";
import type { ProgrammeWriter } from "./writer.ts";

/** Bytes read between two collections: what keeps the peak the same for a guide of any size. */
const RELEASE = 64 * 1024 * 1024;

export interface ReadOptions {
  readonly source: MergeSource;
  readonly report: SourceReport;
  readonly reader: SourceReader;
  readonly spool: Spool;
  readonly writer: ProgrammeWriter;
  readonly signal: AbortSignal;
  progress(bytes: number): void;
}

/** Reads the whole source. What is wrong with it is in the report afterwards; only what is wrong here is thrown. */
export async function readSource(options: ReadOptions): Promise<void> {
  const { report, reader } = options;
  await readOnce(options, (bytes) => {
    report.bytes += bytes;
  });
  const missed = reader.missed();
  if (!missed) return;
  reader.again(missed);
  await readOnce(options, () => {});
}

async function readOnce(options: ReadOptions, count: (bytes: number) => void): Promise<void> {
  const { source, report, reader, spool, writer, signal } = options;
  const scanner = new Scanner(reader);
  let failed = true;
  let since = 0;
  // Told apart from the source's own troubles: a full disk is not the source's fault.
  const ours = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new OwnFailure(error);
    }
  };
  try {
    for await (const chunk of expandEntities(toUtf8(openDecompressed(source.path, { signal, fleeting: true })))) {
      count(chunk.length);
      scanner.push(chunk);
      await ours(() => spool.drained());
      options.progress(chunk.length);
      since += chunk.length;
      if (since >= RELEASE) {
        since = 0;
        releaseMemory();
      }
    }
    failed = false;
  } catch (error) {
    if (error instanceof OwnFailure) throw error.cause;
    signal.throwIfAborted();
    report.error = sentence(error, source);
  }
  scanner.finish();
  writer.release();
  await ours(() => spool.drained()).catch((error: OwnFailure) => {
    throw error.cause;
  });
  if (!failed && report.programmes === 0 && report.channels === 0 && !scanner.rooted) {
    const reason = report.bytes === 0 ? "it is empty" : "there is no tv element in it";
    report.error = new HeadendError("guide.not", { source: source.name, reason }).message;
  }
}

class OwnFailure extends Error {
  constructor(cause: unknown) {
    super("the guide's own files failed", { cause });
  }
}

/** The error without the path of our copy, which tells the user nothing. */
function sentence(error: unknown, { name, path }: MergeSource): string {
  return reasonOf(error).replaceAll(path, name);
}
