// Where a request came in: the address at which its sender reaches us, and whom to believe about it.
import { BlockList, isIP } from "node:net";
import type { Peer } from "../runtime/serve.ts";
import { isNearAddress, plainAddress } from "../transport/udp/links.ts";

/** True for what may stand in a Host header and in every document made from it: a name or address, perhaps a port. */
export function isHost(text: string): boolean {
  const match = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253})|\[([0-9A-Fa-f:.]{2,45})\])(?::(\d{1,5}))?$/.exec(text);
  if (!match) return false;
  const [, literal, port] = match;
  return (literal === undefined || isIP(literal) === 6) && (port === undefined || Number(port) <= 65535);
}

/** The path of an absolute address, as it was sent. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = url.indexOf("?", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

/**
 * The host that a request names, port included unless it is the scheme's own. Read from the address, as the path is, so
 * that the two cannot disagree: the runtimes make it of the Host header (where there is none, Deno puts its own).
 */
export function hostOf(url: string): string {
  const start = url.indexOf("://") + 3;
  const end = url.indexOf("/", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

/** Networks in CIDR form, or single addresses. */
export function createNetworks(networks: readonly string[]): { has(peer: Peer): boolean } {
  if (networks.length === 0) return { has: () => false };
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return {
    has({ address }) {
      // A socket that listens on :: sees IPv4 peers as ::ffff:a.b.c.d.
      const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
      const family = isIP(plain);
      return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
    },
  };
}

/** Scheme, host and prefix that a believed proxy says its client used; no slash at the end. */
export function forwardedBase(request: Request): string {
  const first = (name: string) => request.headers.get(name)?.split(",")[0]?.trim() ?? "";
  const proto = first("x-forwarded-proto").toLowerCase();
  const scheme = proto === "https" || proto === "http" ? proto : schemeOf(request);
  const named = first("x-forwarded-host");
  let host = isHost(named) ? named : hostOf(request.url);
  const port = first("x-forwarded-port");
  const usual = scheme === "https" ? "443" : "80";
  // A host that brings its port knows better; a proxy that says the port of another scheme is of no use.
  if (!/:\d+$/.test(host) && port !== usual && isHost(`${host}:${port}`)) host += `:${port}`;
  const prefix = first("x-forwarded-prefix").replace(/\/+$/, "");
  return `${scheme}://${host}${/^(?:\/[\w.~-]+)+$/.test(prefix) ? prefix : ""}`;
}

/** Scheme and host of the request itself. */
export function directBase(request: Request): string {
  return `${schemeOf(request)}://${hostOf(request.url)}`;
}

function schemeOf(request: Request): "http" | "https" {
  return request.url.startsWith("https:") ? "https" : "http";
}

/**
 * True when a page of another site made the browser send this: such a request carries the user's password without the
 * user's will. What is no browser sends neither header and passes.
 */
export function isCrossSite(request: Request, base: string): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = request.headers.get("origin");
  if (origin === null) return false;
  return origin !== directBase(request) && origin !== URL.parse(base)?.origin;
}

/**
 * The address of the client that sent a request: the socket's, or what believed proxies say of it. Undefined where it is
 * hidden: behind a believed proxy that does not say, or one that is not believed.
 */
export function clientOf(request: Request, peer: Peer, proxies: { has(peer: Peer): boolean }): string | undefined {
  const { headers } = request;
  const chain = headers.get("x-forwarded-for");
  if (!proxies.has(peer)) {
    const passedOn = chain !== null || ["forwarded", "via", "x-real-ip"].some((name) => headers.has(name));
    return passedOn ? undefined : plainAddress(peer.address);
  }
  // Each proxy adds at the end whom it heard: the first from there that is none of ours is the client.
  for (const part of (chain ?? "").split(",").reverse()) {
    const address = plainAddress(part.trim().replace(/^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/, "$1$2"));
    if (isIP(address) === 0) return undefined;
    if (!proxies.has({ address })) return address;
  }
  return undefined;
}

/**
 * True when a host can only be one of this network's: a private address, or a name that no DNS server of a stranger answers for.
 * A page of another site can make its own name lead here (DNS rebinding), but not one of these.
 */
export function isNearHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/\.$/, "").toLowerCase();
  const literal = name.replace(/^\[(.*)\]$/, "$1");
  // One of the Internet's is no proof, where a container's network hides who asks.
  if (isIP(literal) !== 0) return isNearAddress(literal);
  return !name.includes(".") || /\.(?:localhost|local|lan|home\.arpa|internal)$/.test(name);
}
