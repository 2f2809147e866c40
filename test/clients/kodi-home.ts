// A home for Kodi in which everything is set up and nothing is asked.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface KodiHome {
  readonly folder: string;
  /** Where its JSON-RPC listens. */
  readonly port: number;
  /** The add-on that brings channels: `pvr.iptvsimple`, `pvr.hdhomerun`. */
  readonly addon: string;
  /** For `pvr.iptvsimple`. */
  readonly playlist?: string | undefined;
  readonly guide?: string | undefined;
  /** Add-ons of its own, in `.kodi/addons`, that are enabled. */
  readonly addons?: readonly string[] | undefined;
  /** Where its EventServer listens. */
  readonly eventPort?: number | undefined;
}

const inputs = ["inputstream.ffmpegdirect", "inputstream.adaptive", "inputstream.rtmp"];

/** What has no settings asks questions; what it does not know it does not start. */
export async function writeKodiHome(o: KodiHome): Promise<void> {
  const userdata = join(o.folder, ".kodi", "userdata");
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(userdata, path)), { recursive: true });
    await writeFile(join(userdata, path), text);
  };
  const settings = (of: Readonly<Record<string, string | number | boolean>>) =>
    `<settings version="2">${Object.entries(of)
      .map(([id, value]) => `<setting id="${id}">${String(value).replaceAll("&", "&amp;")}</setting>`)
      .join("")}</settings>`;
  await put(
    "advancedsettings.xml",
    `<advancedsettings><jsonrpc><tcpport>${o.port}</tcpport></jsonrpc><splash>false</splash></advancedsettings>`,
  );
  await put(
    "guisettings.xml",
    settings({
      ...{ "general.addonupdates": 2, "general.addonnotifications": false, "services.esenabled": true },
      ...(o.eventPort !== undefined && { "services.esport": o.eventPort }),
      ...{ "services.zeroconf": false, "services.upnp": false, "screensaver.mode": "", "audiooutput.guisoundmode": 0 },
      ...{ "pvrmanager.usebackendchannelnumbers": true, "epg.pastdaystodisplay": 3, "epg.futuredaystodisplay": 3 },
    }),
  );
  await put(
    "addon_data/pvr.iptvsimple/settings.xml",
    settings({
      ...{ m3uPathType: 1, m3uUrl: o.playlist ?? "", m3uCache: false, epgPathType: 1, epgUrl: o.guide ?? "" },
      ...{ epgCache: false, logoFromEpg: 1, catchupEnabled: true, catchupDays: 5, catchupPlayEpgAsLive: false },
    }),
  );
  await put("addon_data/pvr.hdhomerun/settings.xml", settings({ hide_protected: true, hide_duplicate: false }));
  await mkdir(join(userdata, "Database"), { recursive: true });
  // Version 33 is that of Kodi 20.
  const database = new DatabaseSync(join(userdata, "Database", "Addons33.db"));
  database.exec(`
    CREATE TABLE version (idVersion integer, iCompressCount integer);
    INSERT INTO version VALUES (33, 0);
    CREATE TABLE addons (id integer PRIMARY KEY, metadata blob, addonID text NOT NULL, version text NOT NULL,
      name text NOT NULL, summary text NOT NULL, news text NOT NULL, description text NOT NULL);
    CREATE TABLE repo (id integer PRIMARY KEY, addonID text, checksum text, lastcheck text, version text, nextcheck text);
    CREATE TABLE addonlinkrepo (idRepo integer, idAddon integer);
    CREATE TABLE update_rules (id integer PRIMARY KEY, addonID text, updateRule integer);
    CREATE TABLE package (id integer PRIMARY KEY, addonID text, filename text, hash text);
    CREATE TABLE installed (id integer PRIMARY KEY, addonID text UNIQUE, enabled boolean, installDate text,
      lastUpdated text, lastUsed text, origin text NOT NULL DEFAULT '', disabledReason integer NOT NULL DEFAULT 0);
  `);
  const insert = database.prepare(
    "INSERT INTO installed (addonID, enabled, installDate, disabledReason) VALUES (?, ?, ?, ?)",
  );
  for (const name of [...inputs, "pvr.iptvsimple", "pvr.hdhomerun", ...(o.addons ?? [])]) {
    const on = name === o.addon || inputs.includes(name) || o.addons?.includes(name);
    insert.run(name, on ? 1 : 0, "2024-01-01 00:00:00", on ? 0 : 1);
  }
  database.close();
}
