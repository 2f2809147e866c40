// Answers with a file: conditional, in part, compressed for those who can take it.
import { stat } from "node:fs/promises";
import { HeadendError } from "../errors.ts";
import { nativeBody, openFile } from "../runtime/file.ts";
import type { Artefact } from "../types.ts";
import { acceptsGzip } from "./accept.ts";
import { isFresh, partOf, type Version, wantsPart } from "./conditions.ts";
import { noteFreshness } from "./fresh.ts";
import { inflate } from "./inflate.ts";

/** How a file is answered with. */
export interface ReplyFileOptions {
  /** Media type of the document. */
  readonly type: string;
  /** The file is gzip of the document: sent as it is to those who accept gzip, inflated on the way to others. */
  readonly encoding?: "gzip";
  /** The name under which a browser saves it. */
  readonly filename?: string;
  /** Milliseconds for which it may be used without asking again (default: ask every time). */
  readonly maxAge?: number;
  /**
   * True as long as every request to the same address, whatever its headers, would be answered with this artefact. With
   * it "is it still this?" is answered again without asking the plugin.
   */
  readonly holds?: () => boolean;
}

/**
 * Answers a GET or HEAD with a file. 304 without touching the file; one `Range` where the length is known.
 *
 * @throws HeadendError `not.ready` when the file is not there
 */
export async function replyFile(request: Request, artefact: Artefact, options: ReplyFileOptions): Promise<Response> {
  const inflated = options.encoding === "gzip" && !acceptsGzip(request.headers.get("accept-encoding"));
  // Two encodings are two representations: each has its own tag.
  const etag = inflated ? `${artefact.etag.slice(0, -1)}-identity"` : artefact.etag;
  const version: Version = { etag, modified: artefact.modified };
  const headers: Record<string, string> = {
    etag,
    "cache-control": options.maxAge === undefined ? "no-cache" : `max-age=${Math.floor(options.maxAge / 1000)}`,
  };
  if (options.encoding !== undefined) headers.vary = "Accept-Encoding";
  if (isFresh(request.headers, version)) {
    const { holds } = options;
    if (holds && request.headers.get("if-none-match") === etag) {
      const accept = options.encoding === undefined ? undefined : request.headers.get("accept-encoding");
      noteFreshness(request, { etag, accept, holds });
    }
    return new Response(null, { status: 304, headers });
  }

  headers["last-modified"] = new Date(artefact.modified).toUTCString();
  headers["content-type"] = options.type;
  // Always said: Bun would add the file's name on disk.
  headers["content-disposition"] = dispositionOf(options.filename);
  try {
    if (inflated) {
      const body = request.method === "HEAD" ? await nothingOf(artefact.path) : await inflate(artefact.path);
      return new Response(body, { headers });
    }
    if (options.encoding !== undefined) headers["content-encoding"] = options.encoding;
    headers["accept-ranges"] = "bytes";
    if (wantsPart(request, version)) return await replyPart(request, artefact, headers);
    return await replyWhole(request, artefact.path, headers);
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "ENOENT") throw new HeadendError("not.ready", {}, thrown);
    throw thrown;
  }
}

async function replyWhole(request: Request, path: string, headers: Record<string, string>): Promise<Response> {
  const native = request.method === "HEAD" ? null : nativeBody(path);
  if (native !== undefined) {
    // Also finds out, before the status is sent, that the file is there. Bun corrects the length by what it opens.
    headers["content-length"] = String((await stat(path)).size);
    return new Response(native, { headers });
  }
  const file = await openFile(path);
  headers["content-length"] = String(file.size);
  return new Response(await file.body(0, file.size), { headers });
}

async function replyPart(request: Request, artefact: Artefact, headers: Record<string, string>): Promise<Response> {
  const file = await openFile(artefact.path);
  // Replaced since the artefact was looked at: its tag names another version, whose parts must not be mixed with this one's.
  const replaced = file.size !== artefact.bytes || file.modified >= artefact.modified + 1000;
  const part = replaced ? undefined : partOf(request.headers.get("range") ?? "", file.size);
  if (part === "unsatisfiable") {
    await file.close();
    return new Response(null, { status: 416, headers: { ...headers, "content-range": `bytes */${file.size}` } });
  }
  const { start, end } = part ?? { start: 0, end: file.size };
  if (part && start === 0) {
    // From the start nothing can be mixed, so Bun may cut the part itself: players ask for `bytes=0-` all the time.
    const native = nativeBody(artefact.path);
    if (native !== undefined) {
      await file.close();
      // Bun says by itself that it takes ranges.
      const { "accept-ranges": _, ...others } = headers;
      return new Response(native, { headers: others });
    }
  }
  headers["content-length"] = String(end - start);
  if (part) headers["content-range"] = `bytes ${start}-${end - 1}/${file.size}`;
  return new Response(await file.body(start, end), { status: part ? 206 : 200, headers });
}

/** An empty body, once it is known that the file is there. */
async function nothingOf(path: string): Promise<null> {
  await stat(path);
  return null;
}

function dispositionOf(filename: string | undefined): string {
  if (filename === undefined) return "inline";
  // RFC 6266: a plain name for all, and the whole one for those who know RFC 8187.
  const plain = filename.replace(/[^\w .-]/g, "_");
  const whole = encodeURIComponent(filename).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return plain === filename ? `inline; filename="${plain}"` : `inline; filename="${plain}"; filename*=UTF-8''${whole}`;
}
