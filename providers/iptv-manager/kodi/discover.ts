// Which add-ons of a Kodi take part: asked of itself by JSON-RPC, or read from its home folder.
import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import { sentenceOf } from "../summary.ts";
import { type AddOn, settingIds, takePart } from "./add-on.ts";
import { expandHome, readHome } from "./home.ts";
import type { Json, Rpc } from "./remote.ts";

export interface DiscoverOptions {
  readonly rpc?: Rpc | undefined;
  readonly home?: string | undefined;
  /** Whether the Kodi of `rpc` is on this machine, so that the folders it names are those here. */
  readonly here: boolean;
  readonly signal: AbortSignal;
  /** Told why the better way did not work, where the other did. */
  fellBack(error: unknown): void;
}

/** Labels of one question; Kodi answers hundreds. */
const most = 90;

/** The add-ons by id. @throws why neither way worked */
export async function discoverAddOns(o: DiscoverOptions): Promise<AddOn[]> {
  const { rpc, home, here, signal, fellBack } = o;
  if (!rpc) return await readHome(home ?? "");
  try {
    return await askAddOns(rpc, (id, path) => folderOf(id, here ? path : undefined, home), signal);
  } catch (error) {
    if (home === undefined || signal.aborted) throw error;
    const found = await readHome(home).catch((other) => {
      throw new Error(`${sentenceOf(error)}; and ${sentenceOf(other)}`);
    });
    fellBack(error);
    return found;
  }
}

/** What Kodi says of its add-ons, and of their settings by info labels. */
async function askAddOns(
  rpc: Rpc,
  find: (id: string, path: unknown) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<AddOn[]> {
  const params = { type: "xbmc.python.pluginsource", enabled: true, properties: ["name", "path"] };
  const { addons } = await rpc("Addons.GetAddons", params, signal);
  // Without any, the key is not there.
  const found = (Array.isArray(addons) ? (addons as readonly (Json | null)[]) : []).filter(
    (each): each is Json => typeof each?.addonid === "string" && /^[\w.+-]{1,200}$/.test(each.addonid),
  );
  const labelOf = (id: unknown, setting: string) => `Addon.SettingStr(${String(id)},${setting})`;
  const wanted = found.flatMap(({ addonid }) => Object.values(settingIds).map((each) => labelOf(addonid, each)));
  const labels: Record<string, unknown> = {};
  for (let at = 0; at < wanted.length; at += most)
    Object.assign(labels, await rpc("XBMC.GetInfoLabels", { labels: wanted.slice(at, at + most) }, signal));
  const taking = await Promise.all(
    found.map(async ({ addonid, name, path }) => {
      const id = String(addonid);
      const value = (setting: string) => String(labels[labelOf(id, setting)] ?? "").trim();
      const { enabled, channels, epg } = settingIds;
      const folder = await find(id, path);
      const addOn = { id, name: (typeof name === "string" && name) || id, ...(folder && { folder, icon: "icon.png" }) };
      return takePart(addOn, { enabled: value(enabled), channels: value(channels), epg: value(epg) });
    }),
  );
  return taking.filter((each) => each !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** An add-on's folder on this machine: the one that Kodi names, if it is called like the add-on, or that of the home. */
async function folderOf(id: string, path: unknown, home: string | undefined): Promise<string | undefined> {
  const named = typeof path === "string" && basename(path) === id ? [path] : [];
  const own = home === undefined ? [] : [join(expandHome(home), "addons", id)];
  for (const folder of [...named, ...own])
    if (
      await access(folder).then(
        () => true,
        () => false,
      )
    )
      return folder;
  return undefined;
}
