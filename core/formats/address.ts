// Addresses of documents as people write them: what is wrong with one, in words.

/**
 * Why a text is no address of a document, or undefined when it may be one: an `http:`, `https:` or `file:` URL, or a path.
 *
 * @example
 * findAddressFault("htp://example.org/list.m3u"); // "htp: is nothing to fetch from; http:, https: and file: are"
 */
export function findAddressFault(text: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    if (!["http", "https", "file"].includes(scheme))
      return `${scheme}: is nothing to fetch from; http:, https: and file: are`;
    return URL.canParse(text) ? undefined : "this is not an address; a password in it must be percent-encoded";
  }
  if (text.startsWith("~/")) return "~ means nothing here; write the whole path";
  if (/^(www\.[^/]+\/|\d{1,3}(\.\d{1,3}){3}[:/]|[\w.-]+:\d+\/)/i.test(text))
    return `http:// is missing before ${text.split("/", 1)[0]}`;
  return undefined;
}
