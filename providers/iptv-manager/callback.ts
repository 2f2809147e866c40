// The listener that a Kodi add-on calls back: one connection, one document, and a limit on everything.
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import { formatDuration, formatSize } from "../../core/formats/duration.ts";
import { type Clock, HeadendError } from "../../core/plugin.ts";

/** Milliseconds and bytes that one half of a source may take. */
export interface Limits {
  /** From the trigger to the connection. */
  readonly connect: number;
  /** Without a byte, once connected. */
  readonly silence: number;
  /** From the trigger to the last byte. */
  readonly total: number;
  readonly maxBytes: number;
}

export interface CallbackOptions {
  /** What errors call it. */
  readonly what: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Address to listen on; default: 127.0.0.1. */
  readonly listen?: string;
  /** The only address that may call, where `listen` is not of this machine alone. */
  readonly from?: string;
  /** Default: any that is free. */
  readonly port?: number;
  /** Said behind that nobody called. */
  readonly nobody?: string;
}

export interface Callback {
  readonly port: number;
  /** Resolves when somebody has called; never rejects. */
  readonly called: Promise<void>;
  /** The document, read once. @throws HeadendError `fetch.*` when a limit is passed or nothing came */
  chunks(): AsyncGenerator<Uint8Array>;
  close(): void;
}

/** Opens a port for one call; it is closed when the call has come, a limit has passed, or the signal aborts. */
export async function openCallback(o: CallbackOptions): Promise<Callback> {
  const { what, limits, clock } = o;
  const stop = new AbortController();
  const signal = AbortSignal.any([o.signal, stop.signal]);
  const server = createServer();
  const call = Promise.withResolvers<Socket>();
  let socket: Socket | undefined;
  server.on("connection", (peer) => {
    // Who goes without a word has said nothing, which is told below.
    peer.on("error", () => {});
    if (socket || signal.aborted || !mayCall(peer.remoteAddress ?? "", o.from)) return void peer.destroy();
    socket = peer;
    server.close();
    call.resolve(peer);
  });
  const { port } = await listen(server, o.listen ?? "127.0.0.1", o.port ?? 0, what);
  const close = () => {
    stop.abort(new HeadendError("fetch.refused", { url: what, reason: "it was ended" }));
    server.close();
    socket?.destroy();
  };
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  endInTime(stop, clock, what, limits.total, signal);

  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      const none = `nobody called back within ${formatDuration(limits.connect)}${o.nobody ?? ""}`;
      const peer = await within(call.promise, limits.connect, refused(what, none), clock, signal);
      const reader = peer[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      let received = 0;
      for (;;) {
        const late = new HeadendError("fetch.stalled", { url: what, limit: formatDuration(limits.silence) });
        const { done, value } = await within(reader.next(), limits.silence, late, clock, signal);
        if (done) break;
        received += value.length;
        if (received > limits.maxBytes)
          throw new HeadendError("fetch.size", { url: what, limit: formatSize(limits.maxBytes) });
        yield value;
      }
      if (received === 0) throw refused(what, "it called back and sent nothing");
    } finally {
      close();
    }
  }

  return { port, called: call.promise.then(() => {}), chunks, close };
}

/** Aborts what is not over when `total` milliseconds have passed; the signal ends the waiting. */
export function endInTime(stop: AbortController, clock: Clock, what: string, total: number, signal: AbortSignal): void {
  clock.sleep(total, signal).then(
    () => stop.abort(refused(what, notDone(total))),
    () => {},
  );
}

export function notDone(total: number): string {
  return `it was not done within ${formatDuration(total)}`;
}

/** What the work gives, unless it is late or the signal aborts first. */
export async function within<T>(
  work: Promise<T>,
  ms: number,
  late: Error,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const enough = new AbortController();
  const limit = clock.sleep(ms, AbortSignal.any([signal, enough.signal])).then(() => {
    throw late;
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    enough.abort();
    // Whichever came second has nobody who waits for it.
    limit.catch(() => {});
    work.catch(() => {});
  }
}

export function refused(url: string, reason: string): HeadendError {
  return new HeadendError("fetch.refused", { url, reason });
}

function mayCall(address: string, from: string | undefined): boolean {
  return from === undefined ? isLoopback(address) : plainAddress(address) === plainAddress(from);
}

/** Whether an address is of this machine alone. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === "::1" || plain.startsWith("127.");
}

/** Without the clothes that IPv4 has on a socket for both, and IPv6 in the one way that it is written. */
function plainAddress(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  return isIPv6(plain) ? new URL(`http://[${plain}]`).hostname.slice(1, -1) : plain;
}

function listen(server: Server, host: string, port: number, what: string): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(refused(what, `its callback cannot be listened for: ${error.message}`));
    server.once("error", failed);
    server.listen({ host, port, backlog: 1 }, () => {
      server.off("error", failed);
      // A listener that fails later leaves a call that never comes, which has its limit.
      server.on("error", () => {});
      const address = server.address();
      resolve({ port: typeof address === "object" && address ? address.port : 0 });
    });
  });
}
