// Attribute lists of HLS tags (RFC 8216 §4.2).

/** A value and where it stands in the list, quotes included. */
export interface Attribute {
  readonly name: string;
  /** Without its quotes. */
  readonly value: string;
  readonly quoted: boolean;
  readonly from: number;
  readonly to: number;
}

/** No tag has more; what comes after is not read. */
const most = 128;
const COMMA = 44;
const QUOTE = 34;

/** The attributes in order. Spaces around names and values are forgiven; a quote that is not closed ends with the list. */
export function scanAttributes(list: string): Attribute[] {
  const found: Attribute[] = [];
  let at = 0;
  while (at < list.length && found.length < most) {
    const equals = list.indexOf("=", at);
    if (equals < 0) break;
    // What has no value is skipped.
    const name = list
      .slice(list.lastIndexOf(",", equals) >= at ? list.lastIndexOf(",", equals) + 1 : at, equals)
      .trim();
    let from = equals + 1;
    while (list.charCodeAt(from) === 32) from++;
    const quoted = list.charCodeAt(from) === QUOTE;
    let to: number;
    if (quoted) {
      const close = list.indexOf('"', from + 1);
      to = close < 0 ? list.length : close + 1;
      found.push({ name, value: list.slice(from + 1, close < 0 ? to : close), quoted, from, to });
    } else {
      const comma = list.indexOf(",", from);
      to = comma < 0 ? list.length : comma;
      found.push({ name, value: list.slice(from, to).trim(), quoted, from, to });
    }
    at = to;
    while (at < list.length && list.charCodeAt(at) !== COMMA) at++;
    at++;
  }
  return found;
}

/** Attributes by name; of two of one name the first counts. */
export type Attributes = ReadonlyMap<string, string>;

export function readAttributes(list: string): Attributes {
  const byName = new Map<string, string>();
  for (const { name, value } of scanAttributes(list)) if (!byName.has(name)) byName.set(name, value);
  return byName;
}

/** A list without the attributes of these names; `""` when none is left. */
export function dropAttributes(list: string, dropped: (name: string) => boolean): string {
  const all = scanAttributes(list);
  if (!all.some(({ name }) => dropped(name))) return list;
  return all
    .filter(({ name }) => !dropped(name))
    .map(({ name, from, to }) => `${name}=${list.slice(from, to).trim()}`)
    .join(",");
}

/** `NAME=value,…` of those that have a value; texts are quoted, `bare` ones are not. */
export function formatAttributes(values: readonly (readonly [name: string, value: Written | undefined])[]): string {
  const written = values.filter((pair): pair is [string, Written] => pair[1] !== undefined);
  return written.map(([name, value]) => `${name}=${typeof value === "string" ? quote(value) : value.bare}`).join(",");
}

/** A text, or an enumerated or numeric value that takes no quotes. */
export type Written = string | { readonly bare: string };

export function bare(value: string | number | undefined): { readonly bare: string } | undefined {
  return value === undefined ? undefined : { bare: String(value) };
}

/** A quoted string can hold neither quote nor line end (§4.2). */
function quote(text: string): string {
  return `"${text.replace(/["\r\n]/g, "")}"`;
}
