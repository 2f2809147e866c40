// Which add-ons a Kodi has switched off: that is in its database only.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * The ids of add-ons that are switched off, by the newest `userdata/Database/Addons<version>.db` of a home folder; none
 * where there is no such file, or it is not as known.
 *
 * @throws Error while Kodi is writing it
 */
export async function readDisabled(root: string): Promise<ReadonlySet<string>> {
  const folder = join(root, "userdata", "Database");
  const versions = (await readdir(folder).catch(() => [])).flatMap((name) => /^Addons(\d+)\.db$/.exec(name)?.[1] ?? []);
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined) return new Set();
  try {
    const database = new DatabaseSync(join(folder, `Addons${newest}.db`), { readOnly: true });
    try {
      // Otherwise some runtimes wait for Kodi, and everything else for them.
      database.exec("PRAGMA busy_timeout = 0");
      const rows = database.prepare("SELECT addonID FROM installed WHERE enabled = 0").all();
      return new Set(rows.map(({ addonID }) => String(addonID)));
    } finally {
      database.close();
    }
  } catch (error) {
    if (/locked|busy/i.test(String(error))) throw new Error("its database of add-ons is being written");
    return new Set();
  }
}
