// The guide's folder: one generation of files is in force, named by the manifest that replaces the one before in one step.
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { staged } from "./merge.ts";
import type { MergeReport } from "./types.ts";

/** What says which files are in force. */
export interface Manifest {
  readonly version: 1;
  /** Names the files: a hash of their content. */
  readonly generation: string;
  /** Of everything the merge depended on. */
  readonly fingerprint: string;
  /** When it was made, and when its content last changed: milliseconds since the Unix epoch. */
  readonly merged: number;
  readonly modified: number;
  readonly bytes: number;
  readonly indexBytes: number;
  readonly report: MergeReport;
}

const MANIFEST = "guide.json";
const STAGING = "staging";

export type GuideFile = keyof typeof staged;

export class GuideFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  file(generation: string, name: GuideFile): string {
    return join(this.path, `${generation}.${staged[name]}`);
  }

  /** The style or part of a generation's guide, made on demand. */
  derived(generation: string, key: string): string {
    return join(this.path, `${generation}.${key}.guide.xml.gz`);
  }

  /** The manifest, when it is there and its files are whole. */
  async read(): Promise<Manifest | undefined> {
    try {
      const manifest = JSON.parse(await readFile(join(this.path, MANIFEST), "utf8")) as Manifest;
      if (manifest.version !== 1) return undefined;
      const guide = await stat(this.file(manifest.generation, "guide"));
      const index = await stat(this.file(manifest.generation, "index"));
      return guide.size === manifest.bytes && index.size === manifest.indexBytes ? manifest : undefined;
    } catch {
      return undefined;
    }
  }

  /** An empty folder to merge in; what an earlier merge left there is gone. */
  async stage(): Promise<string> {
    const staging = join(this.path, STAGING);
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    return staging;
  }

  /** Takes the staged files over and puts them in force. */
  async commit(manifest: Omit<Manifest, "indexBytes">): Promise<Manifest> {
    const staging = join(this.path, STAGING);
    for (const name of Object.keys(staged) as GuideFile[]) {
      await rename(join(staging, staged[name]), this.file(manifest.generation, name));
    }
    const { size } = await stat(this.file(manifest.generation, "index"));
    const whole = { ...manifest, indexBytes: size };
    await this.write(whole);
    await rm(staging, { recursive: true, force: true });
    return whole;
  }

  async write(manifest: Manifest): Promise<void> {
    const temporary = join(this.path, `${MANIFEST}.tmp`);
    const file = await open(temporary, "w");
    try {
      await file.writeFile(JSON.stringify(manifest));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.path, MANIFEST));
  }

  /** Removes the files of every generation but these, and whatever a crash left. */
  async tidy(keep: readonly string[]): Promise<void> {
    for (const name of await readdir(this.path)) {
      const mine = name === STAGING || name.endsWith(".tmp") || /^[0-9a-f]{16}\./.test(name);
      if (mine && (name.endsWith(".tmp") || !keep.includes(name.split(".", 1)[0] ?? ""))) {
        await rm(join(this.path, name), { recursive: true, force: true });
      }
    }
  }
}
