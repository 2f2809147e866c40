// A socket at a port that other programs may have, too, joined to its groups on the networks that it is told of.
import { DgramAsPromised, type SocketAsPromised } from "dgram-as-promised";
import { reasonOf } from "../../reason.ts";
import type { Link } from "./links.ts";

export interface ReceiverOptions {
  readonly family: 4 | 6;
  readonly port: number;
  /** Of that family. */
  readonly groups: readonly string[];
  readonly onDatagram: (bytes: Uint8Array, from: Sender) => void;
}

/** An IPv6 address may have a zone (`fe80::1%eth0`); Deno 2 gives none. */
export interface Sender {
  readonly address: string;
  readonly port: number;
}

export interface Receiver {
  /** Why nothing, or not everything, can come; for people. */
  readonly fault: string | undefined;
  /** Opens the port if it is not open, joins the groups on these links and leaves them on others; gives the new ones. */
  follow(links: readonly Link[]): Promise<readonly Link[]>;
  /** Sends from the port; what cannot be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array, to: Sender): void;
  close(): Promise<void>;
}

export function createReceiver({ family, port, groups, onDatagram }: ReceiverOptions): Receiver {
  /** The links that are joined by their keys, with what they were joined by. */
  const joined = new Map<string, string>();
  const faults = new Map<string, string>();
  let opened: SocketAsPromised | undefined;
  let closedFor: string | undefined = "it is not open yet";

  const shut = async (promised: SocketAsPromised, reason: string) => {
    if (opened === promised) opened = undefined;
    closedFor = reason;
    joined.clear();
    faults.clear();
    await promised.close().catch(() => {});
  };
  const open = async () => {
    const promised = DgramAsPromised.createSocket({
      type: `udp${family}`,
      reuseAddr: true,
      ...(family === 6 ? { ipv6Only: true } : {}),
    });
    try {
      await promised.bind({ port, address: family === 6 ? "::" : "0.0.0.0" });
    } catch (error) {
      await shut(promised, describe(port, error));
      return;
    }
    promised.socket.on("message", (bytes, from) => onDatagram(bytes, from));
    // What could not be delivered is told as an error, too, and harms nothing; a socket that is broken says so again.
    promised.socket.on("error", (error) => {
      if (!/ECONNREFUSED|UNREACH|EPERM/.test(String(error))) void shut(promised, describe(port, error));
    });
    opened = promised;
    closedFor = undefined;
  };
  /** True when it was not joined before. */
  const join = (promised: SocketAsPromised, key: string, group: string, face: string): boolean => {
    try {
      promised.addMembership(group, face);
      faults.delete(key);
      joined.set(key, face);
      return true;
    } catch (error) {
      // Of a group that is joined the system says that it is in use; Deno says the same of everything that fails.
      if (joined.has(key)) return false;
      if (isInUse(error)) joined.set(key, face);
      else
        faults.set(
          key,
          `the group ${group} could not be joined by ${face}: ${reasonOf(error)}; with very many networks, ` +
            "net.ipv4.igmp_max_memberships (sysctl) must be raised, or those named that matter",
        );
      return false;
    }
  };

  return {
    get fault() {
      return closedFor ?? [...faults.values()][0];
    },
    async follow(links) {
      if (!opened) await open();
      const promised = opened;
      if (!promised) return [];
      const fresh = new Set<Link>();
      const wanted = new Set<string>();
      for (const link of links) {
        const face = family === 4 ? link.ipv4 : link.ipv6 && `::%${link.name}`;
        if (face === undefined) continue;
        for (const group of groups) {
          const key = `${group} ${link.name} ${face}`;
          wanted.add(key);
          // Asked at every look: an interface that went and came back meanwhile is another.
          if (join(promised, key, group, face)) fresh.add(link);
        }
      }
      for (const key of faults.keys()) if (!wanted.has(key)) faults.delete(key);
      for (const [key, face] of joined) {
        if (wanted.has(key)) continue;
        joined.delete(key);
        try {
          promised.dropMembership(key.split(" ", 1)[0] ?? "", face);
        } catch {
          // It went with its interface.
        }
      }
      return [...fresh];
    },
    send(bytes, to) {
      try {
        opened?.socket.send(bytes, to.port, to.address, () => {});
      } catch {
        // No port or address that could be sent to.
      }
    },
    async close() {
      if (opened) await shut(opened, "it is closed");
    },
  };
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function describe(port: number, error: unknown): string {
  if (isInUse(error)) return `UDP port ${port} is in use by another program that does not share it`;
  return `UDP port ${port} could not be opened: ${reasonOf(error)}`;
}
