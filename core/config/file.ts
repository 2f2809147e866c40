// The config file on disk: its text, and another in its place without losing what somebody else wrote meanwhile.
import { Buffer } from "node:buffer";
import { access, chmod, chown, constants, type FileHandle, open, readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { systemClock } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import { diskReason, openReplacement } from "../replacement.ts";
import type { Environment } from "./substitute.ts";

const largestConfig = 4 * 2 ** 20;

/** Milliseconds within which an editor that emptied a file has written it. */
export const settling = 100;

/** The text of a config file. @throws TypeError with a reason for what is none; what the system says otherwise */
export async function readText(file: string): Promise<string> {
  const stats = await stat(file);
  if (stats.isDirectory()) throw new TypeError("is a folder; name the file in it");
  expectSize(stats.size);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw error instanceof TypeError ? new TypeError("is not UTF-8 text; save it as UTF-8") : error;
  }
}

/** @throws TypeError for a text of more bytes than a config can have */
export function expectSize(bytes: number): void {
  if (bytes > largestConfig) throw new TypeError("is larger than 4 MiB; this is no config");
}

/** Where a config file is made when there is none: where this user's are looked for, else where we were started. */
export function newConfigFile(env: Environment, cwd: string): string {
  const home = env.XDG_CONFIG_HOME || (env.HOME && join(env.HOME, ".config"));
  return home && isAbsolute(home) ? join(home, "headend/headend.yaml") : join(cwd, "headend.yaml");
}

/**
 * Puts a text in place of another, by rename; a link stays one, and mode and owner stay as far as they may. False, and
 * nothing written, when the file does not say `before` any more (undefined: when there is one).
 *
 * @throws HeadendError `cache.write`
 */
export async function replaceText(file: string, before: string | undefined, text: string): Promise<boolean> {
  const path = await realpath(file).catch(() => file);
  const stats = await stat(path).catch(() => undefined);
  try {
    // A folder that may be written must not be a way around a file that may not.
    if (stats) await access(path, constants.W_OK);
  } catch (error) {
    throw new HeadendError("cache.write", { path: file, reason: diskReason(error) }, error);
  }
  const isSame = async () => (await readText(path).catch(() => undefined)) === before;
  if (!(await isSame())) return false;
  const bytes = new TextEncoder().encode((await hasMark(path)) ? `\uFEFF${text}` : text);
  const replacement = await openReplacement(path).catch((error: unknown) => unlessInPlace(error));
  if (!replacement) return await writeOver(path, bytes);
  const old = stats && (await open(path, "r").catch(() => undefined));
  try {
    await replacement.write(bytes);
    if (stats) {
      // The owner first: with the mode before it, others could read it for a moment.
      await chown(replacement.partial, stats.uid, stats.gid).catch(() =>
        chown(replacement.partial, -1, stats.gid).catch(() => {}),
      );
      await chmod(replacement.partial, stats.mode & 0o7777);
    }
    // What takes long comes before the last look.
    await sync(replacement.partial);
    if (!(await isSame())) return false;
    await replacement.commit();
    // What somebody wrote after the last look went to the file that is not there any more: it comes back.
    const late = old && (await lateText(old));
    if (!late || late === before) return true;
    await replaceText(file, text, late);
    return false;
  } catch (error) {
    unlessInPlace(error);
    return await writeOver(path, bytes);
  } finally {
    await old?.close();
    await replacement.discard();
  }
}

/** What a file that has lost its name says; one that was emptied is given the time to be written. */
async function lateText(file: FileHandle): Promise<string> {
  const read = async () => {
    const bytes = Buffer.alloc((await file.stat()).size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return new TextDecoder().decode(bytes.subarray(0, bytesRead));
  };
  const text = await read();
  if (text !== "") return text;
  await systemClock.sleep(settling);
  return await read();
}

/** A file that is mounted by itself, or stands in a folder that may not be written, can only be written over. */
function unlessInPlace(error: unknown): undefined {
  const cause = error instanceof HeadendError ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (!["EBUSY", "EACCES", "EPERM"].includes(code)) throw error;
}

/** Whether a file begins with a byte order mark, which is no part of its text and stays. */
async function hasMark(path: string): Promise<boolean> {
  const start = await readFile(path).catch(() => new Uint8Array());
  return start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r+");
  await handle.sync().finally(() => handle.close());
}

/** Over the old bytes, and then cut: at no moment is the file empty. What a full disk refuses is put back as it was. */
async function writeOver(path: string, bytes: Uint8Array): Promise<true> {
  try {
    const before = await readFile(path);
    const handle = await open(path, "r+");
    const put = async (all: Uint8Array) => {
      for (let done = 0; done < all.length; )
        done += (await handle.write(all, done, all.length - done, done)).bytesWritten;
      await handle.truncate(all.length);
      await handle.sync();
    };
    try {
      await put(bytes).catch(async (error: unknown) => {
        await put(before);
        throw error;
      });
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    throw new HeadendError("cache.write", { path, reason: diskReason(error) }, error);
  }
}
