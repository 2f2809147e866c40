// A dial with everything real behind it, a web server whose answers a test writes, and readers of what is opened.
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../../core/clock.ts";
import { createFetch, createOriginLimiter } from "../../../core/fetch/index.ts";
import { createLog } from "../../../core/log.ts";
import type { Clock, Dial } from "../../../core/plugin.ts";
import type { DialContext, FfmpegSettings } from "../../../core/transport/context.ts";
import { createDial } from "../../../core/transport/dial.ts";
import type { Source, TransportSource } from "../../../core/types.ts";
import { tools } from "../../support/media.ts";

/** A dial, what it was given, and what it wrote to the log. */
export interface Dialling {
  readonly dial: Dial;
  readonly context: DialContext;
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export async function openDialling(
  o: { readonly ffmpeg?: FfmpegSettings; readonly clock?: Clock } = {},
): Promise<Dialling> {
  const folder = await mkdtemp(join(tmpdir(), "headend-dial-"));
  const control = new AbortController();
  const lines: string[] = [];
  const clock = o.clock ?? systemClock;
  const log = createLog({ level: "debug", format: "text", clock: systemClock, write: (line) => lines.push(line) });
  const { signal } = control;
  const limiter = createOriginLimiter(1);
  const fetch = createFetch({
    name: "one",
    folder,
    clock,
    log,
    base: folder,
    signal,
    userAgent: "Headend/test",
    limiter,
  });
  const ffmpeg = o.ffmpeg ?? (tools ? { path: tools.ffmpeg } : {});
  const context: DialContext = { fetch, clock, log, signal, ffmpeg };
  return {
    dial: createDial(context),
    context,
    lines,
    async close() {
      control.abort(new Error("the test is over"));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A web server on a port of its own. */
export interface Web {
  /** `http://127.0.0.1:<port>` */
  readonly base: string;
  /** Sockets that are open now. */
  readonly open: number;
  /** Requests so far, with their headers. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

export async function openWeb(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Web> {
  const requests: IncomingMessage[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on("connection", (socket) => {
    open++;
    socket.on("error", () => {});
    socket.on("close", () => open--);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    requests,
    get open() {
      return open;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers like a live channel: bytes again and again, without a length, until the viewer leaves. */
export function sendForEver(response: ServerResponse, bytes: Uint8Array, head: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "application/octet-stream", ...head });
  const send = () => {
    while (!response.destroyed) if (!response.write(bytes)) return;
  };
  response.on("drain", send);
  response.on("error", () => {});
  send();
}

/** The source, which must be a transport stream. */
export function transport(source: Source): TransportSource {
  if (source.kind !== "ts") throw new Error(`this is ${source.kind}`);
  return source;
}

/** Reads at least so many bytes, or all there are, then leaves. */
export async function readBytes(source: Source, atLeast = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of transport(source).chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= atLeast) break;
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** A program that this process has started and that has not ended. */
export interface Program {
  readonly pid: number;
  readonly command: string;
}

/** Our own programs whose arguments have this one; none where the system has no /proc to look into. */
export function programsWith(argument: string): Program[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const parent = / \S (\d+) /.exec(readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\)/s, ""))?.[1];
        if (Number(parent) !== process.pid) return [];
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
        // A zombie has no arguments any more.
        return words.includes(argument) || words[0] === "" ? [{ pid: Number(name), command: words.join(" ") }] : [];
      } catch {
        return [];
      }
    });
}

/** Programs of a process group that still run. What has ended and waits for init to take note counts as gone. */
export function countGroup(group: number): number {
  const stats = readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\)/s, "") : [];
    } catch {
      return [];
    }
  });
  return stats.filter((stat) => new RegExp(`^ [^Z] \\d+ ${group} `).test(stat)).length;
}
