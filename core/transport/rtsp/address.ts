// RTSP addresses: what is asked of the server, and what only we need to know.
import type { Credentials } from "../../formats/rtsp.ts";

export type TransportChoice = "auto" | "tcp" | "udp";

/** Which certificate is accepted; empty: any, as cameras sign their own. */
export interface TlsChoice {
  /** It must be valid, and for this host. */
  readonly check?: boolean;
  /** It must be this one: the SHA-256 of the whole, in lower hexadecimal. */
  readonly fingerprint?: string;
}

export interface RtspAddress {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** What stands in requests: without user, password and fragment. */
  readonly url: string;
  readonly credentials?: Credentials;
  /** Of `rtsps:`. */
  readonly tls?: TlsChoice;
  /** What `rtspt:`, `rtspu:` or `#transport=` say. */
  readonly transport: TransportChoice;
}

/**
 * Reads `rtsp://[user[:password]@]host[:port]/path`, or says in words what is wrong. `rtspt:` wants TCP and `rtspu:`
 * wants UDP first, as does `#transport=tcp` or `udp`. `rtsps:` is in TLS, at port 322, where any certificate will do unless
 * `#certificate=check` is said, or its SHA-256 instead of `check`. A password may have `@` in it.
 */
export function parseRtspAddress(text: string): RtspAddress | string {
  const [, mode = "", userinfo, where = "", digits, rest = "", fragment = ""] =
    /^rtsp([tus]?):\/\/(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^:/?#@]*)(?::(\d{0,5}))?([/?][^#]*)?(?:#(.*))?$/is.exec(
      text.trim(),
    ) ?? [];
  if (where === "") return "this is no RTSP address, as rtsp://user:password@host:554/path is";
  const secure = mode.toLowerCase() === "s";
  const port = digits ? Number(digits) : secure ? 322 : 554;
  if (port < 1 || port > 65_535) return "its port is not one from 1 to 65535";
  const named = /(?:^|&)transport=(tcp|udp)/i.exec(fragment)?.[1]?.toLowerCase();
  const transport =
    mode !== "" && !secure
      ? mode.toLowerCase() === "t"
        ? "tcp"
        : "udp"
      : named === "tcp" || named === "udp"
        ? named
        : "auto";
  const certificate = /(?:^|&)certificate=([^&]*)/i.exec(fragment)?.[1]?.replace(/:|%3a/gi, "").toLowerCase();
  if (certificate !== undefined && certificate !== "check" && !/^[0-9a-f]{64}$/.test(certificate))
    return "its #certificate= is neither `check` nor a SHA-256 in hexadecimal";
  const tls = certificate === undefined ? {} : certificate === "check" ? { check: true } : { fingerprint: certificate };
  const path = rest.replace(/[\s\p{Cc}]/gu, (sign) => encodeURIComponent(sign));
  const url = `rtsp${secure ? "s" : ""}://${where}${digits ? `:${port}` : ""}${path}`;
  const colon = userinfo?.indexOf(":") ?? -1;
  return {
    host: where.replace(/^\[(.*)\]$/s, "$1"),
    port,
    url,
    transport,
    ...(secure ? { tls } : {}),
    ...(userinfo
      ? {
          credentials: {
            user: decode(colon < 0 ? userinfo : userinfo.slice(0, colon)),
            password: colon < 0 ? "" : decode(userinfo.slice(colon + 1)),
          },
        }
      : {}),
  };
}

/**
 * Where a track is controlled (RFC 2326 §C.1.1): an absolute address, or one that follows the base as servers mean it,
 * which is behind a slash and after any query.
 */
export function resolveControl(base: string, control: string | undefined): string {
  if (control === undefined || control === "" || control === "*") return base;
  if (/^rtsp[a-z]?:\/\//i.test(control)) return control;
  return control.startsWith("/") || base.endsWith("/")
    ? base.replace(/\/$/, "") + ensureSlash(control)
    : `${base}/${control}`;
}

function ensureSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** Percent signs that encode nothing are meant as they stand. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
