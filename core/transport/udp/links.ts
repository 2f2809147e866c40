// The networks that this machine is on: its interfaces with their addresses, and whose address belongs where.
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** An interface with an address at least. */
export interface Link {
  readonly name: string;
  /** All its addresses, without zones. */
  readonly addresses: readonly string[];
  /** Its first IPv4 address. */
  readonly ipv4?: string;
  /** Its first IPv6 address that is more than link-local, else its link-local one. */
  readonly ipv6?: string;
  /** True for loopback. */
  readonly internal: boolean;
  /** The address of ours that a neighbour on this link reaches; undefined when it is not on this link. */
  addressFor(neighbour: string): string | undefined;
  /** True for an address that all on the link take for theirs. */
  isBroadcast(address: string): boolean;
}

/** Every interface that is up and has an address, in the system's order. */
export function listLinks(): Link[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all = []]) => {
    const known = all.flatMap(({ address, cidr, family, internal }) => {
      const bits = Number(cidr?.split("/")[1] ?? Number.NaN);
      return Number.isInteger(bits)
        ? [createAddress(plainAddress(address), bits, family === "IPv6" ? 6 : 4, internal)]
        : [];
    });
    return known.length === 0 ? [] : [createLink(name, known)];
  });
}

interface LinkAddress {
  readonly address: string;
  readonly family: 4 | 6;
  readonly internal: boolean;
  readonly neighbours: BlockList;
  readonly broadcast?: string;
}

function createAddress(address: string, bits: number, family: 4 | 6, internal: boolean): LinkAddress {
  const neighbours = new BlockList();
  neighbours.addSubnet(address, bits, `ipv${family}`);
  if (family === 6 || bits > 30) return { address, family, internal, neighbours };
  const own = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const last = (own | (0xffffffff >>> bits)) >>> 0;
  const broadcast = [24, 16, 8, 0].map((shift) => (last >>> shift) & 0xff).join(".");
  return { address, family, internal, neighbours, broadcast };
}

function createLink(name: string, addresses: readonly LinkAddress[]): Link {
  const ipv4 = addresses.find((each) => each.family === 4)?.address;
  const all6 = addresses.filter((each) => each.family === 6).map((each) => each.address);
  const ipv6 = all6.find((each) => !/^fe[89ab]/i.test(each)) ?? all6[0];
  return {
    name,
    addresses: addresses.map((each) => each.address),
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    internal: addresses.every((each) => each.internal),
    addressFor(neighbour) {
      const [plain, zone] = neighbour.split("%", 2) as [string, string?];
      const family = isIP(plain);
      if (family === 0 || (zone !== undefined && zone !== name)) return undefined;
      const own = addresses.filter((each) => each.family === family);
      const exact = own.find((each) => each.address === plain) ?? own.find((each) => isIn(each.neighbours, plain));
      return exact?.address;
    },
    isBroadcast: (address) => addresses.some((each) => each.broadcast === address),
  };
}

const near = new BlockList();
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["127.0.0.0", 8],
] as const)
  near.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["fc00::", 7],
  ["fe80::", 10],
  ["::1", 128],
] as const)
  near.addSubnet(network, bits, "ipv6");

/**
 * True for addresses that never come from the Internet: private (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291
 * §2.5.6) and loopback. IPv4 inside IPv6 (`::ffff:10.0.0.1`) counts as IPv4; a zone is passed over.
 */
export function isNearAddress(address: string): boolean {
  return isIn(near, plainAddress(address));
}

/** Without a zone, and IPv4 where it is only written as IPv6. */
export function plainAddress(address: string): string {
  const plain = address.replace(/%.*$/s, "");
  return /^::ffff:([\d.]+)$/i.exec(plain)?.[1] ?? plain;
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, `ipv${family === 6 ? 6 : 4}`);
}

/** Whether a link is among those that are named, by name or address; where none are, all but loopback are. */
export function isWantedLink(link: Link, interfaces: readonly string[] | undefined): boolean {
  if (interfaces === undefined) return !link.internal;
  return interfaces.some((each) => each === link.name || link.addresses.includes(each));
}
