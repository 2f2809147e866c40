// HTTP request headers of an entry, from the five places where playlists put them.

/** Kodi's options after the `|` that tell its HTTP client something instead of naming a header. */
const kodiOptions = new Set([
  "acceptencoding",
  "active-remote",
  "auth",
  "connection-timeout",
  "customrequest",
  "failonerror",
  "postdata",
  "redirect-limit",
  "seekable",
  "sslcipherlist",
  "verifypeer",
]);

/** Names in attributes and VLC options that mean a request header, in lower case. */
export const headerNames: ReadonlyMap<string, string> = new Map([
  ["user-agent", "User-Agent"],
  ["http-user-agent", "User-Agent"],
  ["referer", "Referer"],
  ["referrer", "Referer"],
  ["http-referer", "Referer"],
  ["http-referrer", "Referer"],
  ["http-origin", "Origin"],
]);

/** An entry has no more headers than this; what comes later is left out. */
const most = 64;

/**
 * Sets one header; the same name in any case is replaced. User-Agent and Referer get their registered spelling, other
 * names keep theirs. What HTTP does not allow as a header (RFC 9110 §5.1, §5.5) sets nothing, nor does an empty value.
 */
export function setHeader(headers: Record<string, string>, name: string, value: string): void {
  const text = unquote(value.trim());
  const spelled = headerNames.get(name.toLowerCase()) ?? name;
  if (!text || !/^[!#$%&'*+.^_`|~\w-]+$/.test(spelled) || !isHeaderText(text)) return;
  const lower = spelled.toLowerCase();
  const known = Object.keys(headers);
  const same = known.find((key) => key.toLowerCase() === lower);
  if (same === undefined && known.length >= most) return;
  headers[same ?? spelled] = text;
}

/** Whether a text may be a header's value: nothing below a space but tabs. */
function isHeaderText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127) return false;
  }
  return true;
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/**
 * Takes the options off an address in Kodi's form: `http://…|User-Agent=…&Referer=…`, percent-encoded or not, quoted or
 * not, separated by `&` or `|`.
 *
 * @returns the address alone, and the text after the `|`; an empty text when the `|` is part of the address
 */
export function splitAddress(address: string): { url: string; options: string } {
  const bar = address.indexOf("|");
  // `pipe:` addresses are command lines and `plugin:` ones are Kodi's own: a `|` there is theirs.
  if (bar <= 0 || /^(pipe|plugin):/i.test(address) || !/^\|\s*[\w-]+=/.test(address.slice(bar, bar + 80))) {
    return { url: address, options: "" };
  }
  return { url: address.slice(0, bar).trim(), options: address.slice(bar + 1).trim() };
}

/** Reads `name=value` pairs after the `|`, or of a `stream_headers` property, into headers. */
export function readPairs(pairs: string, headers: Record<string, string>): void {
  // A separator counts only before another pair, so that an unencoded `&` in a value stays in it.
  for (const pair of pairs.split(/[&|](?=\s*[\w-]+=)/, most)) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).trim();
    if (equals > 0 && !kodiOptions.has(name.toLowerCase()))
      setHeader(headers, name, decodePercent(pair.slice(equals + 1)));
  }
}

function decodePercent(text: string): string {
  if (!text.includes("%")) return text;
  try {
    // An encoder that writes `%20` as `+` has encoded the other signs as well.
    return decodeURIComponent(/%(28|29|2F|3B)/i.test(text) ? text.replaceAll("+", " ") : text);
  } catch {
    return text;
  }
}

/** Reads the JSON object of an `#EXTHTTP:` line. @returns false when it is none */
export function readJson(json: string, headers: Record<string, string>): boolean {
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== "object" || !parsed || Array.isArray(parsed)) return false;
    for (const [name, value] of Object.entries(parsed).slice(0, most)) {
      if (typeof value === "string" || typeof value === "number") setHeader(headers, name, String(value));
    }
    return true;
  } catch {
    return false;
  }
}
