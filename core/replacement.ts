// A file in the making: written beside its place, forced to disk, then renamed over it.
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeadendError } from "./errors.ts";
import { reasonOf } from "./reason.ts";
import type { Artefact } from "./types.ts";

/** End it with `commit()` or `discard()`. What the disk refuses is thrown as HeadendError `cache.write`. */
export interface Replacement {
  /** Where the bytes are until `commit()`. */
  readonly partial: string;
  /** Adds bytes; when it throws, none of these were added. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** Forces everything to disk and takes the place of the file from before. */
  commit(): Promise<Artefact>;
  /** Harmless after `commit()`; never throws. */
  discard(): Promise<void>;
  /** Goes on at another place with what was added so far; nothing stays at this one. */
  moveTo(path: string): Promise<Replacement>;
}

const suffix = ".headend-partial";

/** True for names of files in the making: after a start they are what a killed run left behind. */
export function isPartial(name: string): boolean {
  return name.startsWith(".") && name.endsWith(suffix);
}

/** A path for a file in the making, in the folder where it will stay. */
export function partialPath(folder: string): string {
  return join(folder, `.${randomBytes(8).toString("hex")}${suffix}`);
}

/** Starts a replacement of `path`; makes its folder, for the owner's eyes only. */
export async function openReplacement(path: string): Promise<Replacement> {
  const folder = dirname(path);
  const partial = partialPath(folder);
  const file = await refusing(path, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return open(partial, "wx+", 0o600);
  });
  let size = 0;
  let closed = false;
  const close = async () => {
    if (!closed) await file.close().catch(() => {});
    closed = true;
  };
  const discard = async () => {
    await close();
    await rm(partial, { force: true }).catch(() => {});
  };

  return {
    partial,
    discard,
    write: (chunk) =>
      refusing(path, async () => {
        const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
        for (let done = 0; done < bytes.length; ) {
          done += (await file.write(bytes, done, bytes.length - done, size + done)).bytesWritten;
        }
        size += bytes.length;
      }),
    async commit() {
      const stats = await refusing(path, async () => {
        // A chunk that was refused halfway must not stay as a tail.
        await file.truncate(size);
        await file.sync();
        const stats = await file.stat({ bigint: true });
        await rename(partial, path);
        return stats;
      });
      await close();
      await syncFolder(folder);
      return { ...artefactFrom(stats), path };
    },
    async moveTo(place) {
      const next = await openReplacement(place);
      try {
        const buffer = Buffer.allocUnsafe(1 << 18);
        for (let done = 0; done < size; ) {
          const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - done), done);
          if (bytesRead === 0)
            throw new HeadendError("cache.write", { path, reason: "a file in the making became shorter" });
          await next.write(buffer.subarray(0, bytesRead));
          done += bytesRead;
        }
      } catch (error) {
        await next.discard();
        throw error;
      } finally {
        await discard();
      }
      return next;
    },
  };
}

/** What is at a path, or undefined when that is no file. */
export async function artefactOf(path: string): Promise<Artefact | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    return stats.isFile() ? { ...artefactFrom(stats), path } : undefined;
  } catch {
    return undefined;
  }
}

/** The inode is in the tag because file times stand still for some milliseconds: two files may share one. */
function artefactFrom(stats: { size: bigint; mtimeNs: bigint; ino: bigint }): Omit<Artefact, "path"> {
  const etag = `"${[stats.size, stats.mtimeNs, stats.ino].map((part) => part.toString(36)).join("-")}"`;
  return { etag, bytes: Number(stats.size), modified: Number(stats.mtimeNs / 1_000_000_000n) * 1000 };
}

async function refusing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new HeadendError("cache.write", { path, reason: diskReason(error) }, error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  ENOTDIR: "a file stands where a folder is needed",
  EEXIST: "a file stands where a folder is needed",
  EISDIR: "a folder stands where the file should be",
  EMFILE: "too many files are open",
  EIO: "the disk has failed",
};

/** Why a disk refused, in plain words. */
export function diskReason(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  return reasons[code] ?? reasonOf(thrown);
}

/** Makes a rename last through a power cut, where the file system lets a folder be forced to disk. */
/** Makes renames in a folder last. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file is whole either way; only which of the two is there after a power cut is left open.
  }
}
