// What the guide bench times, one job a process: `floor FILE`, `deflate FILE LEVEL`, `merge IDS LEVEL FILE…` in a worker
// as the server does it, `alone IDS LEVEL FILE…` in the process itself as `refresh` does it.
import { createReadStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createDeflateRaw, createGunzip } from "node:zlib";

const CHUNK = 256 * 1024;
const [job = "", ...args] = process.argv.slice(2);

async function count(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

const gunzip = (path: string) =>
  createReadStream(path, { highWaterMark: CHUNK }).pipe(createGunzip({ chunkSize: CHUNK }));

async function merge(apart: boolean, [ids = "", level = "0", ...guides]: string[]): Promise<object> {
  // Loaded by this job only: the floor must not carry it.
  const { systemClock } = await import("../../core/clock.ts");
  const { createGuide } = await import("../../core/guide/index.ts");
  const folder = mkdtempSync(join(tmpdir(), "headend-bench-guide-"));
  const quiet = () => {};
  const guide = createGuide({
    folder,
    clock: systemClock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    ...(apart && { worker: new URL("../../core/guide/worker.ts", import.meta.url) }),
    settings: { match: "normalised", repair: [], ...(Number(level) > 0 ? { level: Number(level) } : {}) },
  });
  const names = readFileSync(ids, "utf8").split("\n").filter(Boolean);
  const targets = names.map((id, i) => {
    return {
      id,
      guideId: id,
      names: [id],
      instances: ["m3u"],
      channelIds: [`m3u:${i}`],
      shift: 0,
      name: id,
      number: `${i + 1}`,
    };
  });
  const sources = guides.map((path, i) => ({ name: `${i}`, instance: "m3u", path, digest: `${i}` }));
  // How long the loop is held: a timer of a millisecond that comes late.
  let held = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    held = Math.max(held, now - last);
    last = now;
  }, 1);
  const report = await guide.merge(targets, sources, new AbortController().signal);
  clearInterval(timer);
  const bytes = (await guide.artefact())?.bytes;
  await guide.close();
  rmSync(folder, { recursive: true });
  const { programmes, channels, seconds: inside } = report;
  return { programmes, channels, bytes, inside, ...(apart && { held }) };
}

let result: object = {};
if (job === "floor") result = { bytes: await count(gunzip(args[0] ?? "")) };
else if (job === "deflate") {
  const deflate = createDeflateRaw({ level: Number(args[1]), chunkSize: CHUNK });
  result = { bytes: await count(gunzip(args[0] ?? "").pipe(deflate)) };
} else result = await merge(job === "merge", args);
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
process.stdout.write(JSON.stringify({ ...result, rss: maxRSS / 1024, cpu: (userCPUTime + systemCPUTime) / 1e6 }));
