// What the guide bench reads when it is given nothing: a guide like real ones, lists of ids, and a config for `refresh`.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createWriteStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import { createRandom } from "../core/formats/xmltv/documents.ts";
import { stamp } from "../core/guide/rig.ts";

const channels = 3000;
const ids = Array.from(
  { length: channels },
  (_, i) => `Channel ${(i * 7919) % channels}.${["uk", "it", "de", "fr"][i % 4]}`,
);

/** A guide in runs of one channel, about 450 bytes a programme, some of it CDATA and references. Returns its path. */
export async function writeGuide(path: string, megabytes: number, level: number): Promise<string> {
  const random = createRandom(1);
  const syllables = "ba ko ri ten sta mé lu ver an po ći ra".split(" ");
  const words = Array.from({ length: 4000 }, () =>
    Array.from({ length: 1 + random(4) }, () => syllables[random(12)]).join(""),
  );
  const text = (count: number) =>
    Array.from({ length: count }, () => words[Math.floor((random(64) * random(64) * words.length) / 4096)]).join(" ");
  const gzip = createGzip({ level, chunkSize: 1 << 18 });
  const file = gzip.pipe(createWriteStream(path));
  const put = async (part: string) => {
    if (!gzip.write(part)) await once(gzip, "drain");
  };
  await put('<?xml version="1.0" encoding="UTF-8"?>\n<tv>\n');
  for (const id of ids)
    await put(`  <channel id="${id}">\n    <display-name lang="en">${text(2)}</display-name>\n  </channel>\n`);
  const each = (megabytes * 1e6) / channels;
  for (const id of ids) {
    let part = "";
    for (let at = Date.UTC(2025, 0, 1), size = 0; size < each; ) {
      const stop = at + (15 + 5 * random(18)) * 60_000;
      const desc =
        random(100) === 0
          ? `<![CDATA[${text(18)} </programme> <b>x</b>]]>`
          : `${text(6 + random(28))} &amp; ${text(3)}.`;
      const programme = `  <programme start="${stamp(at)}" stop="${stamp(stop)}" channel="${id}">\n    <title lang="en">${text(1 + random(4))}</title>\n    <desc lang="en">${desc}</desc>\n    <category lang="en">${text(1)}</category>\n    <episode-num system="xmltv_ns">${random(12)}.${random(24)}.</episode-num>\n  </programme>\n`;
      size += Buffer.byteLength(programme);
      part += programme;
      at = stop;
    }
    await put(part);
  }
  await put("</tv>\n");
  gzip.end();
  await once(file, "close");
  return path;
}

/** Lists of a tenth and of all ids, a line each, in lower case so that they must be normalised. */
export function writeIds(folder: string): { few: string; all: string } {
  const put = (name: string, list: string[]) => {
    writeFileSync(join(folder, name), list.map((id) => id.toLowerCase()).join("\n"));
    return join(folder, name);
  };
  return {
    few: put(
      "few.txt",
      ids.filter((_, i) => i % 10 === 0),
    ),
    all: put("all.txt", ids),
  };
}

/** A config for the `refresh` command: a playlist with these ids, and the guide. Returns its path. */
export function writeConfig(folder: string, list: readonly string[], guide: string): string {
  const entries = list.map((id, i) => `#EXTINF:-1 tvg-id="${id}",${id}\nhttp://cdn.example/${i}\n`);
  writeFileSync(join(folder, "list.m3u"), `#EXTM3U\n${entries.join("")}`);
  const path = join(folder, "headend.yaml");
  const keys = [
    "guide: { match: normalised, days: all, history: all, compression: 1 }",
    "instances:",
    `  one: { use: m3u, playlist: ./list.m3u, guides: [${JSON.stringify(guide)}] }`,
  ];
  writeFileSync(path, `${keys.join("\n")}\n`);
  return path;
}
