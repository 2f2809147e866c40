// Room for datagrams that come while the program is busy, where the runtime can take it.

/** The part of a socket of node:dgram that this needs. */
interface Receiver {
  setRecvBufferSize(bytes: number): void;
  getRecvBufferSize(): number;
}

/**
 * Asks the kernel for a receive buffer and says how large it now is, in bytes; undefined where nothing was asked. Deno
 * would take memory of that size for every datagram, and lose most of them.
 */
export function enlargeReceiveBuffer(socket: Receiver, bytes: number): number | undefined {
  if (typeof Bun === "undefined") return undefined;
  try {
    socket.setRecvBufferSize(bytes);
  } catch {
    // Some kernels refuse what is too much instead of giving less.
  }
  return socket.getRecvBufferSize();
}
