// A whole headend in this process with the emulated operator as its only provider.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Assembly, assemble, readWanted, type Setting, wantedOf } from "../../../core/assembly.ts";
import { plugins } from "../../../plugins/index.ts";
import { providers } from "../../../providers/index.ts";

export interface Whole {
  readonly running: Assembly;
  readonly folder: string;
  get(path: string, init?: RequestInit): Promise<Response>;
  text(path: string): Promise<string>;
  /** Refreshes; resolves when channels and guide are there. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** @param keys of the instance `tv`, as lines of YAML */
export async function openWhole(
  keys: string,
  o: { readonly folder?: string; readonly more?: string } = {},
): Promise<Whole> {
  const folder = o.folder ?? (await mkdtemp(join(tmpdir(), "headend-movistar-")));
  await writeFile(join(folder, "headend.yaml"), `instances:\n  tv:\n    ${keys}\n${o.more ?? ""}`);
  const setting: Setting = {
    flags: { data: join(folder, "data"), logLevel: "error", config: join(folder, "headend.yaml") },
    env: {},
    cwd: folder,
    builtins: [...providers, ...plugins],
    worker: new URL("../../../core/guide/worker.ts", import.meta.url),
  };
  const read = await readWanted(setting);
  const running = await assemble(setting, read, { schedule: false });
  await running.supervisor.apply(wantedOf(read));
  const get = async (path: string, init?: RequestInit) =>
    running.server.fetch(new Request(`http://tv.example:8888${path}`, init), { address: "127.0.0.1" });
  return {
    running,
    folder,
    get,
    text: async (path) => (await get(path)).text(),
    async refresh() {
      await running.supervisor.refreshAll();
    },
    async close() {
      await running.close();
      if (o.folder === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Reads until so much has come or it is over; leaves then. */
export async function read(response: Response, bytes: number, limit = 20_000): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const timer = setTimeout(() => void reader?.cancel().catch(() => {}), limit);
  while (reader && length < bytes) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  clearTimeout(timer);
  await reader?.cancel().catch(() => {});
  return new Uint8Array(Buffer.concat(chunks));
}
