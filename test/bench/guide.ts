// By hand: bun test/bench/guide.ts [megabytes=224] [runs=5]. Guide merge against its floors, interleaved, medians and ratios.
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGzip } from "node:zlib";
import { createRandom } from "../core/formats/xmltv/documents.ts";
import { stamp } from "../core/guide/rig.ts";

const megabytes = Number(process.argv[2] ?? 224);
const runs = Number(process.argv[3] ?? 5);
const folder = mkdtempSync(join(tmpdir(), "headend-bench-"));
const channels = 3000;
const ids = Array.from(
  { length: channels },
  (_, i) => `Channel ${(i * 7919) % channels}.${["uk", "it", "de", "fr"][i % 4]}`,
);

/** A guide in runs of one channel, about 450 bytes a programme, some of it CDATA and references. */
async function generate(path: string): Promise<number> {
  const random = createRandom(1);
  const words = Array.from({ length: 4000 }, () =>
    Array.from({ length: 1 + random(4) }, () => "ba ko ri ten sta mé lu ver an po ći ra".split(" ")[random(12)]).join(
      "",
    ),
  );
  const text = (count: number) =>
    Array.from({ length: count }, () => words[Math.floor((random(64) * random(64) * words.length) / 4096)]).join(" ");
  const gzip = createGzip({ level: 6, chunkSize: 1 << 18 });
  const file = gzip.pipe(createWriteStream(path));
  let written = 0;
  const put = async (part: string) => {
    written += Buffer.byteLength(part);
    if (!gzip.write(part)) await once(gzip, "drain");
  };
  await put('<?xml version="1.0" encoding="UTF-8"?>\n<tv>\n');
  for (const id of ids)
    await put(`  <channel id="${id}">\n    <display-name lang="en">${text(2)}</display-name>\n  </channel>\n`);
  const each = (megabytes * 1e6) / channels;
  for (const id of ids) {
    let part = "";
    for (let at = Date.UTC(2025, 0, 1); part.length < each; ) {
      const stop = at + (15 + 5 * random(18)) * 60_000;
      const desc =
        random(100) === 0
          ? `<![CDATA[${text(18)} </programme> <b>x</b>]]>`
          : `${text(6 + random(28))} &amp; ${text(3)}.`;
      part += `  <programme start="${stamp(at)}" stop="${stamp(stop)}" channel="${id}">\n    <title lang="en">${text(1 + random(4))}</title>\n    <desc lang="en">${desc}</desc>\n    <category lang="en">${text(1)}</category>\n    <episode-num system="xmltv_ns">${random(12)}.${random(24)}.</episode-num>\n  </programme>\n`;
      at = stop;
    }
    await put(part);
  }
  await put("</tv>\n");
  gzip.end();
  await once(file, "close");
  return written / 1e6;
}

interface Run {
  seconds: number;
  cpu: number;
  rss: number;
  held?: number;
  bytes?: number;
}

async function time(args: string[]): Promise<Run> {
  const started = performance.now();
  const script = new URL("guide-child.ts", import.meta.url).pathname;
  const child = spawn(
    process.execPath,
    ["Deno" in globalThis ? ["run", "-A", "--no-check", script] : [script], args].flat(),
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${args.join(" ")}: exit ${code}`);
  return { ...JSON.parse(output), seconds: (performance.now() - started) / 1000 };
}

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

try {
  const guide = join(folder, "guide.xml.gz");
  const size = await generate(guide);
  process.stdout.write(`${size.toFixed(0)} MB, ${(statSync(guide).size / 1e6).toFixed(1)} MB gzip\n`);
  const few = join(folder, "few.txt");
  const all = join(folder, "all.txt");
  writeFileSync(
    few,
    ids
      .filter((_, i) => i % 10 === 0)
      .map((id) => id.toLowerCase())
      .join("\n"),
  );
  writeFileSync(all, ids.map((id) => id.toLowerCase()).join("\n"));
  const jobs: Record<string, string[]> = {
    "gunzip (floor)": ["floor", guide],
    "merge, 10 % kept, level 1": ["merge", few, "1", guide],
    "merge, 10 % kept, default": ["merge", few, "0", guide],
    "one deflate stream, level 6": ["deflate", guide, "6"],
    "merge, all kept, level 6": ["merge", all, "6", guide],
  };
  const rows = new Map<string, Run[]>(Object.keys(jobs).map((name) => [name, []]));
  for (let run = 0; run <= runs; run++) {
    for (const [name, args] of Object.entries(jobs)) {
      const result = await time(args);
      if (run > 0) rows.get(name)?.push(result);
    }
  }
  const floor = rows.get("gunzip (floor)") ?? [];
  const deflate = rows.get("one deflate stream, level 6") ?? [];
  process.stdout.write("job                           wall s    cpu s  x floor  x deflate  peak MiB  loop ms\n");
  for (const [name, list] of rows) {
    const ratio = (to: Run[]) => median(list.map((run, i) => run.seconds / (to[i]?.seconds ?? Number.NaN))).toFixed(2);
    const peak = Math.max(...list.map((run) => run.rss)).toFixed(0);
    const held = Math.max(...list.map((run) => run.held ?? 0)).toFixed(1);
    const cells = [
      median(list.map((run) => run.seconds)).toFixed(3),
      median(list.map((run) => run.cpu)).toFixed(3),
      ratio(floor),
      ratio(deflate),
      peak,
      held,
    ];
    process.stdout.write(
      `${name.padEnd(28)}${cells.map((cell, i) => cell.padStart([8, 9, 9, 11, 10, 9][i] ?? 0)).join("")}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
