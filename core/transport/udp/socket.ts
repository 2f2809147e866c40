// One socket that receives datagrams: bound so that no other stream mixes in, joined to its group, and joined again.
import type { AddressInfo } from "node:net";
import { DgramAsPromised, type SocketAsPromised } from "dgram-as-promised";
import { formatSize } from "../../formats/duration.ts";
import type { Clock, Logger } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import { enlargeReceiveBuffer } from "../../runtime/datagram.ts";
import { canonical, isMulticast } from "./address.ts";
import { findInterface, interfaceArgument, type NetworkInterface } from "./interface.ts";

export interface DatagramSocketOptions {
  /** An IP address: a group, one of this machine's, or `0.0.0.0` or `::`. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Only what these addresses send; empty or absent: anybody. */
  readonly sources?: readonly string[];
  /** Address or name of the network interface for a group; absent: the system chooses. */
  readonly interface?: string;
  /** Size of the kernel's buffer to ask for, in bytes. */
  readonly receiveBytes?: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each datagram, whose memory is the callee's. */
  readonly onDatagram: (bytes: Uint8Array, from: AddressInfo) => void;
  readonly onError: (error: unknown) => void;
}

export interface DatagramSocket {
  readonly port: number;
  send(bytes: Uint8Array, port: number, address: string): Promise<void>;
  /** Resolves when the port is free again. */
  close(): Promise<void>;
}

/** A fault that a user can do something about, in words. */
export class SocketFault extends Error {}

/** 4 MiB: two seconds of the busiest channel, for when the program is taken from its core for a moment. */
const defaultReceiveBytes = 4 * 2 ** 20;
/** Milliseconds between two looks whether anything came; after two without, a group is joined again. */
const watchInterval = 500;

/** Who has been told that the kernel's buffer is small. */
const told = new WeakSet<Logger>();

/** @throws SocketFault */
export async function openDatagramSocket(options: DatagramSocketOptions): Promise<DatagramSocket> {
  const { host, clock, log, onDatagram, onError } = options;
  const family = host.includes(":") ? 6 : 4;
  const sources = options.sources ?? [];
  const group = isMulticast(host) ? createGroup(options, family) : undefined;
  // Programs may share a group, but each would take the other's share of what comes to one address.
  const promised = DgramAsPromised.createSocket({ type: `udp${family}`, reuseAddr: group !== undefined });
  const { socket } = promised;
  const stop = new AbortController();
  let received = 0;
  let closing: Promise<void> | undefined;
  const close = () => {
    stop.abort();
    closing ??= promised.close();
    return closing;
  };

  try {
    await bind(promised, options, group?.bindZone() ?? "");
    group?.join(promised);
  } catch (error) {
    await close().catch(() => {});
    throw error instanceof SocketFault ? error : new SocketFault(reasonOf(error), { cause: error });
  }
  enlarge(promised, options.receiveBytes ?? defaultReceiveBytes, log);
  // The wrapper's own way to receive makes promises and listeners for each datagram.
  const filtered = sources.length > 0;
  socket.on("message", (bytes, from) => {
    if (filtered && !sources.includes(canonical(from.address))) return;
    received++;
    onDatagram(bytes, from);
  });
  socket.on("error", onError);
  if (group)
    watch(
      clock,
      stop.signal,
      () => received,
      () => group.rejoin(promised, log),
    ).catch(() => {});

  return {
    port: promised.address().port,
    async send(bytes, port, address) {
      await promised.send(bytes, port, address);
    },
    close,
  };
}

