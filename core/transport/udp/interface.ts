// The network interfaces of this machine: by the name or address that a user writes.
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** Tells whose interface is meant when a group is joined. */
export interface NetworkInterface {
  readonly name: string;
  /** Its first IPv4 address, if it has one. */
  readonly address?: string;
}

/** The interface of a name or of one of its addresses; else why there is none, in words. */
export function findInterface(wanted: string, family: 4 | 6): NetworkInterface | string {
  const all = Object.entries(networkInterfaces());
  const [name, addresses = []] =
    all.find(([name]) => name === wanted) ??
    all.find(([, list]) => list?.some((each) => each.address === wanted)) ??
    [];
  if (name === undefined) {
    const known = all.map(([each, list]) => `${each} (${list?.[0]?.address ?? "no address"})`).join(", ");
    const what = isIP(wanted) ? `has the address ${wanted}` : `is called ${wanted}`;
    return `no network interface ${what}; there are: ${known || "none"}`;
  }
  const v4 = addresses.filter((each) => each.family === "IPv4").map((each) => each.address);
  const address = v4.includes(wanted) ? wanted : v4[0];
  if (family === 4 && address === undefined) return `the network interface ${name} has no IPv4 address`;
  return { name, ...(address === undefined ? {} : { address }) };
}

/** What node:dgram takes for an interface: an IPv4 address, or an IPv6 zone. */
export function interfaceArgument({ name, address }: NetworkInterface, family: 4 | 6): string | undefined {
  return family === 4 ? address : `::%${name}`;
}
