// What a request says it can take: encodings and kinds of document (RFC 9110 §12.4, §12.5).

/** The weight of each member of an Accept-like header, by lower-case name; a missing or broken `q` is 1, as most servers take it. */
function weightsOf(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of header.split(",")) {
    const [name = "", ...parameters] = member.split(";");
    const key = name.trim().toLowerCase();
    if (key === "") continue;
    const quality = parameters.map((text) => /^\s*q\s*=\s*(\d(?:\.\d*)?)\s*$/i.exec(text)?.[1]).find(Boolean);
    weights.set(key, quality === undefined ? 1 : Math.min(Number(quality), 1));
  }
  return weights;
}

/** True when gzip is welcome, and at least as much as no encoding at all. A client that says nothing gets no encoding. */
export function acceptsGzip(header: string | null): boolean {
  if (header === null) return false;
  const weights = weightsOf(header);
  const gzip = weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0;
  return gzip > 0 && gzip >= (weights.get("identity") ?? 0);
}

/** True when a person will read the answer: texts are named and JSON is not. */
export function prefersText(header: string | null): boolean {
  return header !== null && /\btext\//i.test(header) && !/\bjson\b/i.test(header);
}
