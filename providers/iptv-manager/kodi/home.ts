// The add-ons of a Kodi by its home folder: what their files say, and what its user has set.
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import { type AddOn, type AddOnSettings, settingIds, takePart } from "./add-on.ts";
import { readDisabled } from "./database.ts";

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  parseAttributeValue: false,
});

/** What the parser gives: elements by name, attributes by `@name`, text by `#text`. */
type Node = Readonly<Record<string, unknown>>;

/**
 * Reads `addons/<id>/` and `userdata/addon_data/<id>/`. An add-on that is there counts as enabled unless Kodi's database
 * says that it is not. One whose files cannot be read is none.
 *
 * @param home such as `~/.kodi`
 * @throws Error when the folder has no add-ons, or Kodi is writing its database
 */
export async function readHome(home: string): Promise<AddOn[]> {
  const root = expandHome(home);
  const folders = await readdir(join(root, "addons"), { withFileTypes: true }).catch((error: Error) => {
    throw new Error(`${home} is no home folder of a Kodi: its folder addons cannot be read (${codeOf(error)})`);
  });
  const ids = folders.filter((each) => !each.isFile() && each.name !== "packages").map(({ name }) => name);
  const found = await Promise.all(ids.sort().map((id) => readAddOn(root, id).catch(() => undefined)));
  const disabled = await readDisabled(root);
  return found.filter((each) => each !== undefined).filter(({ id }) => !disabled.has(id));
}

/** A path in which `~/` may stand for the user's own folder. */
export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.name;
}

async function readAddOn(root: string, name: string): Promise<AddOn | undefined> {
  const folder = join(root, "addons", name);
  const described = await readXml(join(folder, "addon.xml"));
  const addon = described?.addon as Node | undefined;
  if (!addon) return undefined;
  const extensions = listOf(addon.extension) as readonly Node[];
  if (!extensions.some((each) => each["@point"] === "xbmc.python.pluginsource")) return undefined;
  const id = String(addon["@id"] ?? name);
  const metadata = extensions.find((each) => each["@point"] === "xbmc.addon.metadata");
  const icon = textOf((metadata?.assets as Node | undefined)?.icon) ?? "icon.png";
  const defaults = await readXml(join(folder, "resources", "settings.xml"));
  const user = await readXml(join(root, "userdata", "addon_data", id, "settings.xml"));
  const settings = { ...readDefaults(defaults), ...readValues(user) };
  const value = (key: keyof AddOnSettings) => settings[settingIds[key]] ?? "";
  const texts = { enabled: value("enabled"), channels: value("channels"), epg: value("epg") };
  return takePart({ id, name: String(addon["@name"] ?? id), folder, icon }, texts);
}

/** What an add-on declares, in the old format (`default="…"`) and the new (`<default>…</default>`). */
function readDefaults(xml: Node | undefined): Record<string, string> {
  return readSettings(xml, (setting) => textOf(setting["@default"]) ?? textOf(setting.default));
}

/** What the user has set, in the old format (`value="…"`) and the new (text). */
function readValues(xml: Node | undefined): Record<string, string> {
  return readSettings(xml, (setting) => textOf(setting["@value"]) ?? textOf(setting["#text"]) ?? "");
}

function readSettings(xml: Node | undefined, read: (setting: Node) => string | undefined): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const setting of findSettings(xml?.settings)) {
    const value = read(setting);
    if (typeof setting["@id"] === "string" && value !== undefined) settings[setting["@id"]] = value.trim();
  }
  return settings;
}

/** Every `setting` below, however deep. */
function findSettings(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(findSettings);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    name === "setting"
      ? listOf(child).map((each) => (typeof each === "object" && each ? (each as Node) : {}))
      : findSettings(child),
  );
}

async function readXml(path: string): Promise<Node | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return parser.parse(text) as Node;
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** Of an element without attributes, or with some. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return undefined;
  const text = (value as Node)["#text"];
  return typeof text === "string" ? text : undefined;
}
