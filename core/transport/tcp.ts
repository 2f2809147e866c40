// A TCP port where short questions are asked: one listener for all in this process who answer there.
import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock, Logger } from "../plugin.ts";
import { reasonOf } from "../reason.ts";
import { isNearAddress, plainAddress } from "./udp/links.ts";

/** What came of the bytes that have come so far. */
export interface Taken {
  /** Bytes that are done with; 0: more are needed. */
  readonly used: number;
  readonly answer?: Uint8Array;
}

export interface AnswererOptions {
  readonly port: number;
  /** Who is answered: those near, by `isNearAddress()`, or all. */
  readonly allow: "private" | "all";
  /**
   * How much one who asks from there, at this address of ours, means this one: of several who answer at the port the
   * highest does, the first of equals. Undefined: not at all.
   */
  readonly rank: (peer: string, own: string) => number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with all that was not used yet, again while it uses something. Whatever it throws ends the connection. */
  readonly onBytes: (bytes: Uint8Array) => Taken;
}

export interface Answerer {
  /** Why nobody can ask; for people. */
  readonly fault: string | undefined;
  close(): Promise<void>;
}

/** Milliseconds after which a connection ends on which nothing is asked. */
const idleTime = 60_000;
/** Milliseconds between two tries to open a port. */
const retryInterval = 30_000;
/** Connections at once, and of one address. */
const mostConnections = 64;
const mostOfOne = 8;
/** Bytes that may wait for what follows. */
const mostWaiting = 4096;

const ports = new Map<number, SharedListener>();

interface SharedListener {
  join(options: AnswererOptions): Promise<Answerer>;
}

/**
 * Answers at a port. Connections do not say whom of several they mean: `rank` tells, when they begin.
 * Resolves when it has been tried to open it: where it cannot be opened, `fault` says why, and it is tried again.
 */
export async function openAnswerer(options: AnswererOptions): Promise<Answerer> {
  const listener = ports.get(options.port) ?? createListener(options, () => ports.delete(options.port));
  ports.set(options.port, listener);
  return await listener.join(options);
}

function createListener({ port, clock }: AnswererOptions, empty: () => void): SharedListener {
  const members = new Set<AnswererOptions>();
  const stop = new AbortController();
  const connections = new Map<Socket, string>();
  let server: Server | undefined;
  let fault: string | undefined;

  const open = async () => {
    const opened = createServer((socket) => serve(socket));
    try {
      await listen(opened, port);
    } catch (error) {
      fault = isInUse(error)
        ? `TCP port ${port} is in use by another program`
        : `TCP port ${port} could not be opened: ${reasonOf(error)}`;
      return;
    }
    if (stop.signal.aborted) return void opened.close();
    fault = undefined;
    server = opened;
    opened.on("error", (error) => {
      fault = reasonOf(error);
      server = undefined;
    });
  };
  const opening = open();
  const retry = async () => {
    for (;;) {
      await clock.sleep(retryInterval, stop.signal);
      if (!server) await open();
    }
  };
  retry().catch(() => {});

  const serve = (socket: Socket) => {
    // Who goes without a word is no fault.
    socket.on("error", () => socket.destroy());
    const peer = plainAddress(socket.remoteAddress ?? "");
    const own = plainAddress(socket.localAddress ?? "");
    let member: AnswererOptions | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    for (const each of members) {
      const rank = each.allow === "all" || isNearAddress(peer) ? each.rank(peer, own) : undefined;
      if (rank === undefined || (member && rank <= highest)) continue;
      member = each;
      highest = rank;
    }
    const ofOne = [...connections.values()].filter((each) => each === peer).length;
    if (!member || connections.size >= mostConnections || ofOne >= mostOfOne) return socket.destroy();
    const chosen = member;
    connections.set(socket, peer);
    let waiting: Uint8Array = new Uint8Array(0);
    let asked = 0;
    socket.on("close", () => connections.delete(socket));
    socket.on("end", () => socket.end());
    socket.on("data", (bytes: Uint8Array) => {
      asked++;
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
      try {
        for (;;) {
          const { used, answer } = chosen.onBytes(waiting);
          if (answer) socket.write(answer);
          // Who does not read his answers asks no more.
          if (socket.writableLength > mostWaiting) throw new Error("not read");
          if (used === 0) break;
          waiting = waiting.subarray(used);
        }
        if (waiting.length > mostWaiting) throw new Error("too long");
      } catch {
        socket.destroy();
      }
    });
    const idle = async () => {
      for (let before = -1; before !== asked; ) {
        before = asked;
        await clock.sleep(idleTime, stop.signal);
      }
      socket.destroy();
    };
    idle().catch(() => socket.destroy());
  };

  return {
    async join(options) {
      members.add(options);
      await opening;
      return {
        get fault() {
          return fault;
        },
        async close() {
          if (!members.delete(options) || members.size > 0) return;
          empty();
          stop.abort();
          for (const socket of connections.keys()) socket.destroy();
          await opening;
          const closing = server;
          if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()));
        },
      };
    },
  };
}

/** By both IPv6 and IPv4 where the machine has both. */
async function listen(server: Server, port: number): Promise<void> {
  const at = (host: string) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  await at("::").catch((error) => {
    if (isInUse(error)) throw error;
    return at("0.0.0.0");
  });
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
