// The socket of an RTSP connection, plain or in TLS; it can be read seldom, which costs less than being woken by every packet.
import { X509Certificate } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { HeadendError } from "../../errors.ts";
import { formatDuration } from "../../formats/duration.ts";
import type { Clock } from "../../plugin.ts";
import { reasonOf } from "../../reason.ts";
import type { TlsChoice } from "./address.ts";
import { beatPause, createBeat } from "./beat.ts";

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: plain. */
  readonly tls?: TlsChoice;
  /** The address of this machine to connect from. */
  readonly localAddress?: string;
  /** The address for errors, without secrets. */
  readonly shown: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Milliseconds for the connection. */
  readonly limit: number;
}

export interface Wire {
  readonly socket: Socket;
  /** Takes what comes; its memory is used again. Once, and at once. */
  read(onBytes: (bytes: Uint8Array) => void): void;
  /** Stops reading, or goes on. */
  hold(full: boolean): void;
  /** From now on what came is taken some times a second only, together; of TLS it comes as it did. */
  relax(): void;
}

/** Bytes that are read at once. */
const roomBytes = 256 * 1024;
/**
 * Who sent nearly as much as its window lets it while nobody read may have more that waits, and must not be held up. A
 * window is taken to be as large as this, or as what has once waited; and how much is nearly all of it.
 */
const leastWindow = 64 * 1024;
const nearly = 7 / 8;

/** @throws HeadendError `dial.refused`, `dial.timeout`, or the signal's reason */
export async function openWire(options: WireOptions): Promise<Wire> {
  const { clock, signal, shown, limit } = options;
  signal.throwIfAborted();
  let held = false;
  let relaxed = false;
  let paused = false;
  let window = leastWindow;
  /** Nothing was read for a while before this read. */
  let rested = false;
  let busyUntil = 0;
  let onBytes: ((bytes: Uint8Array) => void) | undefined;
  let early: Uint8Array[] = [];
  const take = (bytes: Uint8Array) => {
    if (onBytes) onBytes(bytes);
    else early.push(new Uint8Array(bytes));
  };
  const resume = () => {
    if (held || !paused || socket.destroyed) return;
    paused = false;
    rested = true;
    socket.resume();
  };
  /** @returns whether to go on reading at once */
  const onRead = (count: number, room: Uint8Array) => {
    take(count === room.length ? room : room.subarray(0, count));
    if (rested) window = Math.max(window, count);
    rested = false;
    if (relaxed && count >= window * nearly) busyUntil = clock.monotonic() + beatPause;
    const rests = relaxed && (busyUntil === 0 || clock.monotonic() >= busyUntil);
    if (rests) beat.next(resume);
    paused = held || rests;
    return !paused;
  };
  const beat = createBeat(clock);
  const socket = options.tls ? dialTls(options, options.tls) : dialPlain(options, onRead);
  if (options.tls) socket.on("data", take);
  const settled = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = (reason: string, cause?: unknown) =>
        reject(new HeadendError("dial.refused", { url: shown, reason }, cause));
      socket.once(options.tls ? "secureConnect" : "connect", () => {
        const fault = options.tls && faultOf(socket as TLSSocket, options.tls);
        if (fault) refuse(fault);
        else resolve();
      });
      socket.once("error", (error) => refuse(whyNot(error), error));
      socket.once("close", () => refuse("the connection was closed at once"));
      signal.addEventListener("abort", () => reject(signal.reason), { signal: settled.signal });
      clock.sleep(limit, settled.signal).then(
        () => reject(new HeadendError("dial.timeout", { url: shown, limit: formatDuration(limit) })),
        () => {},
      );
    });
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  } finally {
    settled.abort();
  }
  return {
    socket,
    read(to) {
      onBytes = to;
      for (const bytes of early) to(bytes);
      early = [];
    },
    hold(full) {
      held = full;
      if (!options.tls) return resume();
      if (full) socket.pause();
      else socket.resume();
    },
    relax() {
      relaxed = options.tls === undefined;
    },
  };
}

function dialPlain(
  { host, port, localAddress }: WireOptions,
  onRead: (count: number, room: Uint8Array) => boolean,
): Socket {
  return connect({
    host,
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
    onread: { buffer: new Uint8Array(roomBytes), callback: onRead },
  });
}

function dialTls({ host, port, localAddress }: WireOptions, tls: TlsChoice): TLSSocket {
  const name = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const from = localAddress === undefined ? {} : { localAddress };
  const socket = connectTls({ host, port, ...name, ...from, rejectUnauthorized: tls.check === true });
  socket.setNoDelay(true);
  return socket;
}

/** Why this is not the server that is meant, in words. */
function faultOf(socket: TLSSocket, { fingerprint }: TlsChoice): string | undefined {
  if (fingerprint === undefined) return undefined;
  const { raw } = socket.getPeerCertificate();
  const own = raw && new X509Certificate(raw).fingerprint256.replaceAll(":", "").toLowerCase();
  return own === fingerprint ? undefined : `its certificate is another: ${own || "it has none"}`;
}

function whyNot(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  if (code === "ECONNREFUSED") return "nobody listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the host is not known";
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code)) return `its certificate is not to be trusted: ${code}`;
  return reasonOf(error);
}
