// The add-on as Kodi installs it: a zip of its files, with the address of this headend in its settings.
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

const id = "plugin.video.headend";
/** In the zip, and here: the executable carries the files beside its code, as the folder does. */
const files = [
  ["addon.xml", "addon.xml"],
  ["addon.py", "addon.py"],
  ["resources/settings.xml", "settings.xml"],
] as const;

const defaultAddress = "http://127.0.0.1:8888/iptv-manager";

/** The zip for who reaches the instance at this address. */
export async function packAddon(address: string): Promise<Uint8Array> {
  const entries = await Promise.all(
    files.map(async ([name, file]) => {
      const text = await readFile(join(import.meta.dirname, file), "utf8");
      return { name: `${id}/${name}`, bytes: Buffer.from(text.replace(defaultAddress, () => escapeText(address))) };
    }),
  );
  return packZip(entries);
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** 1 January 1980, the first date there is: the same files make the same zip. */
const date = 0x21;

/** A zip whose files are stored as they are (APPNOTE 6.3.10 §4.3.7, §4.3.12, §4.3.16). */
function packZip(entries: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const title = Buffer.from(name);
    // What a file's own header and its line in the directory have in common.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(date, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(title.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    parts.push(Buffer.from("PK\x03\x04"), common, title, bytes);
    central.push(Buffer.from("PK\x01\x02\x14\x00"), common, rest, title);
    offset += 4 + common.length + title.length + bytes.length;
  }
  const size = central.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...central, end]);
}