async function bind(promised: SocketAsPromised, { host, port }: DatagramSocketOptions, zone: string): Promise<void> {
  try {
    // Bound to the group, the socket gets nothing of other groups with the same port.
    await promised.bind({ port, address: host + zone });
  } catch (error) {
    const code = codeOf(error);
    if (isMulticast(host) && code === "EADDRNOTAVAIL") {
      // Where a group cannot be bound to (Windows), everything with that port comes.
      await promised.bind({ port, address: host.includes(":") ? "::" : "0.0.0.0" });
      return;
    }
    if (code === "EADDRINUSE") throw new SocketFault(`port ${port} is in use by another program`, { cause: error });
    if (code === "EADDRNOTAVAIL")
      throw new SocketFault(
        `${host} is no address of this machine; to take what comes from anywhere, write @:${port} for the host`,
        { cause: error },
      );
    if (code === "EACCES") throw new SocketFault(`port ${port} is not for ordinary users`, { cause: error });
    throw new SocketFault(`the port could not be opened: ${reasonOf(error)}`, { cause: error });
  }
}

interface Group {
  /** What must follow the group's address to bind to it. */
  bindZone(): string;
  join(promised: SocketAsPromised): void;
  rejoin(promised: SocketAsPromised, log: Logger): void;
}

function createGroup(options: DatagramSocketOptions, family: 4 | 6): Group {
  const { host, sources = [] } = options;
  let joined: string | undefined;
  let failing = false;

  /** Looked up at every joining: an interface that comes back may have another address. */
  const resolve = (): NetworkInterface | undefined => {
    if (options.interface === undefined) return undefined;
    const found = findInterface(options.interface, family);
    if (typeof found === "string") throw new SocketFault(found);
    return found;
  };
  const each = (promised: SocketAsPromised, what: "add" | "drop", face: string | undefined) => {
    const { socket } = promised;
    if (sources.length === 0)
      return what === "add" ? promised.addMembership(host, face) : promised.dropMembership(host, face);
    for (const source of sources)
      if (what === "add") socket.addSourceSpecificMembership(source, host, face);
      else socket.dropSourceSpecificMembership(source, host, face);
  };
  const join = (promised: SocketAsPromised) => {
    const face = resolve();
    const argument = face && interfaceArgument(face, family);
    joined = argument;
    try {
      each(promised, "add", argument);
    } catch (error) {
      if (sources.length > 0 && joinAnySource(promised, host, argument)) return;
      const through = face ? ` through ${face.name}` : "; say which network interface with `interface`";
      throw new SocketFault(`the group ${host} could not be joined${through}: ${reasonOf(error)}`, { cause: error });
    }
  };

  return {
    bindZone() {
      // Groups of one link or node (RFC 4291 §2.7) exist on an interface only.
      const face = family === 6 && /^ff.[12]:/i.test(host) ? resolve() : undefined;
      return face ? `%${face.name}` : "";
    },
    join,
    rejoin(promised, log) {
      try {
        each(promised, "drop", joined);
      } catch {
        // The interface is gone, and our membership with it.
      }
      try {
        join(promised);
        failing = false;
      } catch (error) {
        if (!failing) log.warn(`${reasonOf(error)}; it is tried again every second`);
        failing = true;
      }
    },
  };
}

/** Deno 2 has no source-specific groups of IPv6; what others send is dropped here then. */
function joinAnySource(promised: SocketAsPromised, host: string, face: string | undefined): boolean {
  try {
    promised.addMembership(host, face);
    return true;
  } catch {
    return false;
  }
}

/** Calls `rejoin` once a second while nothing comes. */
async function watch(clock: Clock, signal: AbortSignal, received: () => number, rejoin: () => void): Promise<void> {
  let before = received();
  for (let silent = 0; ; ) {
    await clock.sleep(watchInterval, signal);
    const now = received();
    silent = now === before ? silent + 1 : 0;
    before = now;
    if (silent >= 2) {
      silent = 0;
      rejoin();
    }
  }
}

function enlarge({ socket }: SocketAsPromised, wanted: number, log: Logger): void {
  const given = enlargeReceiveBuffer(socket, wanted);
  if (given === undefined || given >= wanted || told.has(log)) return;
  told.add(log);
  log.warn(
    `the system gives a receive buffer of ${formatSize(given)} where ${formatSize(wanted)} were asked for: datagrams ` +
      `may be lost while the machine is busy; net.core.rmem_max=${wanted} (sysctl) mends it`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
