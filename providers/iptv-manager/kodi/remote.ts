// Speaks with a Kodi: JSON-RPC over HTTP or TCP, and packets to its EventServer.
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { type Clock, type Fetch, HeadendError } from "../../../core/plugin.ts";
import { refused, within } from "../callback.ts";
import { JsonCursor } from "../cursor.ts";

/** An object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

export interface RpcOptions {
  /** `http://host:8080`, its `/jsonrpc` added where it is missing, or `tcp://host:9090`. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** Calls a method. @throws HeadendError why there was no answer; Error what Kodi says against it */
export type Rpc = (method: string, params: Json, signal: AbortSignal, limit?: number) => Promise<Json>;

/** Milliseconds for an answer. */
const patience = 10_000;
const largest = 16 << 20;
const what = "Kodi's JSON-RPC";

export function createRpc(o: RpcOptions): Rpc {
  const url = new URL(o.url);
  let id = 0;
  return async (method, params, signal, limit = patience) => {
    const message = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
    const answer = url.protocol === "tcp:" ? await overTcp(id, message) : await overHttp(message);
    if (answer.error !== undefined) {
      const { code, message: said } = answer.error as Json;
      throw refused(what, `${method} is answered with error ${code}: ${said}`);
    }
    const { result } = answer;
    return typeof result === "object" && result !== null ? (result as Json) : { result };

    async function overHttp(body: string): Promise<Json> {
      const address = new URL(url);
      if (address.pathname === "/") address.pathname = "/jsonrpc";
      const credentials = Buffer.from(`${o.user ?? ""}:${o.password ?? ""}`).toString("base64");
      const headers = {
        "content-type": "application/json",
        ...(o.user !== undefined && { authorization: `Basic ${credentials}` }),
      };
      const asked = { method: "POST", headers, body, signal, timeout: limit, idle: limit, maxBytes: largest };
      const response = await o.fetch(address.href, asked);
      if (response.status === 401) throw refused(what, "it wants another user or password");
      if (!response.ok) throw new HeadendError("fetch.status", { url: what, status: response.status });
      return (await response.json()) as Json;
    }

    async function overTcp(own: number, text: string): Promise<Json> {
      const socket = connect(Number(url.port || 9090), url.hostname.replace(/^\[|\]$/g, ""));
      const failed = new Promise<never>((_, reject) =>
        socket.on("error", (error) => reject(refused(what, `it cannot be reached: ${error.message}`))),
      );
      failed.catch(() => {});
      const late = new HeadendError("fetch.timeout", { url: what, limit: `${limit / 1000}s` });
      try {
        socket.write(text);
        return await within(Promise.race([failed, answerOf(socket, own)]), limit, late, o.clock, signal);
      } finally {
        socket.destroy();
      }
    }
  };
}

/** Of the objects that come one after another, the one with this id; the others are events. */
async function answerOf(socket: AsyncIterable<Uint8Array>, id: number): Promise<Json> {
  const cursor = new JsonCursor(socket);
  while ((await cursor.peek()) !== undefined) {
    const message = (await cursor.value()) as Json;
    if (message.id === id) return message;
  }
  throw refused(what, "it hung up");
}

/**
 * The packet that has Kodi's EventServer run a builtin function: an ACTION alone, without a greeting.
 * Header of 32 bytes: `XBMC`, version 2.0, type, number and count of packets, length, a token for the session.
 */
export function formatAction(builtin: string): Uint8Array {
  const text = Buffer.from(builtin);
  const packet = Buffer.alloc(32 + 1 + text.length + 1);
  packet.write("XBMC", "latin1");
  packet[4] = 2;
  packet.writeUInt16BE(0x0a, 6);
  packet.writeUInt32BE(1, 8);
  packet.writeUInt32BE(1, 12);
  packet.writeUInt16BE(packet.length - 32, 16);
  packet.write("HEAD", 18, "latin1");
  packet[32] = 1;
  text.copy(packet, 33);
  return packet;
}

/** Has a Kodi run an add-on's address without a window. Nobody says whether it arrived. @throws Error when it cannot be sent */
export async function sendRunPlugin(address: string, host: string, port: number): Promise<void> {
  const packet = formatAction(`RunPlugin("${address.replaceAll('"', "%22")}")`);
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.send(packet, port, host, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    socket.close();
  }
}
