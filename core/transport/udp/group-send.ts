// Sends datagrams to a group through one network interface.
import { DgramAsPromised } from "dgram-as-promised";
import { isMulticast } from "./address.ts";

export interface GroupSendOptions {
  readonly group: string;
  readonly port: number;
  /** The IPv4 address of ours whose interface they go through. */
  readonly from: string;
  /** Routers that they may pass, and one more. */
  readonly ttl: number;
}

/** Sends them in order. @throws when the interface is gone, or nothing can be sent through it */
export async function sendToGroup(options: GroupSendOptions, datagrams: readonly Uint8Array[]): Promise<void> {
  const { group, port, from, ttl } = options;
  if (!isMulticast(group)) throw new RangeError(`${group} is no group`);
  const promised = DgramAsPromised.createSocket("udp4");
  try {
    await promised.bind({ port: 0, address: from });
    promised.setMulticastInterface(from);
    promised.setMulticastTTL(ttl);
    for (const datagram of datagrams) await promised.send(datagram, port, group);
  } finally {
    await promised.close().catch(() => {});
  }
}
