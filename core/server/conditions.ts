// Conditional and partial requests: does the client have it already, and which part does it want (RFC 9110 §13, §14).

/** What identifies a version of a document. */
export interface Version {
  /** Strong entity tag, with its quotes. */
  readonly etag: string;
  /** Milliseconds since the Unix epoch, whole seconds. */
  readonly modified: number;
}

/** True when the client holds this version: `If-None-Match` by weak comparison, else `If-Modified-Since`. */
export function isFresh(headers: Headers, version: Version): boolean {
  const tags = headers.get("if-none-match");
  if (tags !== null) return tags === version.etag || tags.trim() === "*" || tagsOf(tags).includes(version.etag);
  const since = headers.get("if-modified-since");
  return since !== null && version.modified <= instantOf(since);
}

/** The opaque tags of a list, weakness dropped. A comma may stand inside the quotes. */
function tagsOf(list: string): string[] {
  return Array.from(list.matchAll(/(?:W\/)?("[^"]*")/g), (match) => match[1] ?? "");
}

/** An HTTP date as an instant, or NaN, which compares as never. Other forms of date are not taken. */
function instantOf(text: string): number {
  return /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}

/** True when the request asks for a part and, where it names the version that it has the rest of, this is the one. */
export function wantsPart(request: Request, version: Version): boolean {
  if (request.method !== "GET" || !request.headers.has("range")) return false;
  const condition = request.headers.get("if-range");
  // Strong comparison: a weak tag never fits. A date fits only exactly.
  return condition === null || condition === version.etag || instantOf(condition) === version.modified;
}

/** Bytes `[start, end)`. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** One part of `size` bytes; `unsatisfiable` when it lies outside; undefined for several parts or another syntax. */
export function partOf(header: string, size: number): Part | "unsatisfiable" | undefined {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header);
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const count = Math.min(Number(last), size);
    return count === 0 ? "unsatisfiable" : { start: size - count, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
