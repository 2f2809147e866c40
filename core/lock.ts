// One process per data folder. The kernel gives the lock back when its holder dies, however it dies.
import { access, constants, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HeadendError, reasonOf } from "./errors.ts";
import { diskReason } from "./replacement.ts";

export interface Lock {
  release(): void;
}

/** Held here too: a database that nobody refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Locks a data folder, which it makes when there is none. An exclusive transaction of SQLite is the lock because it
 * is the same file lock on every runtime, and needs no process id that may be somebody else's by now.
 *
 * @throws HeadendError `data.locked` when another process has it, `data.unwritable` when the folder cannot be written
 */
export async function lockFolder(path: string): Promise<Lock> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // SQLite would take a read-only folder without a word.
    await access(path, constants.W_OK);
  } catch (error) {
    throw new HeadendError("data.unwritable", { path, reason: diskReason(error) }, error);
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(path, "lock.db"));
    database.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    const reason = reasonOf(error);
    if (/locked|busy/i.test(reason)) throw new HeadendError("data.locked", { path }, error);
    throw new HeadendError("data.unwritable", { path, reason }, error);
  }
  const lock = database;
  held.add(lock);
  return {
    release() {
      if (held.delete(lock)) lock.close();
    },
  };
}
