// Cameras pasted as lines or CSV: a nickname and a link each, with whatever a spreadsheet puts around them.

/** A line with something on it. */
export interface ImportLine {
  /** From 1. */
  readonly line: number;
  readonly nickname: string;
  readonly url: string;
  /** Why it cannot be taken. */
  readonly fault?: string;
}

/** Lines that are read at most. */
export const mostLines = 1000;

/**
 * Reads `nickname, link`, separated by a comma, a semicolon or a tab, either in quotes or not. Empty lines and such that
 * begin with # are left out, and so is a line of headings before the first camera.
 *
 * @example readLines("door, rtsp://10.0.0.5/") // [{ line: 1, nickname: "door", url: "rtsp://10.0.0.5/" }]
 */
export function readLines(text: string): ImportLine[] {
  const found: ImportLine[] = [];
  let begun = false;
  /** What separates columns, when headings name more than two: then it stands in no link. */
  let column: string | undefined;
  for (const [index, raw] of text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    const row = raw.trim();
    if (row === "" || row.startsWith("#")) continue;
    const line = index + 1;
    const { nickname, url } = readRow(row);
    const heading = !begun && !row.includes("://") && /nick|name|camera|link|url|address/i.test(row);
    begun = true;
    if (heading) {
      const [separator] = /[,;\t]/.exec(row) ?? [];
      if (separator && row.split(separator).length > 2) column = separator;
      continue;
    }
    if (found.length >= mostLines) {
      found.push({ line, nickname, url: "", fault: `more than ${mostLines} lines: import the rest afterwards` });
      return found;
    }
    const fault = faultOf(nickname, url, column);
    found.push({ line, nickname, url, ...(fault === undefined ? {} : { fault }) });
  }
  return found;
}

function faultOf(nickname: string, url: string, column: string | undefined): string | undefined {
  if (nickname === "" && url !== "") return "a nickname goes before the link: nickname, link";
  if (url === "") return "a link is missing: nickname, link";
  if (column && url.includes(column)) return "more than a nickname and a link: leave the other columns out";
  // What follows a link would become part of it.
  if (/\s/.test(url)) return "nothing may follow the link; a space in it is written %20";
  return undefined;
}

function readRow(row: string): { nickname: string; url: string } {
  const [nickname, rest] = readField(row, /[,;\t]/);
  // No nickname, but a link: what follows may be the rest of its password.
  if (nickname.includes("://")) return { nickname: "", url: row.replaceAll('"', "") };
  const [url] = readField(rest, undefined);
  return { nickname, url: url.replace(/[,;\s]+$/, "") };
}

/** A field and what follows its separator. In quotes, two are one (RFC 4180 §2.7); links may hold separators. */
function readField(text: string, separator: RegExp | undefined): [field: string, rest: string] {
  const start = text.trimStart();
  const quoted = /^"((?:[^"]|"")*)"\s*(?:[,;\t]|$)/.exec(start);
  if (quoted) return [(quoted[1] ?? "").replaceAll('""', '"').trim(), start.slice(quoted[0].length)];
  const end = separator ? start.search(separator) : -1;
  return end < 0 ? [start.trim(), ""] : [start.slice(0, end).trim(), start.slice(end + 1)];
}
