// A folder under the system's temporary one that stands in for a folder that cannot be written.
import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { HeadendError } from "./errors.ts";
import { diskReason } from "./replacement.ts";

/** Always the same for the same folder: what a killed run left there is found again and never piles up. */
function placeOf(folder: string): string {
  return join(tmpdir(), `headend-${createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 12)}`);
}

/** The stand-in, if there is one. One that others could have filled is none. */
export async function findStandIn(folder: string): Promise<string | undefined> {
  const path = placeOf(folder);
  return (await isOurs(path).catch(() => false)) ? path : undefined;
}

/** Makes the stand-in when there is none. @throws HeadendError `data.unwritable` */
export async function makeStandIn(folder: string): Promise<string> {
  const path = placeOf(folder);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (!(await isOurs(path))) throw new Error("it belongs to somebody else");
    return path;
  } catch (error) {
    throw new HeadendError("data.unwritable", { path, reason: diskReason(error) }, error);
  }
}

async function isOurs(path: string): Promise<boolean> {
  const stats = await lstat(path);
  const owned = process.getuid === undefined || stats.uid === process.getuid();
  return stats.isDirectory() && owned && (process.getuid === undefined || (stats.mode & 0o077) === 0);
}
