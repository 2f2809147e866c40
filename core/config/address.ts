// Texts of the config that name hosts, networks and number ranges, as values.
import { isIP } from "node:net";

/** Where the server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[v6]:port`, `:port` or `port`; without a host it is every IPv4 interface. */
export function parseListen(text: string): ListenAddress | undefined {
  const [, v6, host, digits] = /^(?:(?:\[([\da-f:.]+)\]|([^\s:/[\]]*)):)?(\d{1,5})$/i.exec(text.trim()) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535 || (v6 !== undefined && isIP(v6) !== 6)) return undefined;
  return { host: v6 ?? (host || "0.0.0.0"), port };
}

/** Writes an address that `parseListen()` reads: `[::1]:8888`. */
export function formatListen({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** True for an address, or an address and the length of its network: `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = "", length, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128));
}

/** True for the address of a web server and a path: no user, query or fragment. */
export function isPublicUrl(text: string): boolean {
  if (!isWebAddress(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return !username && !password && !search && !hash;
}

/** True for an http or https address. */
export function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^/]/i.test(text) && URL.canParse(text);
}

/** `100-199`, both ends included; or undefined. */
export function parseNumberRange(text: string): { readonly from: number; readonly to: number } | undefined {
  const [, from, to] = /^\s*(\d{1,7})\s*-\s*(\d{1,7})\s*$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  return from !== undefined && range.from > 0 && range.from <= range.to ? range : undefined;
}
