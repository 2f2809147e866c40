// Listens for HTTP on Bun or Deno and hands each request to one function.
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { systemClock } from "../clock.ts";
import { HeadendError } from "../errors.ts";
import { reasonOf } from "../reason.ts";

/** Who sent a request; the address is looked up only when it is asked for. */
export interface Peer {
  readonly address: string;
}

/** What answers. */
export type Handler = (request: Request, peer: Peer) => Response | Promise<Response>;

/** A listening server. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops listening, gives answers under way `grace` milliseconds (default 300), then cuts them; Deno can cut them only by ending. */
  stop(grace?: number): Promise<void>;
}

/**
 * Seconds without a byte in either direction after which Bun cuts a connection; its largest value. Header lines that
 * trickle in do not count as bytes, so a client that never finishes its request is gone after it, and so is one that
 * stops reading: nothing is held for it meanwhile but a socket and an open file. A stream that is silent for longer
 * must send something, as event streams do with comment lines. Deno has no such limit: in front of untrusted clients
 * it wants a proxy.
 */
const idleSeconds = 255;

/** @throws HeadendError `server.listen` */
export async function serve(o: { host: string; port: number; fetch: Handler }): Promise<Listener> {
  const literal = o.host.replace(/^\[(.*)\]$/, "$1");
  const address = `${isIP(literal) === 6 ? `[${literal}]` : literal}:${o.port}`;
  try {
    // Bun calls a name that it cannot resolve "in use"; resolving first says what is wrong.
    const hostname = isIP(literal) ? literal : (await lookup(literal)).address;
    return typeof Bun === "undefined" ? onDeno(hostname, o.port, o.fetch) : onBun(hostname, o.port, o.fetch);
  } catch (thrown) {
    throw new HeadendError("server.listen", { address, reason: whyNot(thrown) }, thrown);
  }
}

function onBun(hostname: string, port: number, fetch: Handler): Listener {
  const server = Bun.serve({
    hostname,
    port,
    idleTimeout: idleSeconds,
    // Otherwise Bun writes the errors of bodies that fail to stderr, past the log; without it, it would share the port.
    development: false,
    reusePort: false,
    fetch: (request, server) => fetch(request, new BunPeer(request, server)),
    // Reached when a file went away between the answer and its sending: everything else is caught before.
    error: () => new Response("not there yet\n", { status: 503, headers: { "retry-after": "30" } }),
  });
  return {
    host: server.hostname ?? hostname,
    port: server.port ?? port,
    async stop(grace = 300) {
      await within(grace, server.stop(false));
      await within(grace, server.stop(true));
    },
  };
}

class BunPeer implements Peer {
  private readonly request: Request;
  private readonly server: Bun.Server<undefined>;
  private known: string | undefined;

  constructor(request: Request, server: Bun.Server<undefined>) {
    this.request = request;
    this.server = server;
  }

  get address(): string {
    this.known ??= this.server.requestIP(this.request)?.address ?? "";
    return this.known;
  }
}

/** The part of Deno that is used here: the project is type-checked with Bun's types. */
interface DenoServe {
  serve(
    options: { hostname: string; port: number; onListen(): void; onError(): Response },
    handler: (request: Request, info: { remoteAddr: { hostname?: string } }) => Response | Promise<Response>,
  ): { addr: { hostname: string; port: number }; shutdown(): Promise<void> };
}

function onDeno(hostname: string, port: number, fetch: Handler): Listener {
  const { Deno } = globalThis as unknown as { Deno: DenoServe };
  const server = Deno.serve(
    {
      hostname,
      port,
      onListen() {},
      onError: () => new Response("something went wrong here; the log says what\n", { status: 500 }),
    },
    (request, info) => fetch(request, { address: info.remoteAddr.hostname ?? "" }),
  );
  return {
    host: server.addr.hostname,
    port: server.addr.port,
    stop: (grace = 300) => within(grace, server.shutdown()),
  };
}

/** Waits for something, but not for long. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const enough = new AbortController();
  const settled = work.catch(() => {}).then(() => enough.abort());
  await Promise.race([settled, systemClock.sleep(ms, enough.signal).catch(() => {})]);
}

function whyNot(thrown: unknown): string {
  const code = (thrown as { code?: unknown }).code;
  if (code === "EADDRINUSE") return "another program is using it; stop that, or choose another port";
  if (code === "EACCES") return "this user may not open it; ports below 1024 need a privilege";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the name is not known";
  return reasonOf(thrown);
}
