// Child of the guide bench: one merge of the given guides for the ids of a file, in a process of its own.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../core/clock.ts";
import { createGuide } from "../../core/guide/index.ts";

const [ids = "", level = "0", ...guides] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "headend-bench-guide-"));
const quiet = () => {};
const guide = createGuide({
  folder,
  clock: systemClock,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  worker: new URL("../../core/guide/worker.ts", import.meta.url),
  settings: { match: "normalised", repair: [], ...(Number(level) > 0 ? { level: Number(level) } : {}) },
});
const targets = readFileSync(ids, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((id, i) => ({ id, guideId: id, names: [id], instances: ["m3u"], channelIds: [`m3u:${i}`], shift: 0, name: id, number: `${i + 1}` }));
const sources = guides.map((path) => ({ name: path, instance: "m3u", path, digest: path }));
let worst = 0;
if (process.env.LOOP) {
  let last = performance.now();
  setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last - 1); last = now; }, 1).unref();
}
const report = await guide.merge(targets, sources, new AbortController().signal);
const artefact = await guide.artefact();
process.stderr.write(`${report.programmes} programmes, ${report.channels} channels, ${artefact?.bytes} bytes, ${report.seconds.toFixed(3)} s, rss ${process.memoryUsage().rss >> 20} ${worst} ${JSON.stringify(report.sources.map(s=>[s.dropped,s.lost,s.error]))}\n`);
await guide.close();
if (process.env.KEEP) process.stderr.write(`${folder}\n`);
else rmSync(folder, { recursive: true });
