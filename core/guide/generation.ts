// The guide's folder: one generation of files is in force, named by the manifest that replaces the one before in one step.
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../replacement.ts";
import { staged } from "./staged.ts";
import type { MergeReport, Reserved } from "./types.ts";

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
  /** Targets that a later source has a better claim to. */
  readonly reserved?: Reserved;
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

  /** The manifest; undefined where there is none. @throws when it is there and its files are not whole */
  async read(): Promise<Manifest | undefined> {
    const text = await readFile(join(this.path, MANIFEST), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    const manifest = JSON.parse(text) as Manifest;
    if (manifest.version !== 1) throw new Error("it was written by another version");
    const guide = await stat(this.file(manifest.generation, "guide"));
    const index = await stat(this.file(manifest.generation, "index"));
    if (guide.size !== manifest.bytes || index.size !== manifest.indexBytes) throw new Error("its files are not whole");
    return manifest;
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
    // The names must last before the manifest that relies on them.
    await syncFolder(this.path);
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
    await syncFolder(this.path);
  }

  /** Removes the files of every generation but these; at the start also what a crash left of them. */
  async tidy(keep: readonly string[], starting = false): Promise<void> {
    for (const name of await readdir(this.path)) {
      const partial = name.endsWith(".tmp");
      if (name !== STAGING && !partial && !/^[0-9a-f]{16}\./.test(name)) continue;
      // What is being made of a generation in force is no leftover.
      const kept = keep.includes(name.split(".", 1)[0] ?? "") && !(partial && starting);
      if (!kept) await rm(join(this.path, name), { recursive: true, force: true });
    }
  }
}
