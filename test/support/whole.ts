// A whole headend in one process against a real upstream, for the tests of a file.
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "node:test";
import { type Assembly, assemble, readWanted, type Setting, wantedOf } from "../../core/assembly.ts";
import { formatRefresh } from "../../core/report.ts";
import { plugins } from "../../plugins/index.ts";
import { providers } from "../../providers/index.ts";
import { openUpstream, type Upstream } from "./upstream.ts";

export const entry = (name: string, id: string, path: string) =>
  `#EXTINF:-1 tvg-id="${id}" tvg-name="${name}" group-title="Italia",${name}\nhttp://cdn.example/${path}\n`;
export const playlist = `#EXTM3U url-tvg="http://elsewhere.example/epg.xml" refresh="3600"\n${entry("Italia 1", "Italia 1", "i1.ts")}${entry("Rai 1", "Rai 1", "r1.ts")}`;

export const stamp = (hours: number) => {
  const at = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 + hours * 3_600_000);
  return `${at.toISOString().replace(/[-:T]/g, "").slice(0, 14)} +0000`;
};
export const guide = (title: string, ...ids: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<tv>\n${ids.map((id) => `<channel id="${id}"><display-name>${id}</display-name></channel>`).join("\n")}\n${ids
    .map(
      (id) => `<programme start="${stamp(-1)}" stop="${stamp(1)}" channel="${id}"><title>${title}</title></programme>`,
    )
    .join("\n")}\n</tv>\n`;

export const config = (base: string) => `
instances:
  one: { use: m3u, playlist: "${base}/list.m3u", guides: ["${base}/a.xml", "${base}/b.xml"] }
`;

export let folder = "";
export let upstream: Upstream;
export let running: Assembly | undefined;

export async function start(text: string, env: Record<string, string> = {}): Promise<Assembly> {
  if (text) await writeFile(join(folder, "headend.yaml"), text);
  const setting: Setting = {
    flags: { data: join(folder, "data"), logLevel: "error", ...(text ? { config: join(folder, "headend.yaml") } : {}) },
    env,
    cwd: folder,
    builtins: [...providers, ...plugins],
    worker: new URL("../../core/guide/worker.ts", import.meta.url),
  };
  const read = await readWanted(setting);
  running = await assemble(setting, read, { schedule: false });
  await running.supervisor.apply(wantedOf(read));
  return running;
}

export async function stop(): Promise<void> {
  await running?.close();
  running = undefined;
}

export const get = async (path: string, headers: Record<string, string> = {}) =>
  (running as Assembly).server.fetch(new Request(`http://tv.example:8888${path}`, { headers }), {
    address: "127.0.0.1",
  });
export const text = async (path: string, headers?: Record<string, string>) => (await get(path, headers)).text();
export const refresh = () => (running as Assembly).supervisor.refreshAll();
export const table = () => formatRefresh((running as Assembly).supervisor);

/** Every file of the data folder with size, time and inode. */
export async function files(at = join(folder, "data")): Promise<string[]> {
  const found: string[] = [];
  for (const item of await readdir(at, { withFileTypes: true })) {
    const path = join(at, item.name);
    if (item.isDirectory()) found.push(...(await files(path)));
    else {
      const { size, mtimeMs, ino } = await stat(path);
      found.push(`${path} ${size} ${mtimeMs} ${ino}`);
    }
  }
  return found.sort();
}

/** A folder and an upstream for every test; both are gone after it. */
export function useHeadend(): void {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "headend-"));
    upstream = await openUpstream({
      "/list.m3u": playlist,
      "/a.xml": guide("first", "Italia 1.it"),
      "/b.xml": guide("second", "Italia 1.it", "rai1"),
    });
  });

  afterEach(async () => {
    await stop();
    await upstream.close();
    await rm(folder, { recursive: true, force: true });
  });
}
