// One process per data folder. The kernel gives the lock back when its holder dies, however it dies.
import { statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { HeadendError } from "./errors.ts";
import { reasonOf } from "./reason.ts";
import { diskReason } from "./replacement.ts";
import { findStandIn, makeStandIn } from "./stand-in.ts";

export interface Lock {
  /** Why nothing can be written there, when only its stand-in could be locked. */
  readonly unwritable: HeadendError | undefined;
  release(): void;
}

/** Held here too: a database that nobody refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Locks a data folder, which it makes when there is none. A folder that is there but cannot be written, because the disk
 * is full or read-only, is locked by its stand-in, so that what it holds can still be served. An exclusive transaction
 * of SQLite is the lock because it is the same file lock on every runtime, and needs no process id that may be somebody
 * else's by now.
 *
 * @throws HeadendError `data.locked` when another process has it, `data.unwritable` when it can be neither made nor read
 */
export async function lockFolder(path: string): Promise<Lock> {
  const databases: DatabaseSync[] = [];
  const lock = {
    unwritable: await reasonNotToWrite(path),
    release() {
      for (const database of databases.splice(0)) if (held.delete(database)) database.close();
    },
  };
  const take = (folder: string) => {
    const database = openExclusively(join(folder, "lock.db"), path);
    held.add(database);
    databases.push(database);
  };
  try {
    if (!lock.unwritable) take(path);
  } catch (error) {
    if (!(error instanceof HeadendError) || error.code === "data.locked") throw error;
    lock.unwritable = error;
  }
  try {
    // Also asked for when the folder itself is ours: its disk may have been full when another process began.
    const standIn = lock.unwritable ? await makeStandIn(path) : await findStandIn(path);
    if (standIn !== undefined) take(standIn);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function reasonNotToWrite(path: string): Promise<HeadendError | undefined> {
  const refusal = (error: unknown) => new HeadendError("data.unwritable", { path, reason: diskReason(error) }, error);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refusal(error);
  }
  try {
    // SQLite would take a read-only folder without a word, and access(2) is not asked on every runtime.
    const probe = join(path, `.${process.pid}.headend-partial`);
    await writeFile(probe, "");
    await rm(probe, { force: true });
  } catch (error) {
    // Whether a full disk still lets the lock be taken is for SQLite to find out.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOSPC" && code !== "EDQUOT") return refusal(error);
  }
  return undefined;
}

function openExclusively(file: string, path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY");
    // An empty database would be written to by every transaction, and a full disk refuse that.
    if (statSync(file).size === 0) database.exec("PRAGMA user_version=1");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    const reason = reasonOf(error);
    if (/locked|busy/i.test(reason)) throw new HeadendError("data.locked", { path }, error);
    const plain = /disk is full/i.test(reason) ? "no space is left on the disk" : reason;
    throw new HeadendError("data.unwritable", { path, reason: plain }, error);
  }
}
