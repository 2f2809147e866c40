// Where documents lie: one file each, a JSON sidecar that says what it is, and a stand-in folder when the disk refuses.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { artefactOf, removeLeftovers, replaceFile } from "../cache.ts";
import { HeadendError } from "../errors.ts";
import type { Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { isPartial, openReplacement, type Replacement } from "../replacement.ts";
import { findStandIn, makeStandIn } from "../stand-in.ts";
import type { Artefact } from "../types.ts";

/** What upstream calls a content, to ask "is it still this?" (RFC 9110 §8.8, §13.1). */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
  /** The address, without its query, that gave them: another resource may use the same tags for other contents. */
  readonly from: string;
}

export interface Stored {
  readonly artefact: Artefact;
  readonly digest: string;
  readonly validators?: Validators;
}

interface Sidecar {
  /** Entity tag of the file that this describes. With any other file beside it, the sidecar says nothing. */
  readonly file: string;
  readonly digest: string;
  readonly validators?: Validators;
}

export interface DocumentStore {
  find(key: string): Promise<Stored | undefined>;
  /**
   * Reads a body to its end and keeps it; the file stays untouched when the bytes are those of `before`, or when
   * `check` throws for the new copy at `path`.
   */
  save(
    key: string,
    body: AsyncIterable<Uint8Array>,
    validators: Validators,
    before?: Stored,
    check?: (path: string, digest: string) => Promise<void>,
  ): Promise<Stored>;
  /** The digest that was noted last for something that lies elsewhere. */
  noted(key: string): Promise<string | undefined>;
  note(key: string, digest: string): Promise<void>;
  /** Forgets everything; a download in progress still ends well. */
  clean(): Promise<void>;
}

export function createDocumentStore(primary: string, log: Logger): DocumentStore {
  let swept: Promise<void> | undefined;
  let refused = false;

  const sweep = async () => {
    const folder = await findStandIn(primary);
    if (folder) await removeLeftovers(folder);
  };
  const standIn = async () => {
    // Once, before anything is written there: what is unfinished is then a killed run's and never our own.
    swept ??= sweep();
    await swept;
    return findStandIn(primary);
  };
  const moveAside = async (error: unknown) => {
    const folder = await makeStandIn(primary);
    if (!refused) log.warn(`${reasonOf(error)}; new documents go to ${folder} until it can`);
    refused = true;
    return folder;
  };
  const comeHome = async (key: string) => {
    refused = false;
    const aside = await standIn();
    for (const name of [key, `${key}.json`]) if (aside) await rm(join(aside, name), { force: true }).catch(() => {});
  };

  /** The stand-in is asked first: what it holds is newer, or else `comeHome()` would have removed it. */
  const places = async () => [await standIn(), primary].filter((folder) => folder !== undefined);

  const describeFile = async (folder: string, key: string): Promise<Stored | undefined> => {
    const artefact = await artefactOf(join(folder, key));
    if (!artefact) return undefined;
    const sidecar = await readSidecar(join(folder, `${key}.json`));
    // Killed between the two renames: the file is whole, but what upstream calls it is not known.
    if (sidecar?.file !== artefact.etag) return { artefact, digest: await digestOf(artefact.path) };
    return { artefact, digest: sidecar.digest, ...(sidecar.validators ? { validators: sidecar.validators } : {}) };
  };

  const writeSidecar = async (folder: string, key: string, sidecar: Sidecar) => {
    await replaceFile(join(folder, `${key}.json`), JSON.stringify(sidecar));
  };

  return {
    async find(key) {
      for (const folder of await places()) {
        const stored = await describeFile(folder, key);
        if (stored) return stored;
      }
      return undefined;
    },

    async save(key, body, validators, before, check) {
      const hash = createHash("sha256");
      let folder = primary;
      let file: Replacement | undefined;
      const step = async <T>(work: (file: Replacement) => Promise<T>): Promise<T> => {
        try {
          file ??= await openReplacement(join(folder, key));
          return await work(file);
        } catch (error) {
          if (folder !== primary || !(error instanceof HeadendError) || error.code !== "cache.write") throw error;
          folder = await moveAside(error);
          file = file ? await file.moveTo(join(folder, key)) : await openReplacement(join(folder, key));
          return work(file);
        }
      };
      try {
        for await (const chunk of body) {
          hash.update(chunk);
          await step((file) => file.write(chunk));
        }
        const digest = hash.digest("hex");
        if (check && digest !== before?.digest) await step((file) => check(file.partial, digest));
        let artefact = before?.artefact;
        if (!artefact || before?.digest !== digest || artefact.path !== join(folder, key)) {
          artefact = await step((file) => file.commit());
        }
        const stored = { artefact, digest, validators };
        // Without its sidecar a document is still good; it is then fetched whole the next time.
        await writeSidecar(folder, key, { file: artefact.etag, digest, validators }).catch(() => {});
        if (folder === primary) await comeHome(key);
        return stored;
      } finally {
        await file?.discard();
      }
    },

    async noted(key) {
      for (const folder of await places()) {
        const sidecar = await readSidecar(join(folder, `${key}.json`));
        if (sidecar) return sidecar.digest;
      }
      return undefined;
    },

    async note(key, digest) {
      try {
        await writeSidecar(primary, key, { file: "", digest });
        await comeHome(key);
      } catch (error) {
        await writeSidecar(await moveAside(error), key, { file: "", digest });
      }
    },

    async clean() {
      for (const folder of await places()) {
        for (const name of await readdir(folder).catch(() => [])) {
          if (!isPartial(name)) await rm(join(folder, name), { force: true });
        }
      }
    },
  };
}

async function readSidecar(path: string): Promise<Sidecar | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return isSidecar(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSidecar(value: unknown): value is Sidecar {
  if (typeof value !== "object" || value === null) return false;
  const { file, digest, validators } = value as Partial<Record<keyof Sidecar, unknown>>;
  if (typeof file !== "string" || typeof digest !== "string") return false;
  if (validators === undefined) return true;
  if (typeof validators !== "object" || validators === null) return false;
  const { from, etag = "", lastModified = "" } = validators as Partial<Record<keyof Validators, unknown>>;
  return [from, etag, lastModified].every((part) => typeof part === "string");
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) hash.update(chunk);
  return hash.digest("hex");
}
