// What the server's tests share: a headend that stands still, raw sockets, and a listening server.
import { Buffer } from "node:buffer";
import net from "node:net";
import { createHub } from "../../../core/hub/index.ts";
import type { Logger } from "../../../core/plugin.ts";
import { type Listener, serve } from "../../../core/runtime/serve.ts";
import {
  createServer,
  type Headend,
  type Server,
  type ServerOptions,
  type Streams,
} from "../../../core/server/index.ts";
import type { LineupChannel, Programme } from "../../../core/types.ts";
import { createTestClock } from "../../support/clock.ts";

/** A log whose lines can be read. */
export function createTestLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const line = (sentence: string, details?: unknown) => {
    lines.push(details === undefined ? sentence : `${sentence} ${JSON.stringify(details)}`);
  };
  return { lines, debug: line, info: line, warn: line, error: line };
}

export function channelOf(n: number): LineupChannel {
  return {
    id: `italia:${n}`,
    instance: "italia",
    number: String(n),
    name: `Channel ${n}`,
    guideId: `ch${n}.it`,
    alternates: [],
    url: `http://user:secret@upstream.invalid/${n}`,
  };
}

/** A headend of two instances and `channels` channels. */
export function createTestHeadend(changes: Partial<Headend> = {}, channels = 3): Headend {
  const all = Array.from({ length: channels }, (_, i) => channelOf(i + 1));
  const programme: Programme = { channel: "ch1.it", start: 1000, stop: 2000, titles: [{ value: "News" }] };
  const instance = {
    use: "m3u",
    mount: "/tdt",
    state: "ok",
    sentence: "fine",
    channels,
    programmesKept: 1,
    sources: [],
  } as const;
  const report = {
    version: "1.2.3",
    started: "2026-01-01T12:00:00.000Z",
    instances: [
      { ...instance, name: "italia" },
      { ...instance, name: "world" },
    ],
    guide: {},
  };
  return {
    version: "1.2.3",
    lineup: {
      ready: true,
      channels: (name) => (name === undefined || name === "italia" ? all : []),
      tag: () => "1",
      get: (id) => all.find((channel) => channel.id === id),
      original: () => undefined,
      onChange() {},
    },
    guide: {
      artefact: async () => undefined,
      programmes: async () => [programme],
      nowNext: async () => ({ now: programme }),
      matches: () => [{ source: "epg", sourceId: "Ch1", guideId: "ch1.it", step: "normalised" }],
      unmatched: async () => ({ epg: ["Ch9"] }),
      onChange() {},
    },
    status: () => report,
    ready: () => true,
    health: () => ({ ok: true, problems: [] }),
    refresh: async () => {},
    ...changes,
  };
}

/** A hub that has nothing to show. */
export const noStreams: Streams = {
  hub: createHub({
    clock: createTestClock(),
    log: createTestLog(),
    candidates: () => [],
    settings: () => ({ linger: 0, stall: 2000, slate: 0 }),
  }),
  output: () => undefined,
  extensions: () => [],
  elsewhere: () => undefined,
  timeZone: () => "UTC",
  metrics: async () => "",
};

export type TestServer = Server & Listener & { readonly url: string; readonly log: ReturnType<typeof createTestLog> };

/** A server on loopback; `arrange` mounts what the test needs. Stop it. */
export async function openServer(
  options: Partial<ServerOptions> = {},
  arrange: (server: Server) => void = () => {},
): Promise<TestServer> {
  const log = createTestLog();
  const server = createServer({
    headend: createTestHeadend(),
    streams: noStreams,
    access: { users: {}, tokens: {} },
    trustedProxies: [],
    log,
    clock: createTestClock(),
    ...options,
  });
  arrange(server);
  const listener = await serve({ host: "127.0.0.1", port: 0, fetch: server.fetch });
  return { ...server, ...listener, log, url: `http://127.0.0.1:${listener.port}` };
}

/** Sends bytes as they are and gives all that comes back until the other side closes. */
export function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => socket.write(Buffer.from(text, "latin1")));
    socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    socket.on("end", () => socket.end());
  });
}

/** A request of one line and some headers, answered and closed. */
export function ask(port: number, line: string, headers: Record<string, string> = {}): Promise<string> {
  const lines = Object.entries({ Host: "tv", Connection: "close", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return exchange(port, `${line} HTTP/1.1\r\n${lines.join("")}\r\n`);
}

/** Status, headers and body of a raw answer; a chunked body is put together. */
export function readAnswer(raw: string): { status: number; headers: Map<string, string>; body: string } {
  const end = raw.indexOf("\r\n\r\n");
  const [first = "", ...lines] = raw.slice(0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  let body = raw.slice(end + 4);
  if (headers.get("transfer-encoding") === "chunked") {
    let rest = body;
    body = "";
    for (;;) {
      const size = Number.parseInt(rest, 16);
      if (!size) break;
      const start = rest.indexOf("\r\n") + 2;
      body += rest.slice(start, start + size);
      rest = rest.slice(start + size + 2);
    }
  }
  return { status: Number(first.split(" ")[1]), headers, body };
}
