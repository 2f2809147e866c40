// What must never be forgotten: every channel ever published, with its id and number, in one SQLite file.
import { DatabaseSync } from "node:sqlite";
import type { Known, Traits } from "./identity.ts";

/** A change to what is remembered. */
export interface Entry extends Traits {
  readonly id: string;
  readonly number: string;
}

export interface Registry {
  /** Everything known of one instance, in the order in which it was first seen, read a page at a time. */
  known(instance: string, pause: () => Promise<void>): Promise<Known[]>;
  /** Calls back with every number ever given and the `<instance>:<id>` that has it. */
  numbers(each: (number: string, id: string) => void, pause: () => Promise<void>): Promise<void>;
  /** Remembers entries in transactions of a few hundred; `pause` is awaited between them. */
  remember(instance: string, entries: readonly Entry[], pause: () => Promise<void>): Promise<void>;
  close(): void;
}

/** Rows a transaction or a page: about a millisecond of work. */
const batch = 250;

export function openRegistry(path: string): Registry {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS channel (
      position INTEGER PRIMARY KEY,
      instance TEXT NOT NULL, id TEXT NOT NULL, number TEXT NOT NULL,
      own TEXT NOT NULL, guide_id TEXT NOT NULL, name TEXT NOT NULL, groups TEXT NOT NULL, address TEXT NOT NULL,
      UNIQUE (instance, id)
    );
    -- Every number ever given, also those that their channel has left.
    CREATE TABLE IF NOT EXISTS number (number TEXT PRIMARY KEY, instance TEXT NOT NULL, id TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS channel_by_position ON channel (instance, position);
    PRAGMA user_version = 1;`);
  const select = database.prepare(
    `SELECT position, id, own, guide_id AS guideId, name, groups, address, number FROM channel
     WHERE instance = ? AND position > ? ORDER BY position LIMIT ${batch}`,
  );
  const numbers = database.prepare(
    `SELECT number, instance, id FROM number WHERE number > ? ORDER BY number LIMIT ${batch}`,
  );
  const give = database.prepare("INSERT OR IGNORE INTO number (number, instance, id) VALUES (?, ?, ?)");
  const upsert = database.prepare(`
    INSERT INTO channel (instance, id, number, own, guide_id, name, groups, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (instance, id) DO UPDATE SET
      number = excluded.number, own = excluded.own, guide_id = excluded.guide_id, name = excluded.name,
      groups = excluded.groups, address = excluded.address`);
  return {
    async known(instance, pause) {
      const all: Known[] = [];
      for (let last = 0; ; await pause()) {
        const page = select.all(instance, last) as unknown as (Known & { position: number })[];
        all.push(...page);
        last = page.at(-1)?.position ?? last;
        if (page.length < batch) return all;
      }
    },
    async numbers(each, pause) {
      for (let last = ""; ; await pause()) {
        const page = numbers.all(last) as { instance: string; id: string; number: string }[];
        for (const row of page) each(row.number, `${row.instance}:${row.id}`);
        last = page.at(-1)?.number ?? last;
        if (page.length < batch) return;
      }
    },
    async remember(instance, entries, pause) {
      for (let from = 0; from < entries.length; from += batch) {
        database.exec("BEGIN");
        try {
          for (const e of entries.slice(from, from + batch)) {
            upsert.run(instance, e.id, e.number, e.own, e.guideId, e.name, e.groups, e.address);
            give.run(e.number, instance, e.id);
          }
          database.exec("COMMIT");
        } catch (error) {
          database.exec("ROLLBACK");
          throw error;
        }
        await pause();
      }
    },
    close: () => database.close(),
  };
}
