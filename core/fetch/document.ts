// Documents: fetched only when they have changed, kept on disk as they came, the last good copy never lost.
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { artefactOf } from "../cache.ts";
import { HeadendError } from "../errors.ts";
import { formatSize } from "../formats/duration.ts";
import type { DocumentOptions, FetchOptions } from "../plugin.ts";
import { describeUrl } from "../redact.ts";
import type { Artefact, Document } from "../types.ts";
import type { Send } from "./client.ts";
import { openDecompressed } from "./decompress.ts";
import type { DocumentStore, Validators } from "./store.ts";

export interface Documents {
  document(url: string, options: DocumentOptions, signal: AbortSignal): Promise<Document>;
  lastGood(url: string): Promise<Document | undefined>;
}

/** `base` is the folder against which plain paths are resolved. */
export function createDocuments(send: Send, store: DocumentStore, base: string): Documents {
  return {
    async document(url, options, signal) {
      const path = pathOf(url, base);
      if (path === undefined) return fetchDocument(url, options, signal);
      if (options.local) return readLocal(url, path, options);
      throw new HeadendError("fetch.local", { url: describeUrl(url) });
    },
    async lastGood(url) {
      const path = pathOf(url, base);
      if (path === undefined) {
        const stored = await store.find(keyOf(url));
        return stored && documentOf(stored.artefact, stored.digest, false, 0, describeUrl(url));
      }
      // Only a file that the config named was ever noted.
      const digest = await store.noted(keyOf(path));
      const artefact = digest === undefined ? undefined : await artefactOf(path);
      return artefact && documentOf(artefact, localDigest(artefact), false, 0);
    },
  };

  async function fetchDocument(
    url: string,
    { check, ...options }: DocumentOptions,
    signal: AbortSignal,
  ): Promise<Document> {
    const key = keyOf(url);
    const before = await store.find(key);
    const response = await send(url, {
      ...options,
      signal,
      headersFor: (address) => conditionsFor(address, before?.validators),
    });
    const { status } = response;
    if (status === 304 && before?.validators) {
      const artefact = await artefactOf(before.artefact.path);
      if (artefact?.etag === before.artefact.etag)
        return documentOf(artefact, before.digest, false, 0, describeUrl(url));
      // Forgotten while upstream was asked: nothing is left to be unchanged.
      return fetchDocument(url, check ? { ...options, check } : options, signal);
    }
    if (status < 200 || status > 299 || status === 206) {
      await response.body?.cancel();
      throw new HeadendError("fetch.status", { url: describeUrl(url), status });
    }
    let received = 0;
    const body = async function* () {
      for await (const chunk of chunksOf(response)) {
        received += chunk.length;
        yield chunk;
      }
      if (received === 0) throw new HeadendError("fetch.empty", { url: describeUrl(url) });
    };
    const { artefact, digest } = await store.save(
      key,
      body(),
      validatorsOf(response),
      before,
      check &&
        (async (path, digest) =>
          check(documentOf(await presentArtefact(path), digest, true, received, describeUrl(url)))),
    );
    return documentOf(artefact, digest, digest !== before?.digest, received, describeUrl(url));
  }

  async function readLocal(url: string, path: string, options: FetchOptions): Promise<Document> {
    const shown = describeUrl(url);
    const artefact = await artefactOf(path);
    if (!artefact)
      throw new HeadendError("fetch.refused", { url: shown, reason: "there is no such file, or it cannot be read" });
    if (artefact.bytes === 0) throw new HeadendError("fetch.empty", { url: shown });
    const limit = options.maxBytes ?? 2 ** 31;
    if (artefact.bytes > limit) throw new HeadendError("fetch.size", { url: shown, limit: formatSize(limit) });
    const digest = localDigest(artefact);
    const changed = (await store.noted(keyOf(path))) !== digest;
    // A disk that refuses the note costs no more than one needless merge.
    if (changed) await store.note(keyOf(path), digest).catch(() => {});
    return documentOf(artefact, digest, changed, 0);
  }
}

/** The path of an address that is no URL but a file, or undefined. */
function pathOf(url: string, base: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]+:/i.test(url)) return resolve(base, url);
  if (!/^file:/i.test(url)) return undefined;
  try {
    return fileURLToPath(url);
  } catch {
    throw new HeadendError("fetch.refused", {
      url: describeUrl(url),
      reason: "this is not the address of a file here",
    });
  }
}

function keyOf(address: string): string {
  return createHash("sha256").update(address).digest("hex").slice(0, 32);
}

/** A local file is not read to be compared: its size, time and inode stand for its content. */
function localDigest(artefact: Artefact): string {
  return artefact.etag.slice(1, -1);
}

async function presentArtefact(path: string): Promise<Artefact> {
  const artefact = await artefactOf(path);
  if (!artefact) throw new HeadendError("cache.write", { path, reason: "the file in the making is gone" });
  return artefact;
}

/** A document over a file; `name` is what errors call it. */
export function documentOf(
  artefact: Artefact,
  digest: string,
  changed: boolean,
  received: number,
  name = artefact.path,
): Document {
  const open = (signal?: AbortSignal) => openDecompressed(artefact.path, { name, ...(signal && { signal }) });
  return { ...artefact, digest, changed, received, open };
}

function conditionsFor(address: URL, validators: Validators | undefined): Record<string, string> {
  if (validators?.from !== placeOf(address)) return {};
  return {
    ...(validators.etag === undefined ? {} : { "if-none-match": validators.etag }),
    ...(validators.lastModified === undefined ? {} : { "if-modified-since": validators.lastModified }),
  };
}

function validatorsOf(response: Response): Validators {
  const etag = response.headers.get("etag");
  const lastModified = response.headers.get("last-modified");
  const from = placeOf(new URL(response.url));
  return { from, ...(etag === null ? {} : { etag }), ...(lastModified === null ? {} : { lastModified }) };
}

/** The query is left out: signed addresses carry another one every time. */
function placeOf(address: URL): string {
  return keyOf(address.origin + address.pathname);
}

/** `getReader()` is twice as fast as iterating the body on every runtime. */
async function* chunksOf(response: Response): AsyncIterable<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
