// Links as the admin page shows them: without their passwords; and what is meant by one that comes back from there.

/** What stands for a secret that is not shown. */
export const struck = "***";

/** A part of a link. */
interface Piece {
  readonly text: string;
  /** By which it is found in another version of the link; absent: it is no part of its own. */
  readonly name?: string;
  /** It is not shown. */
  readonly secret?: boolean;
}

const secretName = /pass|pwd|^pw$|token|secret|auth|api-?key|^key$|^sig|signature|session|hash/i;
const placeholder = /\$\{[^}]*\}/g;

/** User and password of the address, and what its query, or a path like a query, calls a secret. */
function piecesOf(link: string): Piece[] {
  const [, scheme = "", all = ""] = /^([a-z][\w+.-]*:\/\/)?(.*)$/is.exec(link) ?? [];
  const authority = all.search(/[/?#]/);
  const host = authority < 0 ? all : all.slice(0, authority);
  // A password may have @ and slashes in it, whether or not they do any good: rather too much is struck than too little.
  const query = host.includes("@") ? all.search(/[?#]/) : -1;
  const path = query < 0 ? all : all.slice(0, query);
  const at = /^[^@]*:(?!\d+$|[^@]*\])/.test(host) ? path.lastIndexOf("@") : host.lastIndexOf("@");
  const userinfo = at < 0 ? undefined : all.slice(0, at);
  const pieces: Piece[] = [{ text: scheme }];
  if (userinfo !== undefined) {
    const colon = userinfo.replace(placeholder, (found) => "x".repeat(found.length)).indexOf(":");
    pieces.push({ text: colon < 0 ? userinfo : userinfo.slice(0, colon), name: "user" });
    if (colon >= 0) pieces.push({ text: ":" }, { text: userinfo.slice(colon + 1), name: "password", secret: true });
  }
  const rest = all.slice(Math.max(at, 0));
  let from = 0;
  for (const match of rest.matchAll(/([?&;/#])([\w.-]+)=((?:\$\{[^}]*\}|[^&;/#?])*)/g)) {
    const [whole, mark = "", name = "", value = ""] = match;
    if (!secretName.test(name)) continue;
    pieces.push({ text: `${rest.slice(from, match.index)}${mark}${name}=` });
    pieces.push({ text: value, name: `=${name.toLowerCase()}`, secret: true });
    from = match.index + whole.length;
  }
  pieces.push({ text: rest.slice(from) });
  return pieces;
}

/** Names of variables and files are no secrets. */
const isPlain = ({ text, secret }: Piece) => !secret || text.replace(placeholder, "") === "";

/**
 * A link as it may be shown.
 *
 * @example showLink("rtsp://admin:hunter2@10.0.0.5/live?token=x") // "rtsp://admin:***@10.0.0.5/live?token=***"
 */
export function showLink(link: string): string {
  return piecesOf(link)
    .map((piece) => (isPlain(piece) ? piece.text : struck))
    .join("");
}

/**
 * The link that is meant: where it has `***`, what the known one has there. Undefined when that has nothing there.
 *
 * @example restoreLink("rtsp://admin:***@10.0.0.6/", "rtsp://admin:hunter2@10.0.0.5/") // "rtsp://admin:hunter2@10.0.0.6/"
 */
export function restoreLink(given: string, known: string | undefined): string | undefined {
  const secrets = new Map(piecesOf(known ?? "").map((piece) => [piece.name, piece.text]));
  const texts = piecesOf(given).map(({ text, name, secret }) => (secret && text === struck ? secrets.get(name) : text));
  return texts.includes(undefined) ? undefined : texts.join("");
}

/** The same with everything that the config fills in: `written` as it stands in the file, `filled` as it is in force. */
export function fillLink(given: string, written: string, filled: string): string | undefined {
  const restored = restoreLink(given, written);
  if (restored === undefined) return undefined;
  if (restored.trim() === written.trim()) return filled;
  const values = new Map(piecesOf(filled).map((piece) => [piece.name, piece.text]));
  const raw = new Map(piecesOf(written).map((piece) => [piece.name, piece.text]));
  return piecesOf(restored)
    .map(({ text, name }) =>
      name && text.includes("${") && text === raw.get(name) ? (values.get(name) ?? text) : text,
    )
    .join("");
}

/**
 * A placeholder that the written value does not have in such a part: from a page nothing of this machine is filled in,
 * and a password does not move to where it is shown.
 */
export function findNewPlaceholder(given: string, written: string | undefined): string | undefined {
  const known = new Map<string | undefined, Set<string>>();
  for (const { text, name } of piecesOf(written ?? ""))
    known.set(name, new Set([...(known.get(name) ?? []), ...(text.match(placeholder) ?? [])]));
  for (const { text, name } of piecesOf(given))
    for (const found of text.match(/\$\{[^}]*\}?/g) ?? []) if (!known.get(name)?.has(found)) return found;
  return undefined;
}
