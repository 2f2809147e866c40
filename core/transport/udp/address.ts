// Addresses of datagram streams, as VLC and ffmpeg write them: `udp://[source@][group]:port`, and `rtp://` alike.
import { isIP } from "node:net";

/** Where datagrams are taken from. */
export interface DatagramAddress {
  /** Address or name; `""`: whatever reaches this machine. IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Only what these senders send; empty: anybody. */
  readonly sources: readonly string[];
  /** Address or name of the network interface. */
  readonly interface?: string;
}

/** Query keys that name the interface: ffmpeg's, then those that other players and relays take. */
const interfaceKeys = ["localaddr", "iface", "miface", "interface"];

/**
 * Reads an address, or says in words what is wrong with it.
 *
 * Before `@` stands the sender of a source-specific group (ffmpeg's `?sources=a,b` is the same); nothing before it means
 * anybody. The interface may be said by ffmpeg's `?localaddr=`, by `?iface=`, or by an IPv6 zone (`%eth0`). Other
 * options of players are about their own buffers, and are passed over.
 *
 * @example parseDatagramAddress("udp://192.0.2.7@232.1.1.1:5000?iface=eth1")
 */
export function parseDatagramAddress(url: string): DatagramAddress | string {
  const [, userinfo, where = "", digits, query = ""] =
    /^[a-z]+:\/\/(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^:/?#@]*)(?::(\d*))?\/?(?:\?([^#]*))?(?:#.*)?$/is.exec(url.trim()) ??
    [];
  if (digits === undefined || Number(digits) < 1 || Number(digits) > 65_535)
    return "a port from 1 to 65535 is missing, as in udp://@239.0.0.1:1234";
  const options = new URLSearchParams(query);
  const [host = "", zone] = bare(where).split(/%(?:25)?/, 2);
  if (where.startsWith("[") && isIP(host) !== 6) return `${where} is no IPv6 address`;
  if (/^[\d.]+$/.test(host) && isIP(host) === 0) return `${host} is no IPv4 address`;
  const named = [userinfo ?? "", ...(options.get("sources") ?? "").split(",")].filter((text) => text !== "");
  const sources: string[] = [];
  for (const text of named) {
    const source = bare(text).replace(/:$/, "");
    if (isIP(source) === 0) return `before the @ stands the sender's address, and nothing else`;
    if (isIP(host) !== 0 && isIP(host) !== isIP(source)) return `${source} cannot send to ${host}`;
    sources.push(canonical(source));
  }
  const face = interfaceKeys.map((key) => options.get(key)).find(Boolean) ?? zone;
  return { host, port: Number(digits), sources, ...(face ? { interface: face } : {}) };
}

/** True for a group of IPv4 (224.0.0.0/4) or IPv6 (ff00::/8). */
export function isMulticast(address: string): boolean {
  return isIP(address) === 4 ? /^2(?:2[4-9]|3\d)\./.test(address) : isIP(address) === 6 && /^ff/i.test(address);
}

/** An address as senders' addresses are compared: without a zone, IPv6 in its shortest form. */
export function canonical(address: string): string {
  const plain = address.replace(/%.*$/, "");
  return isIP(plain) === 6 ? bare(new URL(`http://[${plain}]/`).hostname) : plain;
}

function bare(text: string): string {
  return text.replace(/^\[(.*)\]$/s, "$1");
}
