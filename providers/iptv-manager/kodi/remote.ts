// Speaks with a Kodi: JSON-RPC over HTTP or TCP, and packets to its EventServer.
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { formatDuration } from "../../../core/formats/duration.ts";
import { type Clock, type Fetch, HeadendError } from "../../../core/plugin.ts";
import { refused, within } from "../callback.ts";
import { JsonCursor } from "../cursor.ts";
import { oneLine } from "../streams.ts";
import { sentenceOf } from "../summary.ts";

/** An object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

export interface RpcOptions {
  /** `http://host:8080`, its `/jsonrpc` added where it is missing, or `tcp://host:9090`. */
  readonly url: string;
  readonly user: string;
  /** Absent: it wants none. */
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
    const enough = new AbortController();
    const until = AbortSignal.any([signal, enough.signal]);
    const late = new HeadendError("fetch.timeout", { url: what, limit: formatDuration(limit) });
    const asked = url.protocol === "tcp:" ? overTcp(id, message) : overHttp(message);
    // What drips has an end as well.
    const answer = objectOf(await within(asked, limit, late, o.clock, signal).finally(() => enough.abort(late)));
    if (!answer) throw refused(what, `${method} is answered with something else than JSON-RPC`);
    if (answer.error !== undefined) throw refused(what, `${method} is answered with ${tellError(answer.error)}`);
    return objectOf(answer.result) ?? { result: answer.result };

    async function overHttp(body: string): Promise<unknown> {
      const address = new URL(url);
      if (address.pathname === "/") address.pathname = "/jsonrpc";
      const credentials = Buffer.from(`${o.user}:${o.password ?? ""}`).toString("base64");
      const headers = {
        "content-type": "application/json",
        ...(o.password !== undefined && { authorization: `Basic ${credentials}` }),
      };
      const wish = { method: "POST", headers, body, signal: until, timeout: limit, idle: limit, maxBytes: largest };
      const response = await o.fetch(address.href, wish);
      const { status, ok } = response;
      if (!ok) await response.body?.cancel();
      if (status === 401) throw refused(what, "it wants another user or password");
      if (!ok) throw new HeadendError("fetch.status", { url: what, status });
      const text = await response.text();
      try {
        return JSON.parse(text);
      } catch {
        return undefined;
      }
    }

    async function overTcp(own: number, text: string): Promise<unknown> {
      const socket = connect(Number(url.port || 9090), url.hostname.replace(/^\[|\]$/g, ""));
      socket.on("error", () => {});
      until.addEventListener("abort", () => socket.destroy(), { once: true });
      try {
        socket.write(text);
        return await answerOf(socket, own);
      } catch (error) {
        if (error instanceof HeadendError || error instanceof SyntaxError) throw error;
        throw refused(what, `it cannot be reached: ${sentenceOf(error)}`);
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
    const message = objectOf(await cursor.value());
    if (message?.id === id) return message;
  }
  throw refused(what, "it hung up");
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** What Kodi says against a question: a number and some words. */
function tellError(error: unknown): string {
  const { code, message } = objectOf(error) ?? {};
  const words = typeof message === "string" ? `: ${oneLine(message).slice(0, 200)}` : "";
  return typeof code === "number" ? `error ${code}${words}` : "an error";
}

/** Bytes of a packet that Kodi's EventServer takes; what is longer it passes over in silence. */
const packetSize = 1024;

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
  // Nothing in it ends the text, the argument or the packet.
  const packet = formatAction(`RunPlugin("${address.replace(/["\\\p{Cc}]/gu, encodeURIComponent)}")`);
  if (packet.length > packetSize) throw new Error("the address is too long for it");
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
